"""When the shop cancelled an order; and orders are found by their number in any case.

Revision ID: c0e2f4a61839
Revises: b9d1e3f50728
"""

from alembic import op

revision = "c0e2f4a61839"
down_revision = "b9d1e3f50728"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.execute("ALTER TABLE orders ADD COLUMN cancelled_at timestamptz")
    op.execute("CREATE INDEX ix_orders_number_upper ON orders (upper(order_number))")


def downgrade() -> None:
    op.execute("DROP INDEX ix_orders_number_upper")
    op.execute("ALTER TABLE orders DROP COLUMN cancelled_at")
