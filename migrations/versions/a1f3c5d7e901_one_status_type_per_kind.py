"""Older shops hold one status type for both kinds of versions: give each kind its own.

Nothing happens in a database that has the two types already.
"""

from alembic import op
from sqlalchemy import text

revision = "a1f3c5d7e901"
down_revision = "7c5d4e6f8a9b"
branch_labels = None
depends_on = None

OLD = "imageprocessingstatus"
NEW = {
    "coloring_versions": (
        "coloringprocessingstatus",
        "'pending', 'queued', 'processing', 'runpod_submitting', 'runpod_submitted', "
        "'runpod_queued', 'runpod_processing', 'runpod_completed', 'storage_upload', "
        "'completed', 'error', 'runpod_cancelled'",
    ),
    "svg_versions": (
        "svgprocessingstatus",
        "'pending', 'queued', 'processing', 'vectorizer_processing', 'vectorizer_completed', "
        "'storage_upload', 'completed', 'error'",
    ),
}


def _status_type(table: str) -> str:
    found = op.get_bind().scalar(
        text("SELECT atttypid::regtype::text FROM pg_attribute "
             "WHERE attrelid = CAST(:table AS regclass) AND attname = 'status'"),
        {"table": table},
    )
    return str(found)


def upgrade() -> None:
    for table, (new, values) in NEW.items():
        if _status_type(table) != OLD:
            continue
        op.execute(
            f"DO $$ BEGIN IF to_regtype('{new}') IS NULL "
            f"THEN CREATE TYPE {new} AS ENUM ({values}); END IF; END $$"
        )
        default = op.get_bind().scalar(
            text("SELECT column_default FROM information_schema.columns "
                 "WHERE table_schema = current_schema() AND table_name = :table "
                 "AND column_name = 'status'"),
            {"table": table},
        )
        # A default keeps the old type alive and cannot be cast along with the column.
        if default is not None:
            op.execute(f"ALTER TABLE {table} ALTER COLUMN status DROP DEFAULT")
        op.execute(f"ALTER TABLE {table} ALTER COLUMN status TYPE {new} USING status::text::{new}")
    op.execute(f"DROP TYPE IF EXISTS {OLD}")


def downgrade() -> None:
    """The schema before this revision is the one with two types: nothing to take back."""
