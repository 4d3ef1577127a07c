"""What is searched is written when a transaction ends, once it has all its other locks.

Who wrote a dedication held the order's text from then on, and who wrote the order as well: of two
who had begun from different ends, one was ended by the database. Only what changes a text waits for
the end: an `ALTER TABLE` is refused where a row of its table still has something to come.

Revision ID: e9c1d3f50627
Revises: d8b0c2e4f516
"""

from alembic import op

revision = "e9c1d3f50627"
down_revision = "d8b0c2e4f516"
branch_labels = None
depends_on = None

_WHENS = {"orders": ("insert", "update"), "line_items": ("insert", "update", "delete")}
_TOLD = {"orders": "order", "line_items": "line_item"}
_ROWS = {
    ("orders", "update"): "WHEN (fototui_tells_otherwise(OLD, NEW))",
    ("line_items", "insert"): "WHEN (fototui_tells(NEW))",
    ("line_items", "update"): "WHEN (fototui_tells_otherwise(OLD, NEW))",
    ("line_items", "delete"): "WHEN (fototui_tells(OLD))",
}


def upgrade() -> None:
    # Whole rows: triggers that name columns would stand in the way of whoever alters them.
    op.execute("""
        CREATE FUNCTION fototui_tells_otherwise(before orders, after orders) RETURNS boolean
        LANGUAGE sql IMMUTABLE AS $$
            SELECT (before.order_number, before.customer_name, before.customer_email,
                    before.customer_note, before.created_at)
                IS DISTINCT FROM
                (after.order_number, after.customer_name, after.customer_email,
                 after.customer_note, after.created_at)
        $$""")
    op.execute("""
        CREATE FUNCTION fototui_tells_otherwise(before line_items, after line_items) RETURNS boolean
        LANGUAGE sql IMMUTABLE AS $$
            SELECT (before.dedication, before.position, before.order_id)
                IS DISTINCT FROM (after.dedication, after.position, after.order_id)
        $$""")
    op.execute("""
        CREATE FUNCTION fototui_tells(item line_items) RETURNS boolean LANGUAGE sql IMMUTABLE AS $$
            SELECT item.dedication IS NOT NULL
        $$""")
    # By then the first of all that an order's text waits for finds it as it stays.
    _write("WHERE (order_texts.created_at, order_texts.told) <> (EXCLUDED.created_at, EXCLUDED.told)")
    _follow("CONSTRAINT TRIGGER", "DEFERRABLE INITIALLY DEFERRED", _ROWS)


def downgrade() -> None:
    _follow("TRIGGER", "", {})
    _write("")
    op.execute("DROP FUNCTION fototui_tells(line_items)")
    for table in _WHENS:
        op.execute(f"DROP FUNCTION fototui_tells_otherwise({table}, {table})")


def _write(where: str) -> None:
    op.execute(f"""
        CREATE OR REPLACE FUNCTION fototui_write_text(which uuid) RETURNS void LANGUAGE plpgsql AS $$
        BEGIN
            PERFORM FROM order_texts WHERE order_id = which FOR UPDATE;
            INSERT INTO order_texts
            SELECT o.id, o.created_at, fototui_text(o) FROM orders o WHERE o.id = which
            ON CONFLICT (order_id) DO UPDATE
            SET created_at = EXCLUDED.created_at, told = EXCLUDED.told {where};
        END $$""")


def _follow(trigger: str, time: str, rows: dict[tuple[str, str], str]) -> None:
    for table, whens in _WHENS.items():
        for when in whens:
            name = f"tell_{when.removesuffix('e')}ed"
            op.execute(f"DROP TRIGGER {name} ON {table}")
            op.execute(f"""
                CREATE {trigger} {name} AFTER {when} ON {table} {time}
                FOR EACH ROW {rows.get((table, when), "")}
                EXECUTE FUNCTION fototui_tell_{_TOLD[table]}()""")
