"""Orders are jobs of the engine; webhooks and API tokens; reasons that can be translated.

Revision ID: f6a8b0c24d57
Revises: e5f7a9b13d46
"""

from alembic import op

revision = "f6a8b0c24d57"
down_revision = "e5f7a9b13d46"
branch_labels = None
depends_on = None

ORDER_COLUMNS = {
    "sync_requested_at": "timestamptz",
    "requested_by": "text",
    "queued_at": "timestamptz NOT NULL DEFAULT now()",
    "not_before": "timestamptz",
    "claimed_by": "uuid",
    "claim_token": "uuid",
    "claimed_at": "timestamptz",
    "attempts": "integer NOT NULL DEFAULT 0",
    "retries": "integer NOT NULL DEFAULT 0",
    "takeovers": "integer NOT NULL DEFAULT 0",
    "error_code": "text",
    "error": "text",
    "error_words": "jsonb",
}
IMAGE_COLUMNS = {"error_code": "text", "error": "text", "error_words": "jsonb"}
WORDS = {
    "coloring_versions": "error_words",
    "svg_versions": "error_words",
    "lanes": "paused_words",
    "activity": "detail_words",
}


def upgrade() -> None:
    for table, columns in (("orders", ORDER_COLUMNS), ("images", IMAGE_COLUMNS)):
        added = ", ".join(f"ADD COLUMN {name} {kind}" for name, kind in columns.items())
        op.execute(f"ALTER TABLE {table} {added}")
    for table, column in WORDS.items():
        op.execute(f"ALTER TABLE {table} ADD COLUMN {column} jsonb")
    op.execute("""
        CREATE INDEX ix_orders_ingest ON orders (queued_at, id)
        WHERE (status IN ('pending', 'processing')
               OR (sync_requested_at IS NOT NULL AND status <> 'downloading'))""")
    op.execute("CREATE INDEX ix_images_uploaded_at ON images (uploaded_at)")
    op.execute("CREATE INDEX ix_images_coloring_chosen_at ON images (coloring_chosen_at)")
    op.execute("CREATE INDEX ix_orders_download ON orders (queued_at, id) WHERE status = 'downloading'")
    op.execute("CREATE INDEX ix_orders_claimed ON orders (claimed_by) WHERE claimed_by IS NOT NULL")
    op.execute("INSERT INTO lanes (name, account_limit) VALUES ('ingest', NULL), ('download', NULL)")
    op.execute("""
        CREATE TABLE webhook_deliveries (
            id text PRIMARY KEY,
            topic text NOT NULL,
            shopify_id bigint,
            triggered_at timestamptz,
            received_at timestamptz NOT NULL DEFAULT now(),
            payload jsonb
        )""")
    op.execute("CREATE INDEX ix_webhook_deliveries_received_at ON webhook_deliveries (received_at)")
    op.execute("""
        CREATE INDEX ix_webhook_deliveries_newest
        ON webhook_deliveries (shopify_id, triggered_at DESC NULLS LAST)""")
    op.execute("""
        CREATE TABLE api_tokens (
            id uuid PRIMARY KEY,
            name text NOT NULL UNIQUE,
            token_hash text NOT NULL UNIQUE,
            created_at timestamptz NOT NULL DEFAULT now(),
            created_by text NOT NULL,
            last_used_at timestamptz,
            revoked_at timestamptz
        )""")


def downgrade() -> None:
    op.execute("DROP TABLE api_tokens, webhook_deliveries")
    op.execute("DELETE FROM lanes WHERE name IN ('ingest', 'download')")
    op.execute("DROP INDEX ix_images_uploaded_at, ix_images_coloring_chosen_at")
    op.execute("DROP INDEX ix_orders_ingest, ix_orders_download, ix_orders_claimed")
    for table, column in WORDS.items():
        op.execute(f"ALTER TABLE {table} DROP COLUMN {column}")
    for table, columns in (("orders", ORDER_COLUMNS), ("images", IMAGE_COLUMNS)):
        dropped = ", ".join(f"DROP COLUMN {name}" for name in columns)
        op.execute(f"ALTER TABLE {table} {dropped}")
