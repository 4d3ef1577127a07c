"""Who is in the app; engines that are paused one by one; the last hour found by its index."""

from alembic import op

revision = "e5f7a9b13d46"
down_revision = "d4e6f8a02c35"
branch_labels = None
depends_on = None

VERSIONS = ("coloring_versions", "svg_versions")


def upgrade() -> None:
    op.execute("ALTER TABLE engines ADD COLUMN paused_at timestamptz, ADD COLUMN paused_by text")
    op.execute("""
        CREATE TABLE presence (
            terminal_id uuid PRIMARY KEY,
            operator text NOT NULL,
            host text NOT NULL,
            since timestamptz NOT NULL DEFAULT now(),
            seen_at timestamptz NOT NULL DEFAULT now(),
            screen text NOT NULL,
            order_id uuid
        )""")
    for table in VERSIONS:
        op.execute(
            f"CREATE INDEX ix_{table}_completed ON {table} (completed_at) "
            "WHERE completed_at IS NOT NULL"
        )


def downgrade() -> None:
    for table in VERSIONS:
        op.execute(f"DROP INDEX ix_{table}_completed")
    op.execute("DROP TABLE presence")
    op.execute("ALTER TABLE engines DROP COLUMN paused_at, DROP COLUMN paused_by")
