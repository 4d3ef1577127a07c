"""Older shops hold one status type for both kinds of versions: give each kind its own.

Nothing happens in a database that has the two types already. Where something happens, a comment on
the column remembers it, so that the way back leads to the one type again.
"""

from alembic import op
from sqlalchemy import text

revision = "a1f3c5d7e901"
down_revision = "7c5d4e6f8a9b"
branch_labels = None
depends_on = None

OLD = "imageprocessingstatus"
MARK = "fototui: was imageprocessingstatus"
NEW = {
    "coloring_versions": (
        "coloringprocessingstatus",
        "'pending', 'queued', 'processing', 'runpod_submitting', 'runpod_submitted', "
        "'runpod_queued', 'runpod_processing', 'completed', 'error', 'storage_upload', "
        "'runpod_completed', 'runpod_cancelled'",
    ),
    "svg_versions": (
        "svgprocessingstatus",
        "'pending', 'queued', 'processing', 'vectorizer_processing', 'completed', 'error', "
        "'storage_upload', 'vectorizer_completed'",
    ),
}
MADE = "fototui: made of imageprocessingstatus"
OLD_VALUES = ("pending", "queued", "processing", "completed", "error")


def _status_type(table: str) -> str:
    found = op.get_bind().scalar(
        text(
            "SELECT atttypid::regtype::text FROM pg_attribute "
            "WHERE attrelid = CAST(:table AS regclass) AND attname = 'status'"
        ),
        {"table": table},
    )
    return str(found)


def _retype(table: str, new: str, using: str) -> None:
    default = op.get_bind().scalar(
        text(
            "SELECT column_default FROM information_schema.columns "
            "WHERE table_schema = current_schema() AND table_name = :table "
            "AND column_name = 'status'"
        ),
        {"table": table},
    )
    # A default keeps the old type alive and cannot be cast along with the column.
    if default is not None:
        op.execute(f"ALTER TABLE {table} ALTER COLUMN status DROP DEFAULT")
    op.execute(f"ALTER TABLE {table} ALTER COLUMN status TYPE {new} USING {using}")
    if default is not None:
        value = str(default).split("::")[0]
        op.execute(f"ALTER TABLE {table} ALTER COLUMN status SET DEFAULT {value}")


def upgrade() -> None:
    for table, (new, values) in NEW.items():
        if _status_type(table) != OLD:
            continue
        op.execute(
            f"DO $$ BEGIN IF to_regtype('{new}') IS NULL "
            f"THEN CREATE TYPE {new} AS ENUM ({values}); "
            f"COMMENT ON TYPE {new} IS '{MADE}'; END IF; END $$"
        )
        _retype(table, new, f"status::text::{new}")
        op.execute(f"COMMENT ON COLUMN {table}.status IS '{MARK}'")
    op.execute(f"DROP TYPE IF EXISTS {OLD}")


def downgrade() -> None:
    for table, (new, _) in NEW.items():
        marked = op.get_bind().scalar(
            text(
                "SELECT col_description(attrelid, attnum) FROM pg_attribute "
                "WHERE attrelid = CAST(:table AS regclass) AND attname = 'status'"
            ),
            {"table": table},
        )
        if marked != MARK:
            continue
        listed = ", ".join(f"'{value}'" for value in OLD_VALUES)
        op.execute(
            f"DO $$ BEGIN IF to_regtype('{OLD}') IS NULL "
            f"THEN CREATE TYPE {OLD} AS ENUM ({listed}); END IF; END $$"
        )
        # The old type knows fewer: what was cancelled failed, what is under way is under way.
        _retype(
            table,
            OLD,
            f"""(CASE
            WHEN status::text IN ({listed}) THEN status::text
            WHEN status::text = 'runpod_cancelled' THEN 'error'
            ELSE 'processing' END)::{OLD}""",
        )
        op.execute(f"COMMENT ON COLUMN {table}.status IS NULL")
        made = text("SELECT obj_description(to_regtype(:name), 'pg_type')")
        if op.get_bind().scalar(made, {"name": new}) == MADE:
            op.execute(f"DROP TYPE {new}")
