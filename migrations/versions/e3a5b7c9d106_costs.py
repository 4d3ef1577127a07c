"""Calls to outside services are kept with what they cost, and a lane may be paused until a day.

Revision ID: e3a5b7c9d106
Revises: d2f4a6b80c15
"""

from alembic import op

revision = "e3a5b7c9d106"
down_revision = "d2f4a6b80c15"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.execute("""
        CREATE TABLE calls (
            id uuid PRIMARY KEY,
            kind text NOT NULL,
            version_id integer NOT NULL,
            order_id uuid NOT NULL,
            requested_by text,
            service text NOT NULL,
            outside_id text,
            options jsonb,
            began_at timestamptz NOT NULL DEFAULT now(),
            ended_at timestamptz,
            execution_ms integer,
            delay_ms integer,
            credits numeric,
            outcome text,
            wasted boolean
        )""")
    op.execute("CREATE INDEX ix_calls_began_at ON calls (began_at)")
    op.execute("CREATE INDEX ix_calls_order ON calls (order_id)")
    op.execute("CREATE INDEX ix_calls_outside ON calls (outside_id) WHERE outside_id IS NOT NULL")
    op.execute("ALTER TABLE lanes ADD COLUMN paused_until date, ADD COLUMN budget_day date")


def downgrade() -> None:
    op.execute("ALTER TABLE lanes DROP COLUMN paused_until, DROP COLUMN budget_day")
    op.execute("DROP TABLE calls")
