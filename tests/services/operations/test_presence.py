"""Who else is in the app: two terminals, and what becomes of one that falls silent."""

from __future__ import annotations

import asyncio
import uuid
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from datetime import timedelta
from pathlib import Path

import pytest
from sqlalchemy import text

from fototui.db.database import Database
from fototui.services.backend import Backend
from fototui.services.operations.presence import PresenceService, PresenceView
from fototui.storage.directory import DirectoryStorage
from fototui.ui.presence import Presence
from tests.pgproxy import PgProxy
from tests.services.conftest import MakeOrder
from tests.waiting import until

HERE, THERE, LOOKING_IN = uuid.uuid4(), uuid.uuid4(), uuid.uuid4()


async def here(
    database: Database, who: str, terminal: uuid.UUID, screen: str, order: str | None = None
) -> None:
    async with database.autocommit() as session:
        await PresenceService(session, operator=who).here(terminal, "studio", screen, order)


async def others(database: Database, terminal: uuid.UUID) -> tuple[PresenceView, ...]:
    """Those whom somebody sees who looks in and is gone, but for one terminal."""
    async with database.autocommit() as session:
        service = PresenceService(session, operator="nobody")
        seen = await service.here(LOOKING_IN, "studio", "orders")
        await service.gone(LOOKING_IN)
    return tuple(other for other in seen if other.terminal_id != terminal)


async def age(database: Database, terminal: uuid.UUID, span: str) -> None:
    async with database.session() as session, session.begin():
        await session.execute(
            text(
                f"UPDATE presence SET seen_at = now() - interval '{span}' WHERE terminal_id = :id"
            ),
            {"id": terminal},
        )


async def count(database: Database) -> int:
    async with database.autocommit() as session:
        return await session.scalar(text("SELECT count(*) FROM presence")) or 0


async def test_two_terminals_see_each_other(database: Database, shop_order: MakeOrder) -> None:
    order = await shop_order()
    await here(database, "eva", HERE, "orders")
    await here(database, "petr\x1b[2J", THERE, "order", str(order.id))
    (petr,) = await others(database, HERE)
    assert (petr.terminal_id, petr.operator, petr.host) == (THERE, "petr[2J", "studio")
    assert (petr.screen, petr.order_id) == ("order", str(order.id))
    assert petr.order_number == order.order_number
    (eva,) = await others(database, THERE)
    assert (eva.operator, eva.screen, eva.order_id, eva.order_number) == (
        "eva",
        "orders",
        None,
        None,
    )


async def test_moving_keeps_since(database: Database, shop_order: MakeOrder) -> None:
    order = await shop_order()
    await here(database, "eva", HERE, "order", str(order.id))
    (before,) = await others(database, THERE)
    await here(database, "eva", HERE, "review")
    (after,) = await others(database, THERE)
    assert (after.screen, after.order_id, after.since) == ("review", None, before.since)
    assert await count(database) == 1


async def test_silent_terminal_is_not_there(database: Database) -> None:
    await here(database, "eva", HERE, "orders")
    await age(database, HERE, "19 s")
    assert len(await others(database, THERE)) == 1
    await age(database, HERE, "21 s")
    assert await others(database, THERE) == ()
    await here(database, "eva", HERE, "orders")
    assert len(await others(database, THERE)) == 1


async def test_closed_and_long_silent_terminals_leave_no_rows(database: Database) -> None:
    await here(database, "eva", HERE, "orders")
    async with database.autocommit() as session:
        await PresenceService(session, operator="eva").gone(HERE)
    assert await count(database) == 0
    for terminal in (HERE, THERE):
        await here(database, "eva", terminal, "orders")
        await age(database, terminal, "2 days")
    await here(database, "eva", HERE, "orders")  # its own row is as old, and stays
    assert await count(database) == 1
    assert len(await others(database, THERE)) == 1


async def test_heartbeat_is_one_round_trip(database_url: str) -> None:
    async with PgProxy(database_url) as proxy, Database(proxy.url) as far:
        await here(far, "eva", HERE, "orders")  # prepares the statement
        with proxy.counting() as trips:
            await here(far, "eva", HERE, "orders")
    assert trips.total == 1


# --- a terminal of its own -------------------------------------------


@asynccontextmanager
async def terminal(
    database: Database, folder: Path, who: str, *, read_only: bool = False
) -> AsyncIterator[Presence]:
    backend = Backend(database, DirectoryStorage(folder), operator=who, read_only=read_only)
    presence = Presence(backend, uuid.uuid4(), interval=0.05)
    task = asyncio.create_task(presence.run())
    try:
        yield presence
    finally:
        task.cancel()
        with suppress(asyncio.CancelledError):
            await task


async def test_terminals_know_who_has_an_order_open(
    database: Database, tmp_path: Path, shop_order: MakeOrder
) -> None:
    order = str((await shop_order()).id)
    async with (
        terminal(database, tmp_path, "eva") as eva,
        terminal(database, tmp_path, "petr") as petr,
        terminal(database, tmp_path, "petr") as second,
        terminal(database, tmp_path, "jana", read_only=True) as jana,
    ):
        heard: list[int] = []
        eva.listen(lambda: heard.append(len(eva.others)))
        for other in (petr, second, jana):
            other.now_at("order", order)
        await until(lambda: eva.viewers(order) == ["jana", "petr"])
        assert heard[-1] == len(eva.others) == 3
        # One's own other terminal is nobody else.
        await until(lambda: petr.viewers(order) == ["jana"])
        jana.now_at("orders")
        petr.now_at("orders")
        second.now_at("orders")
        await until(lambda: eva.viewers(order) == [])
    assert await count(database) == 0  # all said good-bye


async def test_a_lost_database_is_only_waited_for(
    database: Database, database_url: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("fototui.ui.presence.SEEN_WITHIN", timedelta(seconds=0.5))
    async with (
        PgProxy(database_url) as proxy,
        Database(proxy.url) as far,
        terminal(far, tmp_path, "eva") as eva,
    ):
        await here(database, "petr", THERE, "orders")
        await until(lambda: eva.others)
        proxy.cut()
        await proxy.refuse()
        await until(lambda: eva.others == ())  # nobody knows any more
        await here(database, "petr", THERE, "review")
        await proxy.accept()
        await until(lambda: [other.screen for other in eva.others] == ["review"])
