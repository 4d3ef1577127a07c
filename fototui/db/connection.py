"""A connection of one's own, outside the pool: for a heartbeat, or to listen on."""

from __future__ import annotations

import contextlib
from collections.abc import Callable
from typing import TYPE_CHECKING, Self

import asyncpg
from sqlalchemy import URL

from fototui.db.translation import translating

if TYPE_CHECKING:  # generic to type checkers only
    _Driver = asyncpg.Connection[asyncpg.Record]


class OwnConnection:
    """One connection, which is its holder's to close. Made by `connect`.

    Whatever the driver raises is raised as `DatabaseUnavailableError`, `DatabaseError` or
    `ConfigurationError`; after any of them the connection may be of no use any more.

    Args:
        driver: The connection as the driver has it.
        url: The database.
    """

    def __init__(self, driver: _Driver, url: URL) -> None:
        self._driver = driver
        self._url = url

    @classmethod
    async def connect(cls, url: URL, *, name: str, seconds: float) -> Self:
        """Connect to the database.

        Args:
            url: Its address, with the options that the pool understands.
            name: What the server shows beside the connection.
            seconds: How long connecting, each statement and each lock may take.

        Raises:
            DatabaseUnavailableError: It does not answer.
            ConfigurationError: It refuses the user or password, or does not exist.
        """
        _, options = url.get_dialect()().create_connect_args(url)
        own_to_the_pool = ("prepared_statement_cache_size", "prepared_statement_name_func")
        limit = f"{max(1, round(seconds * 1000))}ms"
        with translating(url):
            driver: _Driver = await asyncpg.connect(
                **{key: value for key, value in options.items() if key not in own_to_the_pool},
                timeout=seconds,
                command_timeout=seconds,
                server_settings={
                    "application_name": name,
                    "lock_timeout": limit,
                    "statement_timeout": limit,
                },
            )
        return cls(driver, url)

    async def fetch_value(self, statement: str, *values: object) -> object:
        """The first value of a statement's first row; None where there is no row."""
        with translating(self._url):
            return await self._driver.fetchval(statement, *values)

    async def listen(
        self,
        channel: str,
        *,
        on_payload: Callable[[str], None],
        on_end: Callable[[], None],
    ) -> None:
        """Listen for notifications.

        Args:
            channel: Where.
            on_payload: Called with the payload of each.
            on_end: Called when the connection is closed, by whomever.
        """

        def receive(_connection: object, _pid: int, _channel: str, payload: object) -> None:
            on_payload(str(payload))

        with translating(self._url):
            self._driver.add_termination_listener(lambda _connection: on_end())
            await self._driver.add_listener(channel, receive)

    async def close(self, *, seconds: float) -> None:
        """Take leave of the server; cut the connection where that takes too long.

        Args:
            seconds: How long it may take.
        """
        with contextlib.suppress(Exception):  # it is cut then, which says the same
            await self._driver.close(timeout=seconds)
        self.cut()

    def cut(self) -> None:
        """Close it without a word: the other side may be gone, and nothing is waited for."""
        with contextlib.suppress(Exception):  # nothing can be left to do for it
            self._driver.terminate()
