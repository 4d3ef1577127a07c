"""What a database holds before anything is changed in it, and why it may not be changed at all."""

from dataclasses import dataclass

from alembic.runtime.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy import Connection, text

from fototui.db.errors import SchemaError

SHOP_REVISIONS = ("4bf86552fe5b", "59d0e8a1b461", "7c5d4e6f8a9b")
"""Revisions that the shop's own program made, the oldest first."""

ADOPTED = "d1f3a5b7294a"
"""The revision that holds the shop's old jobs and keeps its choices."""

# What every age of the shop's database has; another program's `orders` has something else.
_SHOP_COLUMNS = {
    "orders": ("id", "order_number", "shopify_id", "status", "created_at"),
    "line_items": ("id", "order_id", "position", "title", "quantity"),
    "images": ("id", "line_item_id", "position", "file_ref", "selected_coloring_id"),
    "coloring_versions": ("id", "image_id", "version", "file_ref", "status", "megapixels"),
    "svg_versions": ("id", "coloring_version_id", "version", "file_ref", "status", "group_by"),
    "manual_order_sequence": ("id", "next_value"),
}

# Tables, views and the like that no extension brought along.
_RELATIONS = text(
    """
    SELECT c.relname FROM pg_class c
    WHERE c.relnamespace = to_regnamespace(quote_ident(current_schema()))
      AND c.relkind IN ('r', 'p', 'v', 'm', 'f') AND c.relname <> 'alembic_version'
      AND NOT EXISTS (SELECT FROM pg_depend d WHERE d.objid = c.oid AND d.deptype = 'e')
    ORDER BY c.relname
    """
)
_COLUMNS = text(
    "SELECT column_name FROM information_schema.columns "
    "WHERE table_schema = current_schema() AND table_name = :table"
)


@dataclass(frozen=True, slots=True)
class Plan:
    """What an upgrade will do.

    Args:
        found: The revision at which the database stands; None for an empty one.
        steps: The revisions to come with the first line of what each does.
        held: Unfinished jobs by table that will wait until an operator says yes.
        choices: Chosen versions that will count as an operator's choice.
    """

    found: str | None
    steps: tuple[tuple[str, str], ...]
    held: dict[str, int]
    choices: int


def examine(connection: Connection, scripts: ScriptDirectory) -> str | None:
    """Find the revision of a database, or say why fototui must leave it alone.

    Args:
        connection: The database.
        scripts: The migrations that this program knows.

    Returns:
        The revision; None for an empty database.

    Raises:
        SchemaError: The database is another program's or newer than this one.
    """
    found = MigrationContext.configure(connection).get_current_revision()
    relations = list(connection.scalars(_RELATIONS))
    if found is None:
        if relations:
            raise SchemaError(
                "The database holds tables of another program ({tables}) and no alembic_version. "
                "Name a database of fototui's own in DATABASE_URL.",
                tables=_some(relations),
            )
        return None
    if found not in {script.revision for script in scripts.walk_revisions()}:
        raise unknown(found)
    missing = [
        f"{table}.{column}"
        for table, columns in _SHOP_COLUMNS.items()
        for column in sorted(set(columns) - set(connection.scalars(_COLUMNS, {"table": table})))
    ]
    if missing:
        raise SchemaError(
            "The database says that it stands at revision {found}, but lacks {columns}: its tables "
            "are another program's. Name the shop's database in DATABASE_URL.",
            found=found,
            columns=_some(missing),
        )
    return found


def unknown(found: str) -> SchemaError:
    """The error for a database whose revision this program does not know."""
    return SchemaError(
        "The database stands at revision {found}, which this version of fototui does not know. "
        "Update fototui.",
        found=found,
    )


def _some(names: list[str]) -> str:
    shown = ", ".join(names[:5])
    return f"{shown}, …" if len(names) > 5 else shown


def plan(connection: Connection, scripts: ScriptDirectory, target: str) -> Plan:
    """Tell what an upgrade will do, changing nothing.

    Args:
        connection: The database.
        scripts: The migrations.
        target: Where to.

    Raises:
        SchemaError: The database is another program's or newer than this one.
    """
    found = examine(connection, scripts)
    steps = [
        (script.revision, (script.doc or "").splitlines()[0])
        for script in scripts.iterate_revisions(target, found or "base")
    ]
    steps.reverse()
    adopts = found is not None and any(revision == ADOPTED for revision, _ in steps)
    return Plan(
        found=found,
        steps=tuple(steps),
        held=_held(connection) if adopts else {},
        choices=_choices(connection) if adopts else 0,
    )


def _held(connection: Connection) -> dict[str, int]:
    """The counts of what revision `ADOPTED` will hold."""
    finals = "'ready_for_review', 'completed', 'error', 'runpod_cancelled'"
    counts = {}
    for table in ("orders", "coloring_versions", "svg_versions"):
        condition = f"status::text NOT IN ({finals}) AND created_at < now() - interval '1 day'"
        if "requested_by" in connection.scalars(_COLUMNS, {"table": table}).all():
            condition += " AND requested_by IS NULL AND claim_token IS NULL AND claimed_by IS NULL"
        counts[table] = (
            connection.scalar(text(f"SELECT count(*) FROM {table} WHERE {condition}"))  # noqa: S608 - constants
            or 0
        )
    return counts


def _choices(connection: Connection) -> int:
    """How many choices of the shop's own program revision `ADOPTED` will keep."""
    ours = "coloring_chosen_at" in connection.scalars(_COLUMNS, {"table": "images"}).all()
    total = 0
    for kind in ("coloring", "svg"):
        own = f" AND i.{kind}_chosen_at IS NULL AND v.claim_token IS NULL" if ours else ""
        total += (
            connection.scalar(
                text(
                    f"SELECT count(*) FROM images i JOIN {kind}_versions v "  # noqa: S608 - constants
                    f"ON v.id = i.selected_{kind}_id WHERE true{own}"
                )
            )
            or 0
        )
    return total


def below_the_shop() -> SchemaError:
    """The error for a downgrade that would drop the shop."""
    return SchemaError(
        "Below revision {revision} are the shop's own tables, which fototui neither drops nor "
        "takes back. Nothing was changed.",
        revision=SHOP_REVISIONS[-1],
    )
