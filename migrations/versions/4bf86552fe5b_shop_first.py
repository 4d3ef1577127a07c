"""The shop's schema as it stood first; a database of that age is upgraded from here.

The shop's own program made these tables. What it wrote is copied to the letter, names of
constraints and indexes included, so that a fresh database is the same as an adopted one.
"""

from alembic import op

revision = "4bf86552fe5b"
down_revision = None
branch_labels = None
depends_on = None

TYPES = {
    "orderstatus": ("pending", "downloading", "processing", "ready_for_review", "error"),
    "coloringprocessingstatus": (
        "pending",
        "queued",
        "processing",
        "runpod_submitting",
        "runpod_submitted",
        "runpod_queued",
        "runpod_processing",
        "completed",
        "error",
    ),
    "svgprocessingstatus": (
        "pending",
        "queued",
        "processing",
        "vectorizer_processing",
        "completed",
        "error",
    ),
}
TABLES = (
    """CREATE TABLE orders (
        id uuid PRIMARY KEY,
        order_number varchar NOT NULL,
        shopify_id bigint,
        shopify_order_number varchar,
        customer_email varchar,
        customer_name varchar,
        payment_status varchar,
        shipping_method varchar,
        status orderstatus NOT NULL,
        created_at timestamptz NOT NULL,
        updated_at timestamptz NOT NULL
    )""",
    """CREATE TABLE line_items (
        id serial PRIMARY KEY,
        order_id uuid NOT NULL REFERENCES orders (id),
        position integer NOT NULL,
        shopify_line_item_id bigint UNIQUE,
        title varchar NOT NULL,
        quantity integer NOT NULL,
        dedication varchar,
        layout varchar,
        CONSTRAINT uq_line_item_order_position UNIQUE (order_id, position)
    )""",
    """CREATE TABLE images (
        id serial PRIMARY KEY,
        line_item_id integer NOT NULL REFERENCES line_items (id),
        position integer NOT NULL,
        original_url varchar,
        file_ref jsonb,
        uploaded_at timestamptz,
        selected_coloring_id integer,
        selected_svg_id integer,
        CONSTRAINT uq_image_line_item_position UNIQUE (line_item_id, position)
    )""",
    """CREATE TABLE coloring_versions (
        id serial PRIMARY KEY,
        image_id integer NOT NULL REFERENCES images (id),
        version integer NOT NULL,
        file_ref jsonb,
        status coloringprocessingstatus NOT NULL,
        megapixels double precision NOT NULL,
        steps integer NOT NULL,
        created_at timestamptz NOT NULL,
        CONSTRAINT uq_coloring_version_image_version UNIQUE (image_id, version)
    )""",
    """CREATE TABLE svg_versions (
        id serial PRIMARY KEY,
        coloring_version_id integer NOT NULL REFERENCES coloring_versions (id),
        version integer NOT NULL,
        file_ref jsonb,
        status svgprocessingstatus NOT NULL,
        shape_stacking varchar NOT NULL,
        group_by varchar NOT NULL,
        created_at timestamptz NOT NULL,
        CONSTRAINT uq_svg_version_coloring_version UNIQUE (coloring_version_id, version)
    )""",
    "CREATE TABLE manual_order_sequence (id serial PRIMARY KEY, next_value integer NOT NULL)",
)
INDEXES = (
    "UNIQUE INDEX ix_orders_order_number ON orders (order_number)",
    "UNIQUE INDEX ix_orders_shopify_id ON orders (shopify_id)",
    "INDEX ix_orders_shopify_order_number ON orders (shopify_order_number)",
    "INDEX ix_line_items_order_id ON line_items (order_id)",
    "INDEX ix_images_line_item_id ON images (line_item_id)",
    "INDEX ix_coloring_versions_image_id ON coloring_versions (image_id)",
    "INDEX ix_svg_versions_coloring_version_id ON svg_versions (coloring_version_id)",
)


def upgrade() -> None:
    for name, values in TYPES.items():
        listed = ", ".join(f"'{value}'" for value in values)
        op.execute(f"CREATE TYPE {name} AS ENUM ({listed})")
    for table in TABLES:
        op.execute(table)
    for index in INDEXES:
        op.execute(f"CREATE {index}")
    op.execute("""
        ALTER TABLE images
            ADD CONSTRAINT fk_images_selected_coloring_id
                FOREIGN KEY (selected_coloring_id) REFERENCES coloring_versions (id),
            ADD CONSTRAINT fk_images_selected_svg_id
                FOREIGN KEY (selected_svg_id) REFERENCES svg_versions (id)""")
    op.execute("INSERT INTO manual_order_sequence (id, next_value) VALUES (1, 1000)")


def downgrade() -> None:
    """Never reached: 7c5d4e6f8a9b, the first on the way down, refuses."""
