"""Helpers of the database's tests."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import suppress

import pytest
from sqlalchemy import text

from fototui.db import database as database_module
from fototui.db.database import Database
from fototui.domain.events import BaseMercureEvent
from tests.factories import make_order
from tests.pgproxy import PgProxy
from tests.waiting import in_time

OpenTransactions = Callable[[], Awaitable[int]]


@pytest.fixture
async def proxy(database_url: str) -> AsyncIterator[PgProxy]:
    """A proxy in front of the test's database."""
    async with PgProxy(database_url) as proxy:
        yield proxy


@pytest.fixture
async def far(proxy: PgProxy, published: list[BaseMercureEvent]) -> AsyncIterator[Database]:
    """The test's database, by way of `proxy`."""
    async with Database(proxy.url, publish=published.append) as database:
        yield database


@pytest.fixture
async def image_id(database: Database) -> int:
    """An image of an order that is in the database; nothing of it is in any session."""
    async with database.session() as session, session.begin():
        order = await make_order(session)
        return order.line_items[0].images[0].id


@pytest.fixture
def open_transactions(database: Database) -> OpenTransactions:
    """How many transactions other connections hold open, once that number is settled.

    It is waited for that to become zero: a server needs a moment to see that a client is gone.
    """

    async def settled() -> int:
        query = text(
            "SELECT count(*) FROM pg_stat_activity WHERE datname = current_database() "
            "AND pid <> pg_backend_pid() AND xact_start IS NOT NULL"
        )
        async with database.autocommit() as session:
            with suppress(TimeoutError):
                async with in_time():
                    while await session.scalar(query):  # noqa: ASYNC110 - the server
                        await asyncio.sleep(0.02)
            return (await session.scalar(query)) or 0

    return settled


@pytest.fixture
def impatient(monkeypatch: pytest.MonkeyPatch) -> None:
    """Wait two seconds where a user would wait ten: what is there answers in that time."""
    monkeypatch.setattr(database_module, "_CONNECT_SECONDS", 2.0)
    monkeypatch.setattr(database_module, "_SILENCE_SECONDS", 1.5)
