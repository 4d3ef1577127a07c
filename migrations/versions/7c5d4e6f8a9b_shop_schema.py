"""The shop's schema as its newest program has it; most shops' databases stand here.

Two SVGs of one photo could both be v1 before, since versions were counted for each colouring. They
are counted for each photo from here on, by age.
"""

from alembic import op
from fototui.db.schema.state import below_the_shop
from sqlalchemy import text

revision = "7c5d4e6f8a9b"
down_revision = "59d0e8a1b461"
branch_labels = None
depends_on = None

NEW_VALUES = {
    "coloring_versions": (
        "coloringprocessingstatus",
        ("storage_upload", "runpod_completed", "runpod_cancelled"),
    ),
    "svg_versions": ("svgprocessingstatus", ("storage_upload", "vectorizer_completed")),
}


def upgrade() -> None:
    for table, (name, values) in NEW_VALUES.items():
        op.execute(
            f"ALTER TABLE {table} ADD COLUMN IF NOT EXISTS started_at timestamptz, "
            "ADD COLUMN IF NOT EXISTS completed_at timestamptz"
        )
        _widen(table, name, values)
    _count_svgs_by_photo()


def _widen(table: str, name: str, values: tuple[str, ...]) -> None:
    """Give a status type the values that it lacks.

    They are used in this very transaction, so adding them to the type is not enough: PostgreSQL
    forbids the use of a value before the commit that brought it, but in a type just made.
    """
    labels = list(
        op.get_bind().scalars(
            text(
                "SELECT enumlabel FROM pg_enum WHERE enumtypid = to_regtype(:name) "
                "ORDER BY enumsortorder"
            ),
            {"name": name},
        )
    )
    missing = [value for value in values if value not in labels]
    used = op.get_bind().scalar(
        text(
            "SELECT atttypid = to_regtype(:name) FROM pg_attribute "
            "WHERE attrelid = to_regclass(:table) AND attname = 'status'"
        ),
        {"name": name, "table": table},
    )
    # Where there is no such type, an older shop has one type for both; the next revision parts it.
    if not missing or not labels:
        return
    default = op.get_bind().scalar(
        text(
            "SELECT pg_get_expr(adbin, adrelid) FROM pg_attrdef JOIN pg_attribute "
            "ON attrelid = adrelid AND attnum = adnum "
            "WHERE adrelid = to_regclass(:table) AND attname = 'status'"
        ),
        {"table": table},
    )
    listed = ", ".join(f"'{value}'" for value in (*labels, *missing))
    op.execute(f"ALTER TYPE {name} RENAME TO {name}_narrow")
    op.execute(f"CREATE TYPE {name} AS ENUM ({listed})")
    if used:
        if default is not None:
            op.execute(f"ALTER TABLE {table} ALTER COLUMN status DROP DEFAULT")
        op.execute(
            f"ALTER TABLE {table} ALTER COLUMN status TYPE {name} USING status::text::{name}"
        )
        if default is not None:
            value = default.split("::")[0]
            op.execute(f"ALTER TABLE {table} ALTER COLUMN status SET DEFAULT {value}")
    op.execute(f"DROP TYPE {name}_narrow")


def _count_svgs_by_photo() -> None:
    op.execute("ALTER TABLE svg_versions ADD COLUMN IF NOT EXISTS image_id integer")
    op.execute("""
        UPDATE svg_versions s SET image_id = c.image_id
        FROM coloring_versions c WHERE c.id = s.coloring_version_id AND s.image_id IS NULL""")
    op.execute("ALTER TABLE svg_versions ALTER COLUMN image_id SET NOT NULL")
    _drop_old_uniqueness()
    op.execute("""
        UPDATE svg_versions s SET version = by_age.place
        FROM (SELECT id, row_number() OVER (PARTITION BY image_id ORDER BY created_at, id) AS place
              FROM svg_versions) by_age
        WHERE by_age.id = s.id AND s.version <> by_age.place
          AND EXISTS (SELECT FROM svg_versions a JOIN svg_versions b
                      ON a.image_id = b.image_id AND a.version = b.version AND a.id < b.id
                      WHERE a.image_id = s.image_id)""")
    op.execute("""
        ALTER TABLE svg_versions
            ADD CONSTRAINT fk_svg_versions_image_id
                FOREIGN KEY (image_id) REFERENCES images (id),
            ADD CONSTRAINT uq_svg_version_image_version UNIQUE (image_id, version)""")
    op.execute("CREATE INDEX ix_svg_versions_image_id ON svg_versions (image_id)")


def _drop_old_uniqueness() -> None:
    """The constraint or the index on (coloring_version_id, version), whatever its name."""
    found = (
        op.get_bind()
        .execute(
            text("""
        SELECT i.relname, c.conname
        FROM pg_index x JOIN pg_class i ON i.oid = x.indexrelid
        LEFT JOIN pg_constraint c ON c.conindid = x.indexrelid AND c.contype = 'u'
        WHERE x.indrelid = 'svg_versions'::regclass AND x.indisunique AND (
            SELECT array_agg(a.attname::text ORDER BY a.attname) FROM pg_attribute a
            WHERE a.attrelid = x.indrelid AND a.attnum = ANY (x.indkey)
        ) = ARRAY['coloring_version_id', 'version']""")
        )
        .all()
    )
    for index, constraint in found:
        if constraint is not None:
            op.execute(f'ALTER TABLE svg_versions DROP CONSTRAINT "{constraint}"')
        else:
            op.execute(f'DROP INDEX "{index}"')


def downgrade() -> None:
    raise below_the_shop()
