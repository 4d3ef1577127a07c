"""A connection of one's own, outside the pool: for a heartbeat, or to listen on."""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Self

import asyncpg
from sqlalchemy import URL

from fototui.db import address
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
        with translating(url):
            return cls(await _connect(url, name=name, seconds=seconds), url)

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


async def _connect(url: URL, *, name: str, seconds: float) -> _Driver:
    known = address.read(url)
    _, options = known.url.get_dialect()().create_connect_args(known.url)
    options.update(known.arguments)
    own_to_the_pool = ("prepared_statement_cache_size", "prepared_statement_name_func")
    limit = f"{max(1, round(seconds * 1000))}ms"
    settings = {
        **known.settings,
        "application_name": name,
        "lock_timeout": limit,
        "statement_timeout": limit,
    }

    async def attempt(settings: Mapping[str, str]) -> _Driver:
        connection: _Driver = await asyncpg.connect(
            **{key: value for key, value in options.items() if key not in own_to_the_pool},
            timeout=min(known.connect_seconds or seconds, seconds),
            command_timeout=seconds,
            server_settings=dict(settings),
        )
        return connection

    try:
        return await attempt(settings)
    except asyncpg.ProtocolViolationError:
        connection = await attempt(without_startup(settings))
    try:
        await connection.execute(set_after(settings))
    except BaseException:
        connection.terminate()
        raise
    return connection


def without_startup(settings: Mapping[str, str]) -> dict[str, str]:
    """The settings that every pooler lets through when a session begins.

    Args:
        settings: All settings.
    """
    return {name: value for name, value in settings.items() if name == "application_name"}


def set_after(settings: Mapping[str, str]) -> str:
    """The statements that make settings once connected, for poolers that refuse them before.

    Args:
        settings: All settings.
    """
    return "; ".join(
        f"SET {name} TO '{value.replace(chr(39), chr(39) * 2)}'"
        for name, value in settings.items()
        if name not in ("application_name", "options")
    )


async def shares_servers(url: URL, *, seconds: float) -> bool:
    """Whether a pooler gives a server's session to others between our transactions.

    Two connections are open at the same time: if they ever meet in one server process, they share
    it. That they meet in the names of their prepared statements proves it as well.

    Args:
        url: The database's address.
        seconds: How long each step may take.

    Raises:
        FototuiError: As `OwnConnection.connect` does.
    """
    with translating(url):
        return await _share_servers(url, seconds)


async def _share_servers(url: URL, seconds: float) -> bool:
    first = await _connect(url, name="fototui check", seconds=seconds)
    try:
        second = await _connect(url, name="fototui check", seconds=seconds)
        try:
            pids: tuple[set[int], set[int]] = (set(), set())
            for _ in range(3):
                for connection, found in zip((first, second), pids, strict=True):
                    found.add(await connection.fetchval("SELECT pg_backend_pid()"))
            return not pids[0].isdisjoint(pids[1]) or len(pids[0]) > 1
        except (asyncpg.DuplicatePreparedStatementError, asyncpg.InvalidSQLStatementNameError):
            return True
        finally:
            await second.close(timeout=seconds)
    finally:
        await first.close(timeout=seconds)
