"""What a database's schema has otherwise than this program needs it, in words.

The shop's own program and earlier versions of fototui called the same things by other names and
wrote some types otherwise. Neither is a difference: uniqueness is known by its columns, and texts
without a limit are texts.
"""

from collections.abc import Iterable, Iterator, Mapping

from alembic.autogenerate import compare_metadata
from alembic.runtime.migration import MigrationContext
from sqlalchemy import (
    Column,
    Connection,
    ForeignKeyConstraint,
    Index,
    String,
    Table,
    UniqueConstraint,
    text,
)
from sqlalchemy.schema import SchemaItem
from sqlalchemy.types import TypeEngine

from fototui.db.base import Base
from fototui.db.models import load_all
from fototui.db.types import status_enum
from fototui.domain.lanes import LANES, file_lanes

load_all()

_TRIGGERS = {
    "orders": (
        "mark_changed",
        *(f"count_{when}" for when in ("inserted", "deleted", "truncated")),
        *(f"tell_{when}" for when in ("inserted", "updated")),
    ),
    "reviews": ("mark_changed",),
    "line_items": (
        *("mark_changed", "mark_parent"),
        *(f"tell_{when}" for when in ("inserted", "updated", "deleted")),
    ),
    **dict.fromkeys((lane.table for lane in file_lanes()), ("mark_changed", "mark_parent")),
    "images": ("mark_changed", "mark_parent", "review_chosen"),
    **dict.fromkeys(
        ("coloring_versions", "svg_versions"),
        ("mark_changed", "mark_parent", "review_asked", "review_ended"),
    ),
}

Signature = tuple[object, ...]


def differences(connection: Connection) -> list[str]:
    """Hold the database's schema against the models.

    Args:
        connection: The database.

    Returns:
        Each difference in a few words; none where the schema is right.
    """
    context = MigrationContext.configure(
        connection,
        opts={"compare_type": _types_differ, "compare_server_default": True},
    )
    flat = list(_flat(compare_metadata(context, Base.metadata)))
    found = {_signature(op[1]) for op in flat if op[0] in ("remove_index", "remove_constraint")}
    needed = {_signature(op[1]) for op in flat if op[0] in ("add_index", "add_constraint")}
    told = [_tell(op) for op in flat if not _is_there(op, found, needed)]
    return [*told, *_labels(connection), *_triggers(connection)]


def _flat(diffs: Iterable[object]) -> Iterator[tuple[object, ...]]:
    for diff in diffs:
        if isinstance(diff, list):  # what differs in one column
            yield from _flat(diff)
        elif isinstance(diff, tuple):
            yield diff


def _types_differ(
    context: MigrationContext,
    inspected_column: Column[object],
    metadata_column: Column[object],
    inspected: TypeEngine[object],
    needed: TypeEngine[object],
) -> bool | None:
    # The shop's are varchar without a limit, ours text: the same to all that read and write them.
    both = isinstance(inspected, String) and isinstance(needed, String)
    return False if both and getattr(inspected, "length", None) is None else None


def _signature(item: object) -> Signature:
    """What makes an index or a constraint the same as another, whatever its name."""
    if isinstance(item, UniqueConstraint):
        return (item.table.name, True, tuple(column.name for column in item.columns), "")
    assert isinstance(item, Index)
    assert item.table is not None
    where = item.dialect_options["postgresql"]["where"]
    columns = tuple(str(getattr(part, "name", part)) for part in item.expressions)
    return (item.table.name, bool(item.unique), columns, str(where) if where is not None else "")


def _is_there(op: tuple[object, ...], found: set[Signature], needed: set[Signature]) -> bool:
    match op[0]:
        case "add_index" | "add_constraint":
            return _signature(op[1]) in found
        case "remove_index" | "remove_constraint":
            signature = _signature(op[1])
            # One more index makes nothing wrong, as long as it forbids nothing.
            return signature in needed or signature[1] is False
        case "modify_default":
            # The program needs no default of the shop's columns, and minds none.
            return op[6] is None
        case "modify_comment":
            return True
    return False


def _tell(op: tuple[object, ...]) -> str:
    kind = str(op[0])
    item = op[1]
    match kind, item:
        case "add_table", Table():
            return f"table {item.name} is missing"
        case "remove_table", Table():
            return f"table {item.name} is not fototui's"
        case (("add_index" | "add_constraint" | "add_fk"), SchemaItem()):
            return f"{_name(item)} is missing"
        case (("remove_index" | "remove_constraint" | "remove_fk"), SchemaItem()):
            return f"{_name(item)} is not fototui's"
        case (("add_column" | "remove_column"), _):
            column = op[3]
            assert isinstance(column, Column)
            how = "is missing" if kind == "add_column" else "is not fototui's"
            return f"column {op[2]}.{column.name} {how}"
    what = {"modify_nullable": "may be NULL", "modify_type": "type", "modify_default": "default"}
    return f"column {op[2]}.{op[3]}: {what.get(kind, kind)} is {op[5]}, needed is {op[6]}"


def _name(item: SchemaItem) -> str:
    if isinstance(item, ForeignKeyConstraint):
        return f"foreign key {item.table.name} ({', '.join(item.column_keys)})"
    if isinstance(item, UniqueConstraint):
        return f"uniqueness of {item.table.name} ({', '.join(c.name for c in item.columns)})"
    return f"index {getattr(item, 'name', item)}"


def _labels(connection: Connection) -> Iterator[str]:
    """Alembic compares columns, not the labels of their types."""
    for statuses in dict.fromkeys(lane.statuses for lane in LANES.values()):
        enum = status_enum(statuses)
        labels = connection.scalars(
            text("SELECT enumlabel FROM pg_enum WHERE enumtypid = to_regtype(:name)"),
            {"name": enum.name},
        )
        for label in sorted(set(enum.enums) - set(labels)):
            yield f"type {enum.name} lacks {label}"


def _triggers(connection: Connection) -> Iterator[str]:
    rows = connection.execute(
        text(
            "SELECT c.relname, t.tgname FROM pg_trigger t JOIN pg_class c ON c.oid = t.tgrelid "
            "WHERE NOT t.tgisinternal AND t.tgenabled <> 'D' "
            "AND c.relnamespace = to_regnamespace(quote_ident(current_schema()))"
        )
    )
    there = {(table, name) for table, name in rows}
    needed: Mapping[str, tuple[str, ...]] = _TRIGGERS
    for table, names in needed.items():
        for name in names:
            if (table, name) not in there:
                yield f"trigger {name} of {table} is missing or disabled"
