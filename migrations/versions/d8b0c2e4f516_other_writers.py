"""Other programs write orders without rights of their own on the tables that triggers keep.

A shop's backend has its own role, and may reach the tables by another search path: it was refused
every order once triggers wrote to tables that it knows nothing of. And long texts are cut into
three letters in a row in one go, so that a note of a megabyte takes a second and not an hour. A
sigma is one letter wherever in a Greek name it stands, as in the app's own searches, and capitals
of all scripts are lowered in databases of the locale C too.

Revision ID: d8b0c2e4f516
Revises: c7f19a52e8d4
"""

from alembic import op
from sqlalchemy import text

revision = "d8b0c2e4f516"
down_revision = "c7f19a52e8d4"
branch_labels = None
depends_on = None

# All that look at other rows than the one that is written. Only triggers call them.
FUNCTIONS = (
    "review_version",
    "review_choice",
    "fototui_mark_orders_of_line_items",
    "fototui_mark_line_items_of_images",
    "fototui_mark_line_items_of_books",
    "fototui_mark_images_of_coloring_versions",
    "fototui_mark_images_of_svg_versions",
    "fototui_take_turn_coloring_versions",
    "fototui_take_turn_svg_versions",
    "fototui_put_first",
    "fototui_put_book_first",
    "fototui_count_orders",
    "fototui_tell_order",
    "fototui_tell_line_item",
)


def upgrade() -> None:
    # Nobody else may have them run from a trigger of his own: they would write what he likes.
    op.execute(f"""
        DO $$
        DECLARE
            name text;
            path text;
        BEGIN
            SELECT string_agg(quote_ident(schema), ', ') INTO path
            FROM unnest(current_schemas(false)) AS schema;
            FOREACH name IN ARRAY '{{{",".join(FUNCTIONS)}}}'::text[] LOOP
                EXECUTE format(
                    'ALTER FUNCTION %I() SECURITY DEFINER SET search_path = %s, pg_temp', name, path
                );
                EXECUTE format('REVOKE EXECUTE ON FUNCTION %I() FROM PUBLIC', name);
            END LOOP;
        END $$""")
    # As `c7f19a52e8d4` has it by now; the same comes out, so the index stands.
    op.execute("""
        CREATE OR REPLACE FUNCTION fototui_grams(told text) RETURNS text[]
        LANGUAGE sql IMMUTABLE STRICT PARALLEL SAFE AS $$
            SELECT array_agg(letter || second || third) FILTER (WHERE third IS NOT NULL)
            FROM (
                SELECT letter, lead(letter) OVER () AS second, lead(letter, 2) OVER () AS third
                FROM unnest(string_to_array(told, NULL)) AS letter
            ) AS run
        $$""")
    # Other encodings have no such letters, and the statements could not even be sent.
    if _is_unicode():
        _plain("replace({lowered}, 'ς', 'σ')", _collation())
        op.execute("""
            UPDATE order_texts SET told = fototui_plain(told) WHERE told <> fototui_plain(told)""")


def downgrade() -> None:
    if _is_unicode():
        _plain("{lowered}")
    for name in FUNCTIONS:
        op.execute(f"ALTER FUNCTION {name}() SECURITY INVOKER RESET search_path")
        op.execute(f"GRANT EXECUTE ON FUNCTION {name}() TO PUBLIC")


def _is_unicode() -> bool:
    return bool(op.get_bind().scalar(text("SELECT getdatabaseencoding() = 'UTF8'")))


def _collation() -> str:
    """What lowers letters where the database's own locale (C, Turkish) does not know them all."""
    name = op.get_bind().scalar(
        text("""
            SELECT collname FROM pg_collation
            WHERE collname IN ('C.utf8', 'en_US.utf8', 'und-x-icu') AND lower('ŁНI') <> 'łнi'
            ORDER BY collname DESC LIMIT 1""")
    )
    return "" if name is None else f' COLLATE "{name}"'


def _plain(folded: str, collation: str = "") -> None:
    bare = "regexp_replace(normalize(told, NFKD), '[\\u0300-\\u036f]', '', 'g')"
    op.execute(f"""
        CREATE OR REPLACE FUNCTION fototui_plain(told text) RETURNS text
        LANGUAGE sql IMMUTABLE STRICT PARALLEL SAFE AS $$
            SELECT CASE
                WHEN octet_length(told) = length(told) OR getdatabaseencoding() <> 'UTF8'
                THEN lower(told{collation})
                ELSE replace({folded.format(lowered=f"lower({bare}{collation})")}, 'ß', 'ss')
            END
        $$""")
