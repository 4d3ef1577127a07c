"""What costs more than most tests, and is the same in all of them: made once, and kept.

The program has one engine and a few clients. Each test has its own, and so would compile every
statement and read every certificate anew.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable
from functools import cache, partial
from ssl import SSLContext
from types import SimpleNamespace
from typing import Any

import asyncpg
import httpx
from httpx._transports import default as transports
from rich.segment import Segment
from sqlalchemy.dialects.postgresql.asyncpg import PGDialect_asyncpg
from sqlalchemy.ext.asyncio import create_async_engine
from sqlalchemy.util import LRUCache
from textual.cache import FIFOCache
from textual.css.model import RuleSet
from textual.css.stylesheet import Stylesheet
from textual.strip import Strip

from fototui.clients import photo_routes
from fototui.db import database
from fototui.db.fixed import FixedStatement
from fototui.engine.jobs.transitions import Transitions

_MOST_STATEMENTS = 2000
"""The whole suite has fewer."""

_NOTHING_ASKED = SimpleNamespace(name="kept")
"""In place of a statement that was prepared for the question: no other gave way to it."""


def keep() -> None:
    """Keep all of it from here on."""
    _keep_statements()
    _keep_types()
    _keep_moves()
    _keep_certificates()
    _keep_styles()
    _make_caches_when_used()


def _keep_statements() -> None:
    """Have all engines keep in one place what they compile.

    To SQLAlchemy each engine speaks a dialect of its own. What the mappers keep of it would hold
    every test's engine in memory besides.
    """
    PGDialect_asyncpg.__eq__ = _speaks_the_same  # type: ignore[method-assign,assignment]
    PGDialect_asyncpg.__hash__ = _hash  # type: ignore[method-assign,assignment]
    kept: LRUCache[Any, Any] = LRUCache(_MOST_STATEMENTS)
    made = partial(create_async_engine, execution_options={"compiled_cache": kept})
    database.create_async_engine = made  # type: ignore[attr-defined]


def _speaks_the_same(self: PGDialect_asyncpg, other: object) -> bool:
    return type(self) is type(other) and self.server_version_info == other.server_version_info


def _hash(self: PGDialect_asyncpg) -> int:
    return hash(type(self))


def _keep_types() -> None:
    """Have all connections to one server share what they ask it of its types.

    Each asks when it first meets a status, and a server needs longer for that answer than for most
    tests' own statements. A type has the same number in each copy of a database, and a number
    belongs to one type of a server; which server it is shows by its password.
    """
    # Any: asyncpg's own types say nothing of what is private.
    connection: Any = asyncpg.Connection
    ask: Callable[..., Any] = connection._introspect_types
    kept: dict[object, Any] = {}

    async def types(self: Any, typeoids: Any, seconds: float | None) -> Any:
        key = (self._addr, self._params.password, frozenset(typeoids))
        if key not in kept:
            found, statement = await ask(self, typeoids, seconds)
            if len(found) < len(typeoids):  # dropped meanwhile
                return found, statement
            kept[key] = found
            return found, statement
        return kept[key], _NOTHING_ASKED

    connection._introspect_types = types


def _keep_moves() -> None:
    """Have all engines keep in one place what they make of moves that look the same."""
    begin: Callable[..., None] = Transitions.__init__
    run: Callable[..., Any] = FixedStatement.on
    statements: dict[Any, Any] = {}
    dialects: dict[Any, Any] = {}

    def begun(self: Transitions, *given: Any, **named: Any) -> None:
        begin(self, *given, **named)
        self._statements = statements

    def on(self: FixedStatement, dialect: Any, values: Any) -> Any:
        return run(self, dialects.setdefault(dialect, dialect), values)

    Transitions.__init__ = begun  # type: ignore[method-assign]
    FixedStatement.on = on  # type: ignore[method-assign]


def _keep_certificates() -> None:
    """Have HTTP clients share the usual certificates; what a test names itself is read anew."""
    read: Callable[..., SSLContext] = httpx.create_ssl_context
    usual = cache(read)
    named = _named_certificates()

    def trusted(verify: Any = True, cert: Any = None, trust_env: bool = True) -> SSLContext:
        if verify is not True or cert or _named_certificates() != named:
            return read(verify=verify, cert=cert, trust_env=trust_env)
        return usual(trust_env=trust_env)

    def kept(read: Callable[[], SSLContext]) -> Callable[[], SSLContext]:
        return lambda: usual() if _named_certificates() == named else read()

    transports.create_ssl_context = trusted  # type: ignore[attr-defined]
    # Photos' direct way reads them at its start, if the environment names some.
    photo_routes.cache = kept  # type: ignore[attr-defined,assignment]


def _keep_styles() -> None:
    """Have apps share the style sheets that they read, each with its theme's colours."""
    read = Stylesheet._parse_rules
    kept: dict[tuple[object, ...], list[RuleSet]] = {}

    def rules(
        self: Stylesheet,
        css: str,
        read_from: tuple[str, str],
        is_default_rules: bool = False,
        tie_breaker: int = 0,
        scope: str = "",
    ) -> list[RuleSet]:
        key = (css, read_from, is_default_rules, tie_breaker, scope, *self._variables.items())
        if key not in kept:
            kept[key] = read(self, css, read_from, is_default_rules, tie_breaker, scope)
        return kept[key]

    Stylesheet._parse_rules = rules  # type: ignore[method-assign]


def _make_caches_when_used() -> None:
    """Give a line of a screen its caches when it first looks into them: few ever look into one."""
    sizes = {
        "_divide_cache": 4,
        "_crop_cache": 16,
        "_style_cache": 16,
        "_filter_cache": 4,
        "_line_length_cache": 4,
        "_crop_extend_cache": 4,
        "_offsets_cache": 4,
    }

    def begin(self: Strip, segments: Iterable[Segment], cell_length: int | None = None) -> None:
        self._segments = list(segments)
        self._cell_length = cell_length
        self._render_cache = None
        self._link_ids = None
        self._cell_count = None

    def missing(self: Strip, name: str) -> FIFOCache[Any, Any]:
        if name not in sizes:
            raise AttributeError(name)
        cache: FIFOCache[Any, Any] = FIFOCache(sizes[name])
        setattr(self, name, cache)
        return cache

    Strip.__init__ = begin  # type: ignore[method-assign]
    Strip.__getattr__ = missing  # type: ignore[attr-defined]


def _named_certificates() -> list[str | None]:
    return [os.environ.get(name) for name in ("SSL_CERT_FILE", "SSL_CERT_DIR")]
