"""An order can be put first, and orders that wait take turns.

A claim reads its rows in the order of one partial index. So what it goes by is written on the row
when that is queued: whether its order goes before others, and its turn. The turns of an order's
jobs count up, from the head of the queue at the least: an order that comes later begins where the
others are, and then each gets one job done in turn. Triggers write it, whoever queues a job.
"""

from alembic import op

revision = "b9d1e3f50728"
down_revision = "a8c0d2e4f617"
branch_labels = None
depends_on = None

ACTIVE = {
    "coloring_versions": "{row}status NOT IN ('completed', 'error', 'runpod_cancelled') "
    "AND {row}held_at IS NULL",
    "svg_versions": "{row}status NOT IN ('completed', 'error') AND {row}held_at IS NULL",
}
ORDERS_ACTIVE = {
    "ingest": "((status IN ('pending', 'processing') AND held_at IS NULL) "
    "OR (sync_requested_at IS NOT NULL AND status <> 'downloading'))",
    "download": "status = 'downloading' AND held_at IS NULL",
}


def upgrade() -> None:
    op.execute("ALTER TABLE orders ADD COLUMN urgent_at timestamptz")
    for kind, active in ORDERS_ACTIVE.items():
        op.execute(f"DROP INDEX ix_orders_{kind}")
        op.execute(
            f"CREATE INDEX ix_orders_{kind} ON orders ((urgent_at IS NULL), queued_at, id) "
            f"WHERE {active}"
        )
        op.execute(
            f"CREATE INDEX ix_orders_{kind}_taken_over ON orders (id) "
            f"WHERE {active} AND takeovers > 0"
        )
    for table, active in ACTIVE.items():
        _add_turns(table, active)
    _follow_urgency()


def downgrade() -> None:
    op.execute("DROP TRIGGER put_first ON orders")
    op.execute("DROP FUNCTION fototui_put_first()")
    for table in ACTIVE:
        op.execute(f"DROP TRIGGER take_turn ON {table}")
        op.execute(f"DROP TRIGGER take_turn_again ON {table}")
        op.execute(f"DROP FUNCTION fototui_take_turn_{table}()")
        op.execute(f"DROP INDEX ix_{table}_taken_over")
        op.execute(
            f"ALTER TABLE {table} DROP COLUMN order_id, DROP COLUMN urgent, DROP COLUMN turn"
        )
    for kind, active in ORDERS_ACTIVE.items():
        op.execute(f"DROP INDEX ix_orders_{kind}_taken_over")
        op.execute(f"DROP INDEX ix_orders_{kind}")
        op.execute(f"CREATE INDEX ix_orders_{kind} ON orders (queued_at, id) WHERE {active}")
    op.execute("ALTER TABLE orders DROP COLUMN urgent_at")


def _add_turns(table: str, active: str) -> None:
    # Constant defaults: the table is not rewritten.
    op.execute(f"""
        ALTER TABLE {table}
            ADD COLUMN order_id uuid,
            ADD COLUMN urgent boolean NOT NULL DEFAULT false,
            ADD COLUMN turn bigint NOT NULL DEFAULT 0""")
    where = active.format(row="")
    op.execute(f"""
        WITH waiting AS (
            SELECT v.id, l.order_id,
                   row_number() OVER (PARTITION BY l.order_id ORDER BY v.queued_at, v.id) - 1 AS turn
            FROM {table} v JOIN images i ON i.id = v.image_id
                 JOIN line_items l ON l.id = i.line_item_id
            WHERE {active.format(row="v.")}
        )
        UPDATE {table} v SET order_id = w.order_id, turn = w.turn FROM waiting w WHERE w.id = v.id""")
    op.execute(
        f"CREATE INDEX ix_{table}_turn ON {table} (urgent DESC, turn, queued_at, id) WHERE {where}"
    )
    op.execute(f"CREATE INDEX ix_{table}_order ON {table} (order_id, turn) WHERE {where}")
    op.execute(
        f"CREATE INDEX ix_{table}_taken_over ON {table} (id) WHERE {where} AND takeovers > 0"
    )
    op.execute(f"""
        CREATE FUNCTION fototui_take_turn_{table}() RETURNS trigger LANGUAGE plpgsql AS $$
        BEGIN
            SELECT o.id, o.urgent_at IS NOT NULL INTO NEW.order_id, NEW.urgent
            FROM images i JOIN line_items l ON l.id = i.line_item_id
                 JOIN orders o ON o.id = l.order_id
            WHERE i.id = NEW.image_id;
            NEW.urgent := coalesce(NEW.urgent, false);
            NEW.turn := greatest(
                (SELECT max(v.turn) + 1 FROM {table} v
                 WHERE v.order_id = NEW.order_id AND v.id <> NEW.id AND {active.format(row="v.")}),
                (SELECT min(v.turn) FROM {table} v
                 WHERE v.urgent = NEW.urgent AND v.id <> NEW.id AND {active.format(row="v.")}),
                0);
            RETURN NEW;
        END $$""")
    op.execute(f"""
        CREATE TRIGGER take_turn BEFORE INSERT ON {table}
        FOR EACH ROW WHEN ({active.format(row="NEW.")})
        EXECUTE FUNCTION fototui_take_turn_{table}()""")
    op.execute(f"""
        CREATE TRIGGER take_turn_again BEFORE UPDATE OF queued_at, held_at ON {table}
        FOR EACH ROW WHEN ({active.format(row="NEW.")}
                           AND (NEW.queued_at IS DISTINCT FROM OLD.queued_at
                                OR NEW.held_at IS DISTINCT FROM OLD.held_at))
        EXECUTE FUNCTION fototui_take_turn_{table}()""")


def _follow_urgency() -> None:
    updates = "\n".join(
        f"UPDATE {table} v SET urgent = NEW.urgent_at IS NOT NULL "
        f"WHERE v.order_id = NEW.id AND {active.format(row='v.')};"
        for table, active in ACTIVE.items()
    )
    op.execute(f"""
        CREATE FUNCTION fototui_put_first() RETURNS trigger LANGUAGE plpgsql AS $$
        BEGIN
            {updates}
            RETURN NULL;
        END $$""")
    op.execute("""
        CREATE TRIGGER put_first AFTER UPDATE OF urgent_at ON orders
        FOR EACH ROW WHEN ((OLD.urgent_at IS NULL) <> (NEW.urgent_at IS NULL))
        EXECUTE FUNCTION fototui_put_first()""")
