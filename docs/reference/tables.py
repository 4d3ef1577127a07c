"""The tables of the database with every field, as `fototui/db/models/` declares them."""

from __future__ import annotations

from sqlalchemy import Column, Table
from sqlalchemy.dialects import postgresql

import fototui.db.schema.differences  # noqa: F401 - it knows all modules that bring tables
from docs.reference.docstrings import of_attributes, of_class
from docs.reference.markdown import code, table
from fototui.db.base import Base

Model = type[Base]


def models() -> list[Model]:
    """All models, by the names of their tables."""
    mapped = [mapper.class_ for mapper in Base.registry.mappers]
    return sorted(mapped, key=lambda model: model.__tablename__)


def page() -> str:
    """All tables."""
    return "\n".join(map(_described, models()))


def _described(model: Model) -> str:
    stored = model.__table__
    assert isinstance(stored, Table)
    meanings = of_attributes(model)
    rows = [
        (code(column.name), _type(column), _rest(column), meanings.get(column.name, ""))
        for column in stored.columns
    ]
    return f"## `{stored.name}`\n\n{of_class(model)}\n\n" + table(
        ("column", "type", "", "meaning"), rows
    )


def _type(column: Column[object]) -> str:
    written = column.type.compile(dialect=postgresql.dialect())  # type: ignore[no-untyped-call]  # theirs
    return written.lower().replace(" with time zone", "tz")


def _rest(column: Column[object]) -> str:
    """What a value must be, beside its type."""
    parts = []
    if column.primary_key:
        parts.append("key")
    parts += [f"→ {code(key.target_fullname)}" for key in column.foreign_keys]
    if column.unique:
        parts.append("unique")
    if column.nullable:
        parts.append("may be null")
    return ", ".join(parts)
