"""Which state of the shop's order was last taken in whole, and by which transaction.

An import asks in full only for orders that the shop has in another state by now.

Revision ID: b3d5f7a92c81
Revises: e9c1d3f50627
"""

from alembic import op

revision = "b3d5f7a92c81"
down_revision = "e9c1d3f50627"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.execute("ALTER TABLE orders ADD COLUMN shop_revision text, ADD COLUMN taken_in bigint")
    # Apart from its column: so old rows have none, and the table is not rewritten.
    op.execute("""
        ALTER TABLE orders
        ALTER COLUMN taken_in SET DEFAULT pg_current_xact_id()::text::bigint""")


def downgrade() -> None:
    op.execute("ALTER TABLE orders DROP COLUMN taken_in, DROP COLUMN shop_revision")
