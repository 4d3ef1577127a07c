"""All cancels that RunPod has to be told of, and how long a version waits for storage.

A row had room for one cancel. The old column stays, for engines of an older version that are still
at work; what stands in it is told as well.

Revision ID: a8c0d2e4f617
Revises: d1f3a5b7294a
"""

from alembic import op

revision = "a8c0d2e4f617"
down_revision = "d1f3a5b7294a"
branch_labels = None
depends_on = None

VERSIONS = ("coloring_versions", "svg_versions")


def upgrade() -> None:
    op.execute("""
        CREATE TABLE outside_cancels (
            id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
            version_id integer NOT NULL,
            runpod_job_id varchar(100) NOT NULL,
            asked_at timestamptz NOT NULL DEFAULT now()
        )""")
    for table in VERSIONS:
        op.execute(f"ALTER TABLE {table} ADD COLUMN storage_away_since timestamptz")


def downgrade() -> None:
    # As many as the old column has room for: the newest of each version.
    op.execute("""
        UPDATE coloring_versions v SET cancel_job_id = c.runpod_job_id
        FROM (SELECT DISTINCT ON (version_id) version_id, runpod_job_id
              FROM outside_cancels ORDER BY version_id, id DESC) c
        WHERE v.id = c.version_id""")
    for table in VERSIONS:
        op.execute(f"ALTER TABLE {table} DROP COLUMN storage_away_since")
    op.execute("DROP TABLE outside_cancels")
