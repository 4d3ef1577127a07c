"""What is made for an order after it was handed over waits in no review.

Revision ID: f4b6c8d0e217
Revises: e3a5b7c9d106
"""

from alembic import op

revision = "f4b6c8d0e217"
down_revision = "e3a5b7c9d106"
branch_labels = None
depends_on = None

# As `d4e6f8a02c35` has it, but for what {decision} and {decided_at} are.
_FUNCTION = """
    CREATE OR REPLACE FUNCTION review_version() RETURNS trigger LANGUAGE plpgsql AS $$
    {declare}
    BEGIN
        {look}
        IF NEW.status::text = 'completed' THEN
            -- Without a file there is nothing to look at.
            INSERT INTO reviews (image_id, kind, waiting_since{columns})
            SELECT NEW.image_id, TG_ARGV[0], now(){values} WHERE NEW.file_ref ? 'key'
            ON CONFLICT (image_id, kind) DO UPDATE
            SET waiting_since = now(), decision = {decision}, decided_at = {decided_at},
                skipped = '{{}}'
            WHERE reviews.decision IS NOT NULL;
        ELSIF NEW.status::text IN ('error', 'runpod_cancelled') THEN
            UPDATE reviews
            SET waiting_since = now(), decision = {decision}, decided_at = {decided_at},
                skipped = '{{}}'
            WHERE image_id = NEW.image_id AND kind = TG_ARGV[0] AND decision = 'again';
        ELSE
            UPDATE reviews
            SET decision = 'again', decided_at = now(),
                claimed_by = NULL, claimed_until = NULL
            WHERE image_id = NEW.image_id AND kind = TG_ARGV[0] AND decision IS NULL;
        END IF;
        RETURN NULL;
    END $$"""


def upgrade() -> None:
    op.execute(
        _FUNCTION.format(
            declare="DECLARE done text; at_once timestamptz;",
            look="""
        -- Who hands an order over locks its unfinished versions first, so this is true.
        SELECT 'finished', now() INTO done, at_once
        FROM images i
        JOIN line_items l ON l.id = i.line_item_id
        JOIN orders o ON o.id = l.order_id
        WHERE i.id = NEW.image_id AND o.finished_at IS NOT NULL;""",
            columns=", decision, decided_at",
            values=", done, at_once",
            decision="done",
            decided_at="at_once",
        )
    )
    op.execute("""
        UPDATE reviews SET decision = 'finished', decided_at = now()
        FROM images i
        JOIN line_items l ON l.id = i.line_item_id
        JOIN orders o ON o.id = l.order_id
        WHERE i.id = image_id AND o.finished_at IS NOT NULL AND decision IS NULL""")


def downgrade() -> None:
    op.execute(
        _FUNCTION.format(
            declare="", look="", columns="", values="", decision="NULL", decided_at="NULL"
        )
    )
