"""When each row last changed, by transaction: what a reader without a hub asks for.

A time of day cannot tell what a reader has seen: a transaction may write now and commit much later.
The number of the transaction can, together with the reader's last snapshot. Triggers keep it, so
that statements of other programs are seen as well. A row that is deleted marks its parent.
"""

from alembic import op

revision = "c3d5e7f91b24"
down_revision = "b2e4d6f80a13"
branch_labels = None
depends_on = None

# Table: its parent, and its column that names the parent.
PARENTS = {
    "line_items": ("orders", "order_id"),
    "images": ("line_items", "line_item_id"),
    "coloring_versions": ("images", "image_id"),
    "svg_versions": ("images", "image_id"),
}
TABLES = ("orders", *PARENTS)


def upgrade() -> None:
    op.execute("""
        CREATE FUNCTION fototui_mark_changed() RETURNS trigger LANGUAGE plpgsql AS $$
        BEGIN
            NEW.changed_in := pg_current_xact_id()::text::bigint;
            RETURN NEW;
        END $$""")
    for table in TABLES:
        # A constant default: the table is not rewritten.
        op.execute(f"ALTER TABLE {table} ADD COLUMN changed_in bigint NOT NULL DEFAULT 0")
        op.execute(f"CREATE INDEX ix_{table}_changed_in ON {table} (changed_in)")
        op.execute(f"""
            CREATE TRIGGER mark_changed BEFORE INSERT OR UPDATE ON {table}
            FOR EACH ROW EXECUTE FUNCTION fototui_mark_changed()""")
    for table, (parent, column) in PARENTS.items():
        op.execute(f"""
            CREATE FUNCTION fototui_mark_{parent}_of_{table}() RETURNS trigger LANGUAGE plpgsql AS $$
            BEGIN
                UPDATE {parent} SET changed_in = DEFAULT
                WHERE id IN (SELECT {column} FROM gone);
                RETURN NULL;
            END $$""")
        op.execute(f"""
            CREATE TRIGGER mark_parent AFTER DELETE ON {table} REFERENCING OLD TABLE AS gone
            FOR EACH STATEMENT EXECUTE FUNCTION fototui_mark_{parent}_of_{table}()""")


def downgrade() -> None:
    for table, (parent, _) in PARENTS.items():
        op.execute(f"DROP TRIGGER mark_parent ON {table}")
        op.execute(f"DROP FUNCTION fototui_mark_{parent}_of_{table}()")
    for table in TABLES:
        op.execute(f"DROP TRIGGER mark_changed ON {table}")
        op.execute(f"ALTER TABLE {table} DROP COLUMN changed_in")
    op.execute("DROP FUNCTION fototui_mark_changed()")
