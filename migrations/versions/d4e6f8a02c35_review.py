"""The review's queue: which images wait for an operator's judgement, and who looks at which.

Triggers keep it, because versions and choices are written from several places (engines, screens,
the command line, the shop's own program), and because a queue that is a fact costs the same with
ten million pictures decided as with none. A row without a decision waits: that the planner takes
for rare even before it has statistics.
"""

from alembic import op

revision = "d4e6f8a02c35"
down_revision = "c3d5e7f91b24"
branch_labels = None
depends_on = None

KINDS = ("coloring", "svg")
ENDED = {
    "coloring": "'completed', 'error', 'runpod_cancelled'",
    "svg": "'completed', 'error'",
}


def upgrade() -> None:
    op.execute("""
        CREATE TABLE reviews (
            image_id integer NOT NULL REFERENCES images ON DELETE CASCADE,
            kind text NOT NULL,
            waiting_since timestamptz NOT NULL,
            decision text,
            decided_at timestamptz,
            note text,
            skipped jsonb NOT NULL DEFAULT '{}',
            claimed_by text,
            terminal_id uuid,
            claimed_until timestamptz,
            PRIMARY KEY (image_id, kind)
        )""")
    op.execute("""
        CREATE INDEX ix_reviews_waiting ON reviews (waiting_since, image_id, kind)
        WHERE decision IS NULL""")
    op.execute("""
        CREATE INDEX ix_reviews_done ON reviews (terminal_id)
        WHERE decision IS NOT NULL AND terminal_id IS NOT NULL""")
    for kind in KINDS:
        _fill(kind)
    _follow_versions()
    _follow_choices()


def downgrade() -> None:
    op.execute("DROP TRIGGER review_chosen ON images")
    for kind in KINDS:
        op.execute(f"DROP TRIGGER review_asked ON {kind}_versions")
        op.execute(f"DROP TRIGGER review_ended ON {kind}_versions")
    op.execute("DROP FUNCTION review_version(), review_choice()")
    op.execute("DROP TABLE reviews")


def _fill(kind: str) -> None:
    """Let those wait that nobody has judged.

    A choice made by the shop's own program has no time. Where such an image has no version made
    since, the choice stands: years of old orders must not come up for review.
    """
    op.execute(f"""
        INSERT INTO reviews (image_id, kind, waiting_since)
        SELECT i.id, '{kind}', newest.ended
        FROM images i
        JOIN LATERAL (
            SELECT coalesce(v.completed_at, v.created_at) AS ended, v.claim_token
            FROM {kind}_versions v
            WHERE v.image_id = i.id AND v.status = 'completed' AND v.file_ref ? 'key'
            ORDER BY ended DESC LIMIT 1
        ) newest ON true
        WHERE CASE
            WHEN i.{kind}_chosen_at IS NOT NULL THEN i.{kind}_chosen_at < newest.ended
            ELSE i.selected_{kind}_id IS NULL OR newest.claim_token IS NOT NULL
        END""")


def _follow_versions() -> None:
    # A completed version makes its image wait. Asking for another one is a decision until that one
    # ends: completed, or failed, and then what was there before is still to be judged.
    op.execute("""
        CREATE FUNCTION review_version() RETURNS trigger LANGUAGE plpgsql AS $$
        BEGIN
            IF NEW.status::text = 'completed' THEN
                -- Without a file there is nothing to look at.
                INSERT INTO reviews (image_id, kind, waiting_since)
                SELECT NEW.image_id, TG_ARGV[0], now() WHERE NEW.file_ref ? 'key'
                ON CONFLICT (image_id, kind) DO UPDATE
                SET waiting_since = now(), decision = NULL, decided_at = NULL, skipped = '{}'
                WHERE reviews.decision IS NOT NULL;
            ELSIF NEW.status::text IN ('error', 'runpod_cancelled') THEN
                UPDATE reviews
                SET waiting_since = now(), decision = NULL, decided_at = NULL, skipped = '{}'
                WHERE image_id = NEW.image_id AND kind = TG_ARGV[0] AND decision = 'again';
            ELSE
                UPDATE reviews
                SET decision = 'again', decided_at = now(),
                    claimed_by = NULL, claimed_until = NULL
                WHERE image_id = NEW.image_id AND kind = TG_ARGV[0] AND decision IS NULL;
            END IF;
            RETURN NULL;
        END $$""")
    for kind, ended in ENDED.items():
        op.execute(f"""
            CREATE TRIGGER review_asked AFTER INSERT ON {kind}_versions
            FOR EACH ROW EXECUTE FUNCTION review_version('{kind}')""")
        op.execute(f"""
            CREATE TRIGGER review_ended AFTER UPDATE OF status ON {kind}_versions
            FOR EACH ROW WHEN (NEW.status IS DISTINCT FROM OLD.status AND NEW.status IN ({ended}))
            EXECUTE FUNCTION review_version('{kind}')""")


def _follow_choices() -> None:
    # The trigger names no columns: it would stand in the way of whoever alters them.
    op.execute("""
        CREATE FUNCTION review_choice() RETURNS trigger LANGUAGE plpgsql AS $$
        DECLARE
            chosen text[] := '{}';
        BEGIN
            IF NEW.coloring_chosen_at IS DISTINCT FROM OLD.coloring_chosen_at THEN
                chosen := chosen || 'coloring'::text;
            END IF;
            IF NEW.svg_chosen_at IS DISTINCT FROM OLD.svg_chosen_at THEN
                chosen := chosen || 'svg'::text;
            END IF;
            IF chosen <> '{}' THEN
                UPDATE reviews
                SET decision = 'accepted', decided_at = now(), note = NULL,
                    claimed_by = NULL, claimed_until = NULL
                WHERE image_id = NEW.id AND kind = ANY (chosen) AND decision IS NULL;
            END IF;
            RETURN NULL;
        END $$""")
    op.execute("""
        CREATE TRIGGER review_chosen AFTER UPDATE ON images
        FOR EACH ROW EXECUTE FUNCTION review_choice()""")
