"""Orders have an end, and line items become books.

Revision ID: d2f4a6b80c15
Revises: c0e2f4a61839
"""

from alembic import op

revision = "d2f4a6b80c15"
down_revision = "c0e2f4a61839"
branch_labels = None
depends_on = None

ACTIVE = "{row}status NOT IN ('completed', 'error') AND {row}held_at IS NULL"
VERSIONS_ACTIVE = {
    "coloring_versions": "v.status NOT IN ('completed', 'error', 'runpod_cancelled') "
    "AND v.held_at IS NULL",
    "svg_versions": "v.status NOT IN ('completed', 'error') AND v.held_at IS NULL",
}


def upgrade() -> None:
    op.execute("""
        ALTER TABLE orders
            ADD COLUMN finished_at timestamptz,
            ADD COLUMN finished_by text,
            ADD COLUMN reopened_words jsonb""")
    op.execute("""
        CREATE INDEX ix_orders_working ON orders (created_at DESC, id DESC)
        WHERE finished_at IS NULL""")
    op.execute("""
        CREATE INDEX ix_orders_finished ON orders (finished_at DESC, id DESC)
        WHERE finished_at IS NOT NULL""")
    _add_books()
    op.execute("INSERT INTO lanes (name, account_limit) VALUES ('book', NULL)")
    _follow_urgency({**VERSIONS_ACTIVE, "books": ACTIVE.format(row="v.")})


def downgrade() -> None:
    _follow_urgency(VERSIONS_ACTIVE)
    op.execute("DELETE FROM lanes WHERE name = 'book'")
    op.execute("DROP TABLE books")
    op.execute("DROP FUNCTION fototui_put_book_first()")
    op.execute("DROP FUNCTION fototui_mark_line_items_of_books()")
    op.execute("DROP TYPE bookprocessingstatus")
    op.execute("DROP INDEX ix_orders_finished")
    op.execute("DROP INDEX ix_orders_working")
    op.execute("""
        ALTER TABLE orders
            DROP COLUMN finished_at, DROP COLUMN finished_by, DROP COLUMN reopened_words""")


def _add_books() -> None:
    op.execute("""
        CREATE TYPE bookprocessingstatus AS ENUM
            ('queued', 'processing', 'storage_upload', 'completed', 'error')""")
    op.execute("""
        CREATE TABLE books (
            id serial PRIMARY KEY,
            line_item_id integer NOT NULL REFERENCES line_items ON DELETE CASCADE,
            version integer NOT NULL,
            order_id uuid NOT NULL REFERENCES orders ON DELETE CASCADE,
            status bookprocessingstatus NOT NULL,
            svg_ids integer[] NOT NULL,
            title text NOT NULL,
            dedication text,
            layout text,
            options jsonb NOT NULL,
            pages integer,
            findings jsonb,
            file_ref jsonb,
            created_at timestamptz NOT NULL,
            started_at timestamptz,
            completed_at timestamptz,
            storage_away_since timestamptz,
            urgent boolean NOT NULL DEFAULT false,
            requested_by text,
            queued_at timestamptz NOT NULL DEFAULT now(),
            not_before timestamptz,
            claimed_by uuid,
            claim_token uuid,
            claimed_at timestamptz,
            attempts integer NOT NULL DEFAULT 0,
            retries integer NOT NULL DEFAULT 0,
            takeovers integer NOT NULL DEFAULT 0,
            error_code text,
            error text,
            error_words jsonb,
            held_at timestamptz,
            changed_in bigint NOT NULL DEFAULT 0,
            CONSTRAINT uq_book_line_item_version UNIQUE (line_item_id, version)
        )""")
    active = ACTIVE.format(row="")
    for name, columns in {
        "order": "(order_id)",
        "changed_in": "(changed_in)",
        "active": f"(queued_at, id) WHERE {active}",
        "turn": f"(urgent DESC, queued_at, id) WHERE {active}",
        "taken_over": f"(id) WHERE {active} AND takeovers > 0",
        "claimed": "(claimed_by) WHERE claimed_by IS NOT NULL",
        "held": "(id) WHERE held_at IS NOT NULL",
        "completed": "(completed_at) WHERE completed_at IS NOT NULL",
    }.items():
        op.execute(f"CREATE INDEX ix_books_{name} ON books {columns}")
    op.execute("""
        CREATE TRIGGER mark_changed BEFORE INSERT OR UPDATE ON books
        FOR EACH ROW EXECUTE FUNCTION fototui_mark_changed()""")
    op.execute("""
        CREATE FUNCTION fototui_mark_line_items_of_books() RETURNS trigger LANGUAGE plpgsql AS $$
        BEGIN
            UPDATE line_items SET changed_in = DEFAULT
            WHERE id IN (SELECT line_item_id FROM gone);
            RETURN NULL;
        END $$""")
    op.execute("""
        CREATE TRIGGER mark_parent AFTER DELETE ON books REFERENCING OLD TABLE AS gone
        FOR EACH STATEMENT EXECUTE FUNCTION fototui_mark_line_items_of_books()""")
    op.execute("""
        CREATE FUNCTION fototui_put_book_first() RETURNS trigger LANGUAGE plpgsql AS $$
        BEGIN
            NEW.urgent := EXISTS (SELECT FROM orders o
                                  WHERE o.id = NEW.order_id AND o.urgent_at IS NOT NULL);
            RETURN NEW;
        END $$""")
    op.execute(f"""
        CREATE TRIGGER take_turn BEFORE INSERT ON books
        FOR EACH ROW WHEN ({ACTIVE.format(row="NEW.")})
        EXECUTE FUNCTION fototui_put_book_first()""")
    op.execute(f"""
        CREATE TRIGGER take_turn_again BEFORE UPDATE OF queued_at, held_at ON books
        FOR EACH ROW WHEN ({ACTIVE.format(row="NEW.")})
        EXECUTE FUNCTION fototui_put_book_first()""")


def _follow_urgency(tables: dict[str, str]) -> None:
    updates = "\n".join(
        f"UPDATE {table} v SET urgent = NEW.urgent_at IS NOT NULL "
        f"WHERE v.order_id = NEW.id AND {active};"
        for table, active in tables.items()
    )
    op.execute(f"""
        CREATE OR REPLACE FUNCTION fototui_put_first() RETURNS trigger LANGUAGE plpgsql AS $$
        BEGIN
            {updates}
            RETURN NULL;
        END $$""")
