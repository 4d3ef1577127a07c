"""The shop's schema, as its existing database has it.

A shop's database stands at this revision already and is simply upgraded from here.
"""

from alembic import op

revision = "7c5d4e6f8a9b"
down_revision = None
branch_labels = None
depends_on = None

COLORING = (
    "pending", "queued", "processing", "runpod_submitting", "runpod_submitted", "runpod_queued",
    "runpod_processing", "runpod_completed", "storage_upload", "completed", "error",
    "runpod_cancelled",
)
SVG = (
    "pending", "queued", "processing", "vectorizer_processing", "vectorizer_completed",
    "storage_upload", "completed", "error",
)
ORDER = ("pending", "downloading", "processing", "ready_for_review", "error")


def _create_enum(name: str, values: tuple[str, ...]) -> None:
    listed = ", ".join(f"'{value}'" for value in values)
    op.execute(f"CREATE TYPE {name} AS ENUM ({listed})")


def upgrade() -> None:
    _create_enum("orderstatus", ORDER)
    _create_enum("coloringprocessingstatus", COLORING)
    _create_enum("svgprocessingstatus", SVG)
    op.execute("""
        CREATE TABLE orders (
            id uuid PRIMARY KEY,
            order_number text NOT NULL UNIQUE,
            shopify_id bigint UNIQUE,
            shopify_order_number text,
            customer_email text,
            customer_name text,
            payment_status text,
            shipping_method text,
            status orderstatus NOT NULL,
            created_at timestamptz NOT NULL DEFAULT now(),
            updated_at timestamptz NOT NULL DEFAULT now()
        )""")
    op.execute("CREATE INDEX ix_orders_shopify_order_number ON orders (shopify_order_number)")
    op.execute("""
        CREATE TABLE line_items (
            id serial PRIMARY KEY,
            order_id uuid NOT NULL REFERENCES orders,
            position integer NOT NULL,
            shopify_line_item_id bigint UNIQUE,
            title text NOT NULL,
            quantity integer NOT NULL,
            dedication text,
            layout text,
            UNIQUE (order_id, position)
        )""")
    op.execute("""
        CREATE TABLE images (
            id serial PRIMARY KEY,
            line_item_id integer NOT NULL REFERENCES line_items,
            position integer NOT NULL,
            original_url text,
            file_ref jsonb,
            uploaded_at timestamptz,
            selected_coloring_id integer,
            selected_svg_id integer,
            UNIQUE (line_item_id, position)
        )""")
    op.execute("""
        CREATE TABLE coloring_versions (
            id serial PRIMARY KEY,
            image_id integer NOT NULL REFERENCES images,
            version integer NOT NULL,
            file_ref jsonb,
            status coloringprocessingstatus NOT NULL,
            megapixels double precision NOT NULL DEFAULT 1.0,
            steps integer NOT NULL DEFAULT 4,
            runpod_job_id varchar(100),
            created_at timestamptz NOT NULL DEFAULT now(),
            started_at timestamptz,
            completed_at timestamptz,
            UNIQUE (image_id, version)
        )""")
    op.execute("""
        CREATE TABLE svg_versions (
            id serial PRIMARY KEY,
            image_id integer NOT NULL REFERENCES images,
            coloring_version_id integer NOT NULL REFERENCES coloring_versions,
            version integer NOT NULL,
            file_ref jsonb,
            status svgprocessingstatus NOT NULL,
            shape_stacking text NOT NULL DEFAULT 'stacked',
            group_by text NOT NULL DEFAULT 'color',
            vectorizer_job_id varchar(100),
            created_at timestamptz NOT NULL DEFAULT now(),
            started_at timestamptz,
            completed_at timestamptz,
            UNIQUE (image_id, version)
        )""")
    op.execute("""
        ALTER TABLE images
            ADD FOREIGN KEY (selected_coloring_id) REFERENCES coloring_versions,
            ADD FOREIGN KEY (selected_svg_id) REFERENCES svg_versions""")
    op.execute("""
        CREATE TABLE manual_order_sequence (id serial PRIMARY KEY, next_value integer NOT NULL)""")
    op.execute("INSERT INTO manual_order_sequence (id, next_value) VALUES (1, 1000)")


def downgrade() -> None:
    op.execute("DROP TABLE manual_order_sequence")
    op.execute("ALTER TABLE images DROP COLUMN selected_coloring_id, DROP COLUMN selected_svg_id")
    for table in ("svg_versions", "coloring_versions", "images", "line_items", "orders"):
        op.execute(f"DROP TABLE {table}")
    for name in ("svgprocessingstatus", "coloringprocessingstatus", "orderstatus"):
        op.execute(f"DROP TYPE {name}")
