"""Statements that are made once and run often: an engine writes one for each step of each job.

Building a statement out of its parts, looking for it among those that were compiled before, and a
session and a cursor around it take ten times as long as PostgreSQL does. Here it is compiled when
it is first run, and each run only brings its values, straight to the driver (`Database.run`).
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from functools import partial
from typing import Any

from sqlalchemy import ClauseElement, Dialect
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

    def on(
        self, dialect: Dialect, values: Sequence[Mapping[str, object]]
    ) -> tuple[str, Sequence[Sequence[object]]]:
        """Its text, and what the driver is given with it each time that it is to be run.

        Args:
            dialect: How the database is spoken to.
            values: For each time, at least the values that it names.
        """
        if self._dialect is not dialect:
            self._compile(dialect)
        return self._text, [[value(each) for value in self._values] for each in values]

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
