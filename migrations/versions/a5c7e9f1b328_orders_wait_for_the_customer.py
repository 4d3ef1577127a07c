"""An order can be marked as waiting for its customer, with a note.

Revision ID: a5c7e9f1b328
Revises: f4b6c8d0e217
"""

from alembic import op

revision = "a5c7e9f1b328"
down_revision = "f4b6c8d0e217"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.execute("""
        ALTER TABLE orders
            ADD COLUMN customer_asked_at timestamptz,
            ADD COLUMN customer_asked_by text,
            ADD COLUMN customer_note text""")


def downgrade() -> None:
    op.execute("""
        ALTER TABLE orders
            DROP COLUMN customer_asked_at,
            DROP COLUMN customer_asked_by,
            DROP COLUMN customer_note""")
