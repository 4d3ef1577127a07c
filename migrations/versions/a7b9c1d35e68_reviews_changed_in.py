"""A decision of the review marks its order as changed, for readers without a hub.

Most decisions change an image or a version as well; a note does not. A claim on a picture changes
nothing that others show, so it marks nothing.

Revision ID: a7b9c1d35e68
Revises: f6a8b0c24d57
"""

from alembic import op

revision = "a7b9c1d35e68"
down_revision = "f6a8b0c24d57"
branch_labels = None
depends_on = None


def upgrade() -> None:
    # A constant default: the table is not rewritten.
    op.execute("ALTER TABLE reviews ADD COLUMN changed_in bigint NOT NULL DEFAULT 0")
    op.execute("CREATE INDEX ix_reviews_changed_in ON reviews (changed_in)")
    op.execute("""
        CREATE TRIGGER mark_changed BEFORE INSERT OR UPDATE OF decision ON reviews
        FOR EACH ROW EXECUTE FUNCTION fototui_mark_changed()""")


def downgrade() -> None:
    op.execute("DROP TRIGGER mark_changed ON reviews")
    op.execute("ALTER TABLE reviews DROP COLUMN changed_in")
