"""Statements that are made once and run often: an engine writes one for each step of each job.

Building a statement out of its parts, looking for it among those that were compiled before, and a
session around it take ten times as long as PostgreSQL does. Here it is compiled when it is first
run, and each run only brings its values.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from functools import partial
from typing import Any

from sqlalchemy import ClauseElement, Dialect, Engine, Row
from sqlalchemy.sql.compiler import SQLCompiler


class FixedStatement:
    """A statement with named values (`bindparam`).

    Args:
        statement: The statement. What is not named in it is the same in each run.
    """

    def __init__(self, statement: ClauseElement) -> None:
        self._statement = statement
        self._text = ""
        self._dialect: Dialect | None = None
        self._values: list[Callable[[Mapping[str, object]], object]] = []

    # Any: columns are of several types.
    def run_on(self, engine: Engine, values: Mapping[str, object]) -> Sequence[Row[Any]]:
        """Run it, within a greenlet as SQLAlchemy needs it.

        Args:
            engine: The database; where each statement commits by itself, so does this one.
            values: At least the values that it names.

        Returns:
            All rows that it gives, as the driver has them.
        """
        with engine.connect() as connection:
            if self._dialect is not connection.dialect:
                self._compile(connection.dialect)
            given = tuple(value(values) for value in self._values)
            result = connection.exec_driver_sql(self._text, given)
            return result.all() if result.returns_rows else ()

    def _compile(self, dialect: Dialect) -> None:
        compiled = self._statement.compile(dialect=dialect)
        assert isinstance(compiled, SQLCompiler)
        if compiled.prefetch:
            raise TypeError("a fixed statement gives columns with defaults made in Python itself")
        fixed = compiled.params
        self._values = []
        for name in compiled.positiontup or ():
            bound = compiled.binds[name]
            process = bound.type.dialect_impl(dialect).bind_processor(dialect)
            if bound.required:
                take = partial(_named, name, process)
            else:
                value = fixed[name]
                take = partial(_always, value if process is None else process(value))
            self._values.append(take)
        self._text, self._dialect = str(compiled), dialect


Process = Callable[[Any], object] | None


def _named(name: str, process: Process, values: Mapping[str, object]) -> object:
    value = values[name]
    return value if process is None else process(value)


def _always(value: object, _values: Mapping[str, object]) -> object:
    return value
