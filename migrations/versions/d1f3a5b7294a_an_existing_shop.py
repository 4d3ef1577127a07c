"""An adopted shop keeps its choices, and its old jobs wait until someone says yes.

`held_at` keeps a job out of the partial indexes that engines claim by. Held are jobs older than a
day that no engine of fototui ever had and no operator asked for here: the shop's own program left
them. A choice that was made there counts as an operator's.

A database that an earlier fototui made from nothing had other names for some of the shop's
constraints; they get the shop's, so that all databases are the same.

Revision ID: d1f3a5b7294a
Revises: a7b9c1d35e68
"""

from alembic import op
from sqlalchemy import text

revision = "d1f3a5b7294a"
down_revision = "a7b9c1d35e68"
branch_labels = None
depends_on = None

VERSIONS = {"coloring": "coloring_versions", "svg": "svg_versions"}
# Index: table, condition before this revision, condition from here on.
ACTIVE = {
    "ix_coloring_versions_active": (
        "coloring_versions",
        "status NOT IN ('completed', 'error', 'runpod_cancelled')",
        "status NOT IN ('completed', 'error', 'runpod_cancelled') AND held_at IS NULL",
    ),
    "ix_svg_versions_active": (
        "svg_versions",
        "status NOT IN ('completed', 'error')",
        "status NOT IN ('completed', 'error') AND held_at IS NULL",
    ),
    "ix_orders_ingest": (
        "orders",
        "(status IN ('pending', 'processing') "
        "OR (sync_requested_at IS NOT NULL AND status <> 'downloading'))",
        "((status IN ('pending', 'processing') AND held_at IS NULL) "
        "OR (sync_requested_at IS NOT NULL AND status <> 'downloading'))",
    ),
    "ix_orders_download": (
        "orders",
        "status = 'downloading'",
        "status = 'downloading' AND held_at IS NULL",
    ),
}
UNFINISHED = {
    "orders": "status IN ('pending', 'processing', 'downloading')",
    "coloring_versions": "status NOT IN ('completed', 'error', 'runpod_cancelled')",
    "svg_versions": "status NOT IN ('completed', 'error')",
}
UNTOUCHED = "claim_token IS NULL AND claimed_by IS NULL AND requested_by IS NULL"

RENAMED = {
    ("line_items", "line_items_order_id_position_key"): "uq_line_item_order_position",
    ("images", "images_line_item_id_position_key"): "uq_image_line_item_position",
    ("images", "images_selected_coloring_id_fkey"): "fk_images_selected_coloring_id",
    ("images", "images_selected_svg_id_fkey"): "fk_images_selected_svg_id",
    (
        "coloring_versions",
        "coloring_versions_image_id_version_key",
    ): "uq_coloring_version_image_version",
    ("svg_versions", "svg_versions_image_id_version_key"): "uq_svg_version_image_version",
    ("svg_versions", "svg_versions_image_id_fkey"): "fk_svg_versions_image_id",
}
INDEXES = {
    "ix_line_items_order_id": "line_items (order_id)",
    "ix_images_line_item_id": "images (line_item_id)",
    "ix_coloring_versions_image_id": "coloring_versions (image_id)",
    "ix_svg_versions_image_id": "svg_versions (image_id)",
}


def upgrade() -> None:
    _give_the_shops_names()
    for table, unfinished in UNFINISHED.items():
        op.execute(f"ALTER TABLE {table} ADD COLUMN held_at timestamptz")
        op.execute(f"""
            UPDATE {table}
            SET queued_at = created_at,
                held_at = CASE WHEN created_at < now() - interval '1 day' THEN now() END
            WHERE {unfinished} AND {UNTOUCHED}""")
    for name, (table, _, condition) in ACTIVE.items():
        op.execute(f"DROP INDEX {name}")
        op.execute(f"CREATE INDEX {name} ON {table} (queued_at, id) WHERE {condition}")
    for table in UNFINISHED:
        op.execute(f"CREATE INDEX ix_{table}_held ON {table} (id) WHERE held_at IS NOT NULL")
    _keep_choices()


def _keep_choices() -> None:
    # A choice has to be as young as the youngest job under way for its image, which would replace
    # it otherwise, and no younger: what is chosen within a week may have an SVG asked for.
    op.execute("ALTER TABLE images DISABLE TRIGGER review_chosen")
    for kind, table in VERSIONS.items():
        op.execute(f"""
            UPDATE images i SET {kind}_chosen_at = greatest(
                coalesce(v.completed_at, v.created_at),
                (SELECT max(u.queued_at) FROM {table} u
                 WHERE u.image_id = i.id AND {UNFINISHED[table]} AND u.requested_by IS NULL))
            FROM {table} v
            WHERE v.id = i.selected_{kind}_id AND i.{kind}_chosen_at IS NULL
              AND v.claim_token IS NULL""")
    op.execute("ALTER TABLE images ENABLE TRIGGER review_chosen")


def _give_the_shops_names() -> None:
    bind = op.get_bind()
    exists = text(
        "SELECT EXISTS (SELECT FROM pg_constraint "
        "WHERE conrelid = to_regclass(:table) AND conname = :name)"
    )
    for (table, old), new in RENAMED.items():
        if bind.scalar(exists, {"table": table, "name": old}):
            op.execute(f"ALTER TABLE {table} RENAME CONSTRAINT {old} TO {new}")
    for name, place in INDEXES.items():
        op.execute(f"CREATE INDEX IF NOT EXISTS {name} ON {place}")
    for column in ("order_number", "shopify_id"):
        old = f"orders_{column}_key"
        if bind.scalar(exists, {"table": "orders", "name": old}):
            op.execute(f"CREATE UNIQUE INDEX IF NOT EXISTS ix_orders_{column} ON orders ({column})")
            op.execute(f"ALTER TABLE orders DROP CONSTRAINT {old}")


def downgrade() -> None:
    for name, (table, condition, _) in ACTIVE.items():
        op.execute(f"DROP INDEX {name}")
        op.execute(f"CREATE INDEX {name} ON {table} (queued_at, id) WHERE {condition}")
    for table in UNFINISHED:
        op.execute(f"ALTER TABLE {table} DROP COLUMN held_at")
