"""The shop's schema, second step: versions remember the outside service's job."""

from alembic import op

revision = "59d0e8a1b461"
down_revision = "4bf86552fe5b"
branch_labels = None
depends_on = None


def upgrade() -> None:
    # IF NOT EXISTS: what a shop's database is called by Alembic and what it holds may differ.
    op.execute("ALTER TABLE coloring_versions ADD COLUMN IF NOT EXISTS runpod_job_id varchar(100)")
    op.execute("ALTER TABLE svg_versions ADD COLUMN IF NOT EXISTS vectorizer_job_id varchar(100)")


def downgrade() -> None:
    """Never reached: 7c5d4e6f8a9b, the first on the way down, refuses."""
