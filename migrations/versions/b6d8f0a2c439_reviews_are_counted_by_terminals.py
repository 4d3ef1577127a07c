"""Terminals count themselves what they judged; the index for it goes.

Revision ID: b6d8f0a2c439
Revises: a5c7e9f1b328
"""

from alembic import op

revision = "b6d8f0a2c439"
down_revision = "a5c7e9f1b328"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.execute("DROP INDEX ix_reviews_done")


def downgrade() -> None:
    op.execute("""
        CREATE INDEX ix_reviews_done ON reviews (terminal_id)
        WHERE decision IS NOT NULL AND terminal_id IS NOT NULL""")
