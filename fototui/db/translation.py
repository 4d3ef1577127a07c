"""What the drivers' errors are called here: above `db`, nobody knows a driver by name.

A driver raises more than it documents when its connection is torn away in the middle of a message:
asyncpg's own state errors, plain errors of its code, errors of TLS. What says that the server
refused a statement has a SQLSTATE or is about the values; all the rest is an outage.
"""

import re
from collections.abc import Iterator
from contextlib import contextmanager

import asyncpg
from sqlalchemy import URL
from sqlalchemy.connectors.asyncio import AsyncAdapt_Error
from sqlalchemy.exc import DBAPIError, StatementError

from fototui.db.address import place
from fototui.db.errors import DatabaseError, DatabaseUnavailableError, SqlState
from fototui.domain.errors import ConfigurationError, FototuiError
from fototui.domain.text import clean_line

OLDEST_VERSION = 13
"""The oldest PostgreSQL that has what our statements and migrations use."""

_REFUSED = {SqlState.AUTHENTICATION_FAILED, SqlState.INVALID_AUTHORIZATION}
# A prepared statement that is another's, or gone: the session was given away in between.
_POOLERS = {SqlState.DUPLICATE_PREPARED_STATEMENT, SqlState.INVALID_STATEMENT_NAME}
# What the drivers say of a version that they cannot read.
_NO_VERSION = re.compile(
    r"Unable to parse Postgres version from \"(.*)\"|Could not determine version from string '(.*)'"
)
_UNAVAILABLE_CLASSES = ("08", "57P")  # connection exceptions; shutdown, crash, starting up
# The driver's own words for a connection that it cannot go on with. Those about options and values
# are of the same family, and are ValueErrors too.
_BROKEN = (asyncpg.InternalClientError, asyncpg.InterfaceError)
_AWAY = (OSError, EOFError, *_BROKEN)


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
    if strange := strange_server(error, url):
        return strange
    reason = driver_error(error)
    if isinstance(reason, asyncpg.InvalidCachedStatementError):
        return DatabaseUnavailableError(
            "The tables of the database at {address} have just been changed. Try again.",
            address=place(url),
        )
    state = getattr(reason, "sqlstate", None)
    if isinstance(state, str) and (refusal := _refusal(reason, state, url)):
        return refusal
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


def shared_session(url: URL) -> ConfigurationError:
    """The error for a pooler that gives our session away between transactions."""
    return ConfigurationError(
        "At {address} a pooler (PgBouncer) shares sessions between transactions; fototui "
        "needs its own. Set pool_mode = session for this database, or give the address of "
        "the database itself in DATABASE_URL.",
        address=place(url),
    )


def strange_server(error: BaseException, url: URL) -> ConfigurationError | None:
    """The error for a server that tells no version of PostgreSQL; None where that is not it."""
    match = _NO_VERSION.search(str(error))
    if match is None:
        return None
    return ConfigurationError(
        "The database at {address} calls itself {version}, which is not a version of PostgreSQL. "
        "Name a PostgreSQL of version {oldest} or newer in DATABASE_URL.",
        address=place(url),
        version=clean_line(match[1] or match[2])[:60],
        oldest=OLDEST_VERSION,
    )


def _refusal(reason: BaseException, state: str, url: URL) -> FototuiError | None:
    """The error for what only the settings, or an administrator, can mend; None for the rest."""
    address = place(url)
    if state in _REFUSED:
        return ConfigurationError(
            "The database at {address} refuses user {user} or the password ({reason}). "
            "Correct DATABASE_URL.",
            address=address,
            user=repr(url.username),
            reason=str(reason),
        )
    if state == SqlState.INVALID_DATABASE:
        return ConfigurationError(
            "There is no database {name} at {address}. Create it, or correct DATABASE_URL.",
            name=repr(url.database),
            address=address,
        )
    if state == SqlState.INSUFFICIENT_PRIVILEGE:
        return ConfigurationError(
            "The database at {address} does not allow user {user} what fototui needs: "
            "{reason}. Its owner may GRANT USAGE, CREATE ON SCHEMA public and GRANT ALL ON "
            "ALL TABLES and ON ALL SEQUENCES IN SCHEMA public; migrations are run as the "
            "owner of the tables.",
            address=address,
            user=repr(url.username),
            reason=clean_line(str(reason)),
        )
    if state == SqlState.READ_ONLY_TRANSACTION:
        return ConfigurationError(
            "The database at {address} can only be read; it may be a standby. Name the "
            "primary server in DATABASE_URL, or add target_session_attrs=read-write.",
            address=address,
        )
    if state in _POOLERS:
        return shared_session(url)
    if state == SqlState.PROTOCOL_VIOLATION:
        return ConfigurationError(
            "The database at {address} refuses the connection: {reason}. If that is a pooler "
            "(PgBouncer), name this database in its settings and set pool_mode = session.",
            address=address,
            reason=clean_line(str(reason)),
        )
    if state == SqlState.TOO_MANY_CONNECTIONS:
        return DatabaseUnavailableError(
            "The database at {address} takes no more connections. "
            "Close other programs, or raise its max_connections.",
            address=address,
        )
    return None


def unavailable(error: BaseException, url: URL) -> DatabaseUnavailableError:
    """The error for a database that does not answer."""
    reason = driver_error(error)
    return DatabaseUnavailableError(
        "The database at {address} does not answer ({reason}). "
        "Check that it runs and that the network reaches it.",
        address=place(url),
        reason=str(reason) or type(reason).__name__,
    )


def driver_error(error: BaseException) -> BaseException:
    """What the driver itself raised, under SQLAlchemy's wrappings."""
    if isinstance(error, StatementError) and error.orig is not None:
        error = error.orig
    if isinstance(error, AsyncAdapt_Error):
        # Of one kind SQLAlchemy keeps the driver's as the cause alone.
        return error.orig or error.__cause__ or error
    return error


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
