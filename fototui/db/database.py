"""The way to the database: its engine, its sessions, and what its outages are called."""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from typing import Any, ClassVar, cast

import asyncpg
from pydantic import SecretStr
from sqlalchemy import (
    URL,
    AsyncAdaptedQueuePool,
    Dialect,
    PoolProxiedConnection,
    event,
    text,
)
from sqlalchemy.dialects.postgresql.asyncpg import AsyncAdapt_asyncpg_connection
from sqlalchemy.engine import ExceptionContext
from sqlalchemy.exc import TimeoutError as PoolTimeoutError
from sqlalchemy.ext.asyncio import AsyncEngine, create_async_engine
from sqlalchemy.util import greenlet_spawn

from fototui.db.address import place, read, read_url, tell_left_out
from fototui.db.connection import set_after, shares_servers, without_startup
from fototui.db.errors import DatabaseUnavailableError, SqlState
from fototui.db.events.news import News
from fototui.db.events.session import TrackedAsyncSession
from fototui.db.events.tracker import Publish
from fototui.db.fixed import FixedStatement
from fototui.db.schema import revision
from fototui.db.translation import (
    OLDEST_VERSION,
    driver_error,
    is_broken,
    shared_session,
    strange_server,
    translate,
    unavailable,
)
from fototui.domain.errors import ConfigurationError, FototuiError
from fototui.net.closing import Closing

_CONNECT_SECONDS = 10.0
_CLOSE_SECONDS = 1.0
_LOCK_SECONDS = 5.0
_IDLE_IN_TRANSACTION_SECONDS = 60.0
# The server gives a statement up first; only a server that fell silent gets this far.
_SILENCE_SECONDS = 10.0
_SINCE = "fototui: since"
"""Where the pool's record of a connection says when that was made, on the monotonic clock."""


class _Connection(asyncpg.Connection):
    """A connection that can always be closed: the other side may be gone without a word.

    SQLAlchemy closes what its pool holds with no time-out, and so would wait for ever.
    """

    async def close(self, *, timeout: float | None = None) -> None:  # noqa: ASYNC109 - asyncpg's
        """Close it; cut it where the server does not answer in time."""
        with suppress(TimeoutError):  # asyncpg has cut it then
            await super().close(timeout=timeout or _CLOSE_SECONDS)

    def __del__(self) -> None:
        """Cut it where nobody closed it: the server would keep it as long as this process lives."""
        # The loop is closed, and the connection with it; or it was never wholly made, because the
        # server said nonsense of itself: it has been cut when that shows.
        with suppress(RuntimeError, AttributeError):
            self.terminate()


class Database(Closing):
    """One PostgreSQL database.

    Sessions and `engine` raise the errors of `fototui.db.errors` in place of any driver's:
    `DatabaseUnavailableError` where it does not answer, `DatabaseError` where it refuses.

    Args:
        url: Database URL; `postgresql://`, `postgres://` and `postgresql+asyncpg://` are the same.
        publish: Takes each event of a commit, after it; must return at once. Where nobody takes
            any (`listen`), none are made, which saves the questions that they cost.
        pool_size: Connections at most.
        application_name: What the server shows beside our connections.
        statement_seconds: Longest a statement may take.

    Raises:
        ConfigurationError: The URL is none, or not one of PostgreSQL.
    """

    def __init__(
        self,
        url: SecretStr | str,
        *,
        publish: Publish | None = None,
        pool_size: int = 10,
        application_name: str = "fototui",
        statement_seconds: float = 30.0,
    ) -> None:
        self.url = read_url(url.get_secret_value() if isinstance(url, SecretStr) else url)
        self._refuses_startup = False
        self._lost_at = -math.inf
        self._listeners: list[Publish] = [] if publish is None else [publish]
        self.engine = self._create_engine(pool_size, application_name, statement_seconds)
        self._autocommit = self.engine.execution_options(isolation_level="AUTOCOMMIT")

    @property
    def address(self) -> str:
        """Host and port, for people."""
        return place(self.url)

    def session(self) -> TrackedAsyncSession:
        """A session for transactions."""
        return TrackedAsyncSession(self.engine, listeners=self._listeners)

    def listen(self, listener: Publish) -> Callable[[], None]:
        """Have each event of a commit made here, after it.

        Args:
            listener: Takes the event; it must return at once.

        Returns:
            Call it to have no more.
        """
        self._listeners.append(listener)

        def stop() -> None:
            with suppress(ValueError):  # closed meanwhile
                self._listeners.remove(listener)

        return stop

    def autocommit(self) -> TrackedAsyncSession:
        """A session whose statements each commit by themselves, in one network round trip.

        Nothing can be rolled back in it, and it takes no ORM writes.
        """
        return TrackedAsyncSession(self._autocommit, listeners=self._listeners)

    # Any: columns are of several types.
    async def run(
        self, statement: FixedStatement, *values: Mapping[str, object]
    ) -> list[dict[str, Any]]:
        """Run a statement that is run often; it commits by itself, in one network round trip.

        Args:
            statement: The statement.
            *values: Its values, by their names in it. With several it is run as often, in one
                transaction and still in one round trip; if it fails once, it was never run.

        Returns:
            All rows that it gives, as the driver reads them.
        """
        return await greenlet_spawn(self._run, statement, values)

    # Any: as above.
    def _run(
        self, statement: FixedStatement, values: Sequence[Mapping[str, object]]
    ) -> list[dict[str, Any]]:
        pooled = self._living_connection()
        try:
            text, given = statement.on(self.engine.dialect, values)
            return self._fetch(pooled, text, given)
        except DatabaseUnavailableError:
            self._lost_at = time.monotonic()
            raise
        finally:
            pooled.close()

    def _fetch(
        self, pooled: PoolProxiedConnection, text: str, given: Sequence[Sequence[object]]
    ) -> list[dict[str, Any]]:
        adapted = cast("AsyncAdapt_asyncpg_connection", pooled.dbapi_connection)
        try:
            rows = adapted.run_async(lambda driver: driver.fetchmany(text, given))
        except BaseException as error:
            is_closed = adapted.driver_connection.is_closed() or is_broken(error)
            # It may be lost, or still wait for an answer; a new one costs little.
            pooled.invalidate(error)
            if told := translate(error, self.url, lost=is_closed and _is_error(error)):
                raise told from error
            raise
        return [dict(row) for row in rows]

    def _living_connection(self) -> PoolProxiedConnection:
        """One out of the pool, of which nothing says already that it is gone.

        Where one was found lost, so are those that were there then: each would be waited for as
        long. Sessions empty the whole pool, too.
        """
        while True:
            pooled = self.engine.sync_engine.raw_connection()
            driver = pooled.driver_connection
            if driver is not None:
                if not driver.is_closed() and pooled.info[_SINCE] > self._lost_at:
                    return pooled
                driver.terminate()
            pooled.invalidate()
            pooled.close()

    def news(self) -> News:
        """Takes what `run` changed, and makes the events of it."""
        return News(self._listeners)

    async def ping(self) -> None:
        """Make sure that the database answers, in one round trip.

        Raises:
            DatabaseUnavailableError: It does not.
            ConfigurationError: It refuses the user or password, or does not exist.
        """
        async with self._autocommit.connect() as connection:
            await connection.execute(text("SELECT 1"))

    async def check(self) -> None:
        """Make sure that the database can be worked with.

        Raises:
            DatabaseUnavailableError: It does not answer.
            ConfigurationError: It refuses the user or password, does not exist, or a pooler shares
                its sessions.
            SchemaError: Its schema is not the one that this program needs.
        """
        await self._check_pooler()
        if not await revision.stands(self.engine):
            # Alembic is needed only to tell what is to be done; others start without it.
            from fototui.db.schema import migrate

            await migrate.require_head(self.engine)

    async def _check_pooler(self) -> None:
        """Refuse a pooler that gives our session away between transactions.

        Claims are told by LISTEN, and sessions have time-outs: both are a session's own.
        """
        async with self._autocommit.connect() as connection:
            served = await connection.scalar(text("SELECT pg_backend_pid()"))
            raw = await connection.get_raw_connection()
            if raw.driver_connection is None or served == raw.driver_connection.get_server_pid():
                return
        if await shares_servers(self.url, seconds=_CONNECT_SECONDS):
            raise shared_session(self.url)

    async def aclose(self) -> None:
        """Close all connections; nobody is told of anything any more."""
        await self.engine.dispose()
        # Mappers keep what they compiled, and by it the engine and this: not all who listened, too.
        self._listeners.clear()

    def _create_engine(
        self, pool_size: int, application_name: str, statement_seconds: float
    ) -> AsyncEngine:
        known = read(self.url)
        tell_left_out(known.left_out)
        engine = create_async_engine(
            known.url,
            poolclass=_pool_of(self.url),
            pool_size=pool_size,
            max_overflow=0,
            # The few connections in use stay warm: their statements are prepared already. A ping
            # at each checkout would be a round trip; a dead connection shows itself as well.
            pool_use_lifo=True,
            pool_timeout=_CONNECT_SECONDS,
            # Names and addresses of customers do not belong in error messages.
            hide_parameters=True,
            connect_args={
                "connection_class": _Connection,
                "timeout": known.connect_seconds or _CONNECT_SECONDS,
                "command_timeout": statement_seconds + _SILENCE_SECONDS,
                "server_settings": {
                    "application_name": application_name,
                    **known.settings,
                    "statement_timeout": _milliseconds(statement_seconds),
                    "lock_timeout": _milliseconds(_LOCK_SECONDS),
                    "idle_in_transaction_session_timeout": _milliseconds(
                        _IDLE_IN_TRANSACTION_SECONDS
                    ),
                    # Compiling costs more than any of our queries.
                    "jit": "off",
                },
                **known.arguments,
            },
        )
        event.listen(engine.sync_engine, "do_connect", self._connect)
        event.listen(engine.sync_engine, "handle_error", self._handle_error)
        return engine

    # Any: SQLAlchemy's own declaration of the event.
    def _connect(
        self, dialect: Dialect, record: Any, args: tuple[Any, ...], options: dict[str, Any]
    ) -> object:
        try:
            connection = self._open(dialect, args, options)
        except Exception as error:
            reason = driver_error(error)
            if strange := strange_server(error, self.url):
                raise strange from error
            if isinstance(error.__cause__, asyncpg.TargetServerAttributeNotMatched):
                raise DatabaseUnavailableError(
                    "No server at {address} is what target_session_attrs asks for. Start one, or "
                    "correct DATABASE_URL.",
                    address=self.address,
                ) from error
            if isinstance(reason, TypeError | ValueError) and not isinstance(reason, OSError):
                raise ConfigurationError(
                    "DATABASE_URL has an option that cannot be used: {reason}. "
                    "Remove or correct it.",
                    reason=str(reason),
                ) from error
            raise translate(error, self.url) or unavailable(error, self.url) from error
        try:
            self._check_version(connection)
        except BaseException:
            connection.terminate()
            raise
        record.info[_SINCE] = time.monotonic()
        return connection

    def _open(
        self, dialect: Dialect, args: tuple[Any, ...], options: dict[str, Any]
    ) -> AsyncAdapt_asyncpg_connection:
        """Connect; where a pooler refuses settings at the start, make them afterwards."""
        settings: dict[str, str] = options["server_settings"]
        if not self._refuses_startup:
            try:
                return cast("AsyncAdapt_asyncpg_connection", dialect.connect(*args, **options))
            except dialect.loaded_dbapi.Error as error:
                if getattr(error, "sqlstate", None) != SqlState.PROTOCOL_VIOLATION:
                    raise
                self._refuses_startup = True
        plain = {**options, "server_settings": without_startup(settings)}
        connection = cast("AsyncAdapt_asyncpg_connection", dialect.connect(*args, **plain))
        connection.run_async(lambda driver: driver.execute(set_after(settings)))
        return connection

    def _check_version(self, connection: AsyncAdapt_asyncpg_connection) -> None:
        """Refuse what is older than our statements; the server told its version by itself."""
        told = connection.driver_connection.get_server_version()
        if told.major < OLDEST_VERSION:
            raise ConfigurationError(
                "The database at {address} is PostgreSQL {version}; fototui needs {oldest} or "
                "newer. Upgrade the server.",
                address=self.address,
                version=f"{told.major}.{told.minor}",
                oldest=OLDEST_VERSION,
            )

    def _handle_error(self, context: ExceptionContext) -> FototuiError | None:
        error = context.sqlalchemy_exception or context.original_exception
        if is_broken(error):
            # The driver may not have closed it; in the pool it would fail whoever gets it next.
            context.is_disconnect = True
        return translate(error, self.url, lost=context.is_disconnect and _is_error(error))


def _is_error(error: BaseException) -> bool:
    # A cancellation too takes its connection along, and is to stay one.
    return isinstance(error, Exception)


class _Pool(AsyncAdaptedQueuePool):
    """A pool whose exhaustion is an outage like others."""

    __module__ = AsyncAdaptedQueuePool.__module__  # names its logger: its lines are SQLAlchemy's
    url: ClassVar[URL]

    def connect(self) -> PoolProxiedConnection:
        """Check a connection out."""
        try:
            return super().connect()
        except PoolTimeoutError as error:
            raise DatabaseUnavailableError(
                "All connections to the database are in use. Try again in a moment."
            ) from error
        except AssertionError as error:  # SQLAlchemy's word on a version that it cannot read
            if strange := strange_server(error, self.url):
                raise strange from error
            raise


def _pool_of(url: URL) -> type[_Pool]:
    # SQLAlchemy makes pools itself, also anew, and tells them nothing of the database.
    return type("_Pool", (_Pool,), {"url": url, "__module__": _Pool.__module__})


def _milliseconds(seconds: float) -> str:
    return str(round(seconds * 1000))
