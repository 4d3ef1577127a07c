"""What the drivers' errors are called here: above `db`, nobody knows a driver by name.

A driver raises more than it documents when its connection is torn away in the middle of a message:
asyncpg's own state errors, plain errors of its code, errors of TLS. What says that the server
refused a statement has a SQLSTATE or is about the values; all the rest is an outage.
"""

from collections.abc import Iterator
from contextlib import contextmanager

import asyncpg
from sqlalchemy import URL
from sqlalchemy.connectors.asyncio import AsyncAdapt_Error
from sqlalchemy.exc import DBAPIError, StatementError

from fototui.db.errors import DatabaseError, DatabaseUnavailableError, SqlState
from fototui.domain.errors import ConfigurationError, FototuiError

_REFUSED = {SqlState.AUTHENTICATION_FAILED, SqlState.INVALID_AUTHORIZATION}
_UNAVAILABLE_CLASSES = ("08", "57P")  # connection exceptions; shutdown, crash, starting up
# The driver's own words for a connection that it cannot go on with. Those about options and values
# are of the same family, and are ValueErrors too.
_BROKEN = (asyncpg.InternalClientError, asyncpg.InterfaceError)
_AWAY = (OSError, EOFError, *_BROKEN)


def address_of(url: URL) -> str:
    """Host and port of a database, for people."""
    host = url.host or url.query.get("host") or "localhost"
    return f"{host}:{url.port or 5432}"


def is_broken(error: BaseException) -> bool:
    """Whether the driver cannot go on with the connection, though it may not have closed it."""
    reason = driver_error(error)
    return isinstance(reason, _BROKEN) and not isinstance(reason, ValueError)


@contextmanager
def translating(url: URL) -> Iterator[None]:
    """Call whatever a driver raises in the block by its name.

    Args:
        url: The database.

    Raises:
        DatabaseUnavailableError: The database does not answer.
        DatabaseError: It answers, and refuses what it is asked.
        ConfigurationError: It refuses the user or password, or does not exist.
    """
    try:
        yield
    except FototuiError:
        raise
    except Exception as error:
        raise translate(error, url) or unavailable(error, url) from error


def translate(error: BaseException, url: URL, *, lost: bool = False) -> FototuiError | None:
    """What an error is called here; None for one that is not the database's.

    Args:
        error: What SQLAlchemy or the driver raised.
        url: The database.
        lost: The connection is closed.
    """
    reason = driver_error(error)
    state = getattr(reason, "sqlstate", None)
    if state in _REFUSED:
        return ConfigurationError(
            "The database at {address} refuses user {user} or the password ({reason}). "
            "Correct DATABASE_URL.",
            address=address_of(url),
            user=repr(url.username),
            reason=str(reason),
        )
    if state == SqlState.INVALID_DATABASE:
        return ConfigurationError(
            "There is no database {name} at {address}. Create it, or correct DATABASE_URL.",
            name=repr(url.database),
            address=address_of(url),
        )
    if state == SqlState.TOO_MANY_CONNECTIONS:
        return DatabaseUnavailableError(
            "The database at {address} takes no more connections. "
            "Close other programs, or raise its max_connections.",
            address=address_of(url),
        )
    if lost or (isinstance(error, DBAPIError) and error.connection_invalidated):
        return unavailable(error, url)
    if isinstance(state, str):
        if state.startswith(_UNAVAILABLE_CLASSES):
            return unavailable(error, url)
        return _refused(reason, state)
    if isinstance(reason, ValueError) and not isinstance(reason, OSError):
        # A value that does not fit its column is the driver's to say, or the program's own fault.
        return _refused(reason, None) if isinstance(error, DBAPIError) else None
    if isinstance(reason, _AWAY) or isinstance(error, DBAPIError):
        return unavailable(error, url)
    return None


def unavailable(error: BaseException, url: URL) -> DatabaseUnavailableError:
    """The error for a database that does not answer."""
    reason = driver_error(error)
    return DatabaseUnavailableError(
        "The database at {address} does not answer ({reason}). "
        "Check that it runs and that the network reaches it.",
        address=address_of(url),
        reason=str(reason) or type(reason).__name__,
    )


def driver_error(error: BaseException) -> BaseException:
    """What the driver itself raised, under SQLAlchemy's wrappings."""
    if isinstance(error, StatementError) and error.orig is not None:
        error = error.orig
    return error.driver_exception if isinstance(error, AsyncAdapt_Error) else error


def _refused(reason: BaseException, state: str | None) -> DatabaseError:
    # Of what the server says only this: its details and hints may quote customers' data.
    message = getattr(reason, "message", None) or type(reason).__name__
    constraint = getattr(reason, "constraint_name", None)
    return DatabaseError(
        "The database does not do what it is asked to ({reason}). Try again; if that does not "
        "help, report it as a bug.",
        state=state,
        constraint=constraint,
        reason=str(message),
    )
