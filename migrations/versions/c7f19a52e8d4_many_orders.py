"""Many orders: how many there are is kept, and words in them are found by an index.

Revision ID: c7f19a52e8d4
Revises: b6d8f0a2c439
"""

from alembic import op

revision = "c7f19a52e8d4"
down_revision = "b6d8f0a2c439"
branch_labels = None
depends_on = None

# Rows that differences are kept in before they become one.
_FEW = 100


def upgrade() -> None:
    _keep_count()
    _find_words()


def downgrade() -> None:
    for when in ("inserted", "updated", "deleted"):
        op.execute(f"DROP TRIGGER tell_{when} ON line_items")
    for when in ("inserted", "updated"):
        op.execute(f"DROP TRIGGER tell_{when} ON orders")
    op.execute("DROP FUNCTION fototui_tell_order(), fototui_tell_line_item()")
    op.execute("DROP FUNCTION fototui_write_text(uuid), fototui_text(orders)")
    op.execute("DROP TABLE order_texts")
    op.execute("DROP FUNCTION fototui_grams(text), fototui_plain(text)")
    for when in ("inserted", "deleted", "truncated"):
        op.execute(f"DROP TRIGGER count_{when} ON orders")
    op.execute("DROP FUNCTION fototui_count_orders()")
    op.execute("DROP TABLE order_counts")


def _keep_count() -> None:
    """Their sum is how many orders there are.

    One row would have whoever adds an order wait for all others who do. So each adds a row of its
    own, and sometimes one makes one of all that nobody holds; not where its transaction would
    have to fail over rows that came since it began.
    """
    op.execute("""
        CREATE TABLE order_counts (
            id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
            orders bigint NOT NULL
        )""")
    # No number of its own is taken here: with wal_level = minimal a sequence that is used where it is
    # made goes back to that number when the server crashes, and orders are refused for a while.
    op.execute("""
        INSERT INTO order_counts (id, orders) OVERRIDING SYSTEM VALUE
        SELECT 0, count(*) FROM orders""")
    op.execute(f"""
        CREATE FUNCTION fototui_count_orders() RETURNS trigger LANGUAGE plpgsql AS $$
        DECLARE
            more bigint;
            place bigint;
        BEGIN
            IF TG_OP = 'INSERT' THEN
                SELECT count(*) INTO more FROM fresh;
            ELSIF TG_OP = 'DELETE' THEN
                SELECT -count(*) INTO more FROM gone;
            ELSE
                DELETE FROM order_counts;
                more := 0;
            END IF;
            IF more = 0 AND TG_OP <> 'TRUNCATE' THEN
                RETURN NULL;
            END IF;
            INSERT INTO order_counts (orders) VALUES (more) RETURNING id INTO place;
            IF place % {_FEW} = 0 AND current_setting('transaction_isolation') = 'read committed'
            THEN
                WITH free AS (
                    SELECT id FROM order_counts ORDER BY id FOR UPDATE SKIP LOCKED
                ), taken AS (
                    DELETE FROM order_counts WHERE id IN (SELECT id FROM free) RETURNING orders
                )
                INSERT INTO order_counts (orders) SELECT coalesce(sum(orders), 0) FROM taken;
            END IF;
            RETURN NULL;
        END $$""")
    op.execute("""
        CREATE TRIGGER count_inserted AFTER INSERT ON orders REFERENCING NEW TABLE AS fresh
        FOR EACH STATEMENT EXECUTE FUNCTION fototui_count_orders()""")
    op.execute("""
        CREATE TRIGGER count_deleted AFTER DELETE ON orders REFERENCING OLD TABLE AS gone
        FOR EACH STATEMENT EXECUTE FUNCTION fototui_count_orders()""")
    op.execute("""
        CREATE TRIGGER count_truncated AFTER TRUNCATE ON orders
        FOR EACH STATEMENT EXECUTE FUNCTION fototui_count_orders()""")


def _find_words() -> None:
    """Have parts of words found by the three letters in a row that they have.

    PostgreSQL's pg_trgm does the same, but not everybody may install an extension. What is searched
    is kept beside the orders as it is compared, so that looking at many costs little. Letters are
    taken one after another: `substr` counts from the beginning each time, for hours in long texts.
    Code 223 is a sharp s, which not every database can be told of.
    """
    op.execute("""
        CREATE FUNCTION fototui_plain(told text) RETURNS text
        LANGUAGE sql IMMUTABLE STRICT PARALLEL SAFE AS $$
            SELECT CASE
                WHEN octet_length(told) = length(told) OR getdatabaseencoding() <> 'UTF8'
                THEN lower(told)
                ELSE replace(
                    lower(regexp_replace(normalize(told, NFKD), '[\\u0300-\\u036f]', '', 'g')),
                    chr(223), 'ss'
                )
            END
        $$""")
    op.execute("""
        CREATE FUNCTION fototui_grams(told text) RETURNS text[]
        LANGUAGE sql IMMUTABLE STRICT PARALLEL SAFE AS $$
            SELECT array_agg(letter || second || third) FILTER (WHERE third IS NOT NULL)
            FROM (
                SELECT letter, lead(letter) OVER () AS second, lead(letter, 2) OVER () AS third
                FROM unnest(string_to_array(told, NULL)) AS letter
            ) AS run
        $$""")
    op.execute("""
        CREATE TABLE order_texts (
            order_id uuid PRIMARY KEY REFERENCES orders ON DELETE CASCADE,
            created_at timestamptz NOT NULL,
            told text NOT NULL
        )""")
    op.execute("""
        CREATE FUNCTION fototui_text(o orders) RETURNS text LANGUAGE sql STABLE AS $$
            SELECT fototui_plain(concat_ws(
                E'\\n', o.order_number, o.customer_name, o.customer_email, o.customer_note,
                (SELECT string_agg(dedication, E'\\n' ORDER BY position)
                 FROM line_items WHERE order_id = o.id)
            ))
        $$""")
    op.execute("""
        INSERT INTO order_texts SELECT o.id, o.created_at, fototui_text(o) FROM orders o""")
    op.execute("""
        CREATE INDEX ix_order_texts_newest ON order_texts (created_at DESC, order_id DESC)""")
    op.execute("""
        CREATE INDEX ix_order_texts_grams ON order_texts USING gin (fototui_grams(told))""")
    _follow_texts()


def _follow_texts() -> None:
    # Two who change texts of one order take turns; who comes second reads what the first has
    # written. The triggers name no columns: they would stand in the way of whoever alters them.
    op.execute("""
        CREATE FUNCTION fototui_write_text(which uuid) RETURNS void LANGUAGE plpgsql AS $$
        BEGIN
            PERFORM FROM order_texts WHERE order_id = which FOR UPDATE;
            INSERT INTO order_texts
            SELECT o.id, o.created_at, fototui_text(o) FROM orders o WHERE o.id = which
            ON CONFLICT (order_id) DO UPDATE
            SET created_at = EXCLUDED.created_at, told = EXCLUDED.told;
        END $$""")
    op.execute("""
        CREATE FUNCTION fototui_tell_order() RETURNS trigger LANGUAGE plpgsql AS $$
        BEGIN
            IF TG_OP = 'INSERT' OR
                (NEW.order_number, NEW.customer_name, NEW.customer_email, NEW.customer_note,
                 NEW.created_at) IS DISTINCT FROM
                (OLD.order_number, OLD.customer_name, OLD.customer_email, OLD.customer_note,
                 OLD.created_at)
            THEN
                PERFORM fototui_write_text(NEW.id);
            END IF;
            RETURN NULL;
        END $$""")
    op.execute("""
        CREATE FUNCTION fototui_tell_line_item() RETURNS trigger LANGUAGE plpgsql AS $$
        BEGIN
            IF TG_OP <> 'INSERT' AND OLD.dedication IS NOT NULL
                AND (TG_OP = 'DELETE' OR NEW.order_id <> OLD.order_id)
            THEN
                PERFORM fototui_write_text(OLD.order_id);
            END IF;
            IF TG_OP = 'INSERT' AND NEW.dedication IS NOT NULL
                OR TG_OP = 'UPDATE' AND
                    (NEW.dedication, NEW.position, NEW.order_id) IS DISTINCT FROM
                    (OLD.dedication, OLD.position, OLD.order_id)
            THEN
                PERFORM fototui_write_text(NEW.order_id);
            END IF;
            RETURN NULL;
        END $$""")
    for table, told, whens in (
        ("orders", "order", ("insert", "update")),
        ("line_items", "line_item", ("insert", "update", "delete")),
    ):
        for when in whens:
            op.execute(f"""
                CREATE TRIGGER tell_{when.removesuffix("e")}ed AFTER {when} ON {table}
                FOR EACH ROW EXECUTE FUNCTION fototui_tell_{told}()""")
