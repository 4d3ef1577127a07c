"""A job's row is held while its file is put in place; however that ends, it is given back."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator

import pytest
from sqlalchemy import text

from fototui.db.database import Database
from fototui.db.errors import ClaimLostError, DatabaseUnavailableError
from fototui.engine.jobs.claims import Claims
from fototui.engine.jobs.job import VersionJob
from fototui.engine.jobs.transitions import Transitions
from fototui.engine.jobs.versions import COLORINGS
from tests.engine.conftest import World
from tests.engine.one_life import register
from tests.pgproxy import PgProxy
from tests.waiting import in_time, until, until_a_lock_is_waited_for

TAKE = "UPDATE coloring_versions SET claim_token = gen_random_uuid() WHERE id = :id"


class Held:
    """A claimed colouring, held over the only connection to the database.

    Args:
        world: What it stands in.
        far: The database by way of a proxy.
        job: The colouring.
    """

    def __init__(self, world: World, far: Database, job: VersionJob) -> None:
        self.world = world
        self.far = far
        self.job = job
        self.transitions = Transitions(far, actor="test")
        self.is_held = asyncio.Event()
        self.may_end = asyncio.Event()

    async def hold(self) -> None:
        """Hold it until it may end."""
        async with self.transitions.holding(COLORINGS, self.job):
            self.is_held.set()
            await self.may_end.wait()

    async def holder(self) -> asyncio.Task[None]:
        """Somebody who holds it by now."""
        holder = asyncio.create_task(self.hold())
        async with in_time():
            await self.is_held.wait()
        return holder

    async def take(self) -> None:
        """Take it from its engine."""
        async with self.world.database.session() as session, session.begin():
            await session.execute(text(TAKE), {"id": self.job.row_id})

    async def is_given_back(self) -> None:
        """See that the row is free, and that the connection is good for others."""
        statement = text(
            "SELECT count(*) FROM pg_stat_activity WHERE datname = current_database() "
            "AND state LIKE 'idle in transaction%'"
        )

        async def none_is_open() -> bool:
            async with self.world.database.autocommit() as session:
                return not await session.scalar(statement)

        await until(none_is_open)
        async with in_time():
            await self.far.ping()
            await self.take()
            for _ in range(3):  # as often as not, if a place were not left
                with pytest.raises(ClaimLostError):
                    await self.hold()


@pytest.fixture
async def proxy(database_url: str) -> AsyncIterator[PgProxy]:
    async with PgProxy(database_url) as proxy:
        yield proxy


@pytest.fixture
async def held(world: World, proxy: PgProxy) -> AsyncIterator[Held]:
    await world.queue_colorings(1)
    claims = Claims(world.database, await register(world))
    [job] = await claims.claim(COLORINGS, 1, limited=False)
    async with Database(proxy.url, pool_size=1) as far:
        yield Held(world, far, job)


async def test_nobody_takes_it_meanwhile(held: Held) -> None:
    holder = await held.holder()
    taking = asyncio.create_task(held.take())
    await until_a_lock_is_waited_for(held.world.database)
    held.may_end.set()
    await holder
    await taking
    await held.is_given_back()


async def test_it_was_lost_before(held: Held) -> None:
    await held.take()
    await held.is_given_back()


async def test_what_fails_meanwhile_is_told(held: Held) -> None:
    with pytest.raises(OSError, match="no space"):
        async with held.transitions.holding(COLORINGS, held.job):
            raise OSError("no space")
    await held.is_given_back()


async def test_cancelled_while_it_is_held(held: Held, proxy: PgProxy) -> None:
    holder = await held.holder()
    proxy.latency = 0.1  # so that the second hits the rollback
    holder.cancel()
    await asyncio.sleep(0)
    holder.cancel()
    with pytest.raises(asyncio.CancelledError):
        await holder
    proxy.latency = 0
    await held.is_given_back()


async def test_cancelled_while_the_row_is_waited_for(held: Held) -> None:
    database = held.world.database
    async with database.session() as session, session.begin():
        await session.execute(text(TAKE), {"id": held.job.row_id})
        waiter = asyncio.create_task(held.hold())
        await until_a_lock_is_waited_for(database)
        waiter.cancel()
        with pytest.raises(asyncio.CancelledError):
            await waiter
        await session.rollback()
    await held.is_given_back()


async def test_cancelled_before_it_has_a_connection(held: Held) -> None:
    holder = await held.holder()
    waiters = [asyncio.create_task(held.hold()) for _ in range(3)]
    await until(held.transitions._holding.locked)  # one waits for a connection, two behind it
    for waiter in waiters:
        waiter.cancel()
    await asyncio.wait(waiters)
    held.may_end.set()
    await holder
    await held.is_given_back()


async def test_a_connection_that_is_cut_meanwhile(held: Held, proxy: PgProxy) -> None:
    holder = await held.holder()
    proxy.cut()
    held.may_end.set()
    await holder  # what it was held for is done
    await held.is_given_back()


@pytest.mark.parametrize("is_cancelled", [False, True])
async def test_a_connection_that_falls_silent_meanwhile(
    held: Held, proxy: PgProxy, monkeypatch: pytest.MonkeyPatch, is_cancelled: bool
) -> None:
    monkeypatch.setattr("fototui.engine.jobs.transitions._LET_GO_SECONDS", 0.1)
    holder = await held.holder()
    proxy.swallow()
    if is_cancelled:
        holder.cancel()
    held.may_end.set()
    [told] = await asyncio.gather(holder, return_exceptions=True)
    assert isinstance(told, asyncio.CancelledError) if is_cancelled else told is None
    proxy.heal()
    proxy.cut()
    await held.is_given_back()


async def test_a_session_that_the_server_ends_meanwhile(held: Held) -> None:
    holder = await held.holder()
    async with held.world.database.autocommit() as session:
        await session.execute(
            text(
                "SELECT pg_terminate_backend(pid) FROM pg_stat_activity "
                "WHERE datname = current_database() AND state = 'idle in transaction'"
            )
        )
    held.may_end.set()
    await holder
    await held.is_given_back()


async def test_no_database(held: Held, proxy: PgProxy) -> None:
    await held.far.ping()
    await proxy.refuse()
    proxy.cut()
    for _ in range(3):
        with pytest.raises(DatabaseUnavailableError):
            await held.hold()
    await proxy.accept()
    await held.is_given_back()
