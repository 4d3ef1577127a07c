"""The way to the database: its engine, its sessions, and what its outages are called."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import suppress
from types import TracebackType
from typing import Any, Self

import asyncpg
from pydantic import SecretStr
from sqlalchemy import URL, Dialect, event, make_url
from sqlalchemy.engine import ExceptionContext
from sqlalchemy.exc import ArgumentError, DBAPIError
from sqlalchemy.exc import TimeoutError as PoolTimeoutError
from sqlalchemy.ext.asyncio import AsyncEngine, create_async_engine

from fototui.db.errors import DatabaseUnavailableError, SqlState
from fototui.db.events.session import TrackedAsyncSession
from fototui.db.schema import revision
from fototui.domain.errors import ConfigurationError, FototuiError
from fototui.domain.events import BaseMercureEvent

_CONNECT_SECONDS = 10.0
_CLOSE_SECONDS = 1.0
_LOCK_SECONDS = 5.0
_IDLE_IN_TRANSACTION_SECONDS = 60.0
# The server gives a statement up first; only a server that fell silent gets this far.
_SILENCE_SECONDS = 10.0

_REFUSED = {SqlState.AUTHENTICATION_FAILED, SqlState.INVALID_AUTHORIZATION}
_UNAVAILABLE_CLASSES = ("08", "57P")  # connection exceptions; shutdown, crash, starting up
_UNREACHABLE = (OSError, TimeoutError, asyncpg.InterfaceError, PoolTimeoutError)


class _Connection(asyncpg.Connection):
    """A connection that can always be closed: the other side may be gone without a word.

    SQLAlchemy closes what its pool holds with no time-out, and so would wait for ever.
    """

    async def close(self, *, timeout: float | None = None) -> None:  # noqa: ASYNC109 - asyncpg's
        """Close it; cut it where the server does not answer in time."""
        with suppress(TimeoutError):  # asyncpg has cut it then
            await super().close(timeout=timeout or _CLOSE_SECONDS)


class Database:
    """One PostgreSQL database.

    Every error that means "it does not answer" is raised as `DatabaseUnavailableError`, by
    sessions and by `engine` alike.

    Args:
        url: Database URL; `postgresql://`, `postgres://` and `postgresql+asyncpg://` are the same.
        publish: Takes each event of a commit, after it; must return at once. None publishes none.
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
        publish: Callable[[BaseMercureEvent], None] | None = None,
        pool_size: int = 10,
        application_name: str = "fototui",
        statement_seconds: float = 30.0,
    ) -> None:
        self.url = _asyncpg_url(url.get_secret_value() if isinstance(url, SecretStr) else url)
        self._publish = publish
        self.engine = self._create_engine(pool_size, application_name, statement_seconds)
        self._autocommit = self.engine.execution_options(isolation_level="AUTOCOMMIT")

    @property
    def address(self) -> str:
        """Host and port, for people."""
        host = self.url.host or self.url.query.get("host") or "localhost"
        return f"{host}:{self.url.port or 5432}"

    def session(self) -> TrackedAsyncSession:
        """A session for transactions."""
        return TrackedAsyncSession(self.engine, publish=self._publish)

    def autocommit(self) -> TrackedAsyncSession:
        """A session whose statements each commit by themselves, in one network round trip.

        Nothing can be rolled back in it, and it takes no ORM writes.
        """
        return TrackedAsyncSession(self._autocommit, publish=self._publish)

    async def check(self) -> None:
        """Make sure that the database can be worked with.

        Raises:
            DatabaseUnavailableError: It does not answer.
            ConfigurationError: It refuses the user or password, or does not exist.
            SchemaError: Its schema is not the one that this program needs.
        """
        if not await revision.stands(self.engine):
            # Alembic is needed only to tell what is to be done; others start without it.
            from fototui.db.schema import migrate

            await migrate.require_head(self.engine)

    async def aclose(self) -> None:
        """Close all connections."""
        await self.engine.dispose()

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        await self.aclose()

    def _create_engine(
        self, pool_size: int, application_name: str, statement_seconds: float
    ) -> AsyncEngine:
        engine = create_async_engine(
            self.url,
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
                "timeout": _CONNECT_SECONDS,
                "command_timeout": statement_seconds + _SILENCE_SECONDS,
                "server_settings": {
                    "application_name": application_name,
                    "statement_timeout": _milliseconds(statement_seconds),
                    "lock_timeout": _milliseconds(_LOCK_SECONDS),
                    "idle_in_transaction_session_timeout": _milliseconds(
                        _IDLE_IN_TRANSACTION_SECONDS
                    ),
                    # Compiling costs more than any of our queries.
                    "jit": "off",
                },
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
            return dialect.connect(*args, **options)
        except OSError as error:  # a refused connection never reaches `handle_error`
            raise self._unavailable(error) from error
        except (TypeError, ValueError, dialect.loaded_dbapi.InterfaceError) as error:
            raise ConfigurationError(
                "DATABASE_URL has an option that cannot be used: {reason}. Remove or correct it.",
                reason=str(error),
            ) from error

    def _handle_error(self, context: ExceptionContext) -> FototuiError | None:
        return self._translate(context.sqlalchemy_exception or context.original_exception)

    def _translate(self, error: BaseException) -> FototuiError | None:
        """What an error is called here; None for one that is no outage."""
        reason = _reason(error)
        state = getattr(reason, "sqlstate", None)
        if state in _REFUSED:
            return ConfigurationError(
                "The database at {address} refuses user {user} or the password ({reason}). "
                "Correct DATABASE_URL.",
                address=self.address,
                user=repr(self.url.username),
                reason=str(reason),
            )
        if state == SqlState.INVALID_DATABASE:
            return ConfigurationError(
                "There is no database {name} at {address}. Create it, or correct DATABASE_URL.",
                name=repr(self.url.database),
                address=self.address,
            )
        if state == SqlState.TOO_MANY_CONNECTIONS:
            return DatabaseUnavailableError(
                "The database at {address} takes no more connections. "
                "Close other programs, or raise its max_connections.",
                address=self.address,
            )
        lost = isinstance(error, DBAPIError) and error.connection_invalidated
        if lost or isinstance(error, _UNREACHABLE) or _is_outage(state):
            return self._unavailable(error)
        return None

    def _unavailable(self, error: BaseException) -> DatabaseUnavailableError:
        reason = _reason(error)
        return DatabaseUnavailableError(
            "The database at {address} does not answer ({reason}). "
            "Check that it runs and that the network reaches it.",
            address=self.address,
            reason=str(reason) or type(reason).__name__,
        )


def _reason(error: BaseException) -> BaseException:
    """What the driver raised; its text is the server's and holds no secret."""
    return (error.orig or error) if isinstance(error, DBAPIError) else error


def _is_outage(state: str | None) -> bool:
    return state is not None and state.startswith(_UNAVAILABLE_CLASSES)


def _milliseconds(seconds: float) -> str:
    return str(round(seconds * 1000))


def _asyncpg_url(text: str) -> URL:
    """Read a database URL; its text, which holds a password, goes into no message."""
    try:
        url = make_url(text)
    except (ArgumentError, ValueError):
        url = None
    if url is None or url.get_backend_name() not in ("postgresql", "postgres"):
        raise ConfigurationError(
            "DATABASE_URL is no address of a PostgreSQL database. "
            "It looks like postgresql://user:password@host:5432/database"
        )
    url = url.set(drivername="postgresql+asyncpg")
    # libpq's name of the option, which hosting companies put into the URLs they give out.
    if mode := url.query.get("sslmode"):
        url = url.difference_update_query(["sslmode"]).update_query_dict({"ssl": mode})
    return url
