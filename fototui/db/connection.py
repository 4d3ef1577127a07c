"""A connection of one's own, outside the pool: for a heartbeat, or to listen on."""

from typing import TYPE_CHECKING

import asyncpg
from sqlalchemy import URL

if TYPE_CHECKING:
    Connection = asyncpg.Connection[asyncpg.Record]
else:  # generic to type checkers only
    Connection = asyncpg.Connection

FAILURES = (OSError, asyncpg.PostgresError, asyncpg.InterfaceError, TimeoutError)
"""What a connection of one's own may raise when the database is away or refuses."""


async def connect(url: URL, *, name: str, seconds: float) -> Connection:
    """Connect to the database.

    Args:
        url: Its address, with the options that the pool understands.
        name: What the server shows beside the connection.
        seconds: How long connecting, each statement and each lock may take.

    Returns:
        The connection, which is the caller's to close.

    Raises:
        OSError, asyncpg.PostgresError, asyncpg.InterfaceError, TimeoutError: See `FAILURES`.
    """
    _, options = url.get_dialect()().create_connect_args(url)
    own_to_the_pool = ("prepared_statement_cache_size", "prepared_statement_name_func")
    limit = f"{max(1, round(seconds * 1000))}ms"
    connection: Connection = await asyncpg.connect(
        **{key: value for key, value in options.items() if key not in own_to_the_pool},
        timeout=seconds,
        command_timeout=seconds,
        server_settings={
            "application_name": name,
            "lock_timeout": limit,
            "statement_timeout": limit,
        },
    )
    return connection
