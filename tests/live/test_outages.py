"""The database goes away: the store stays, says so, keeps what it has, and catches up."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from datetime import UTC, datetime
from itertools import pairwise

import pytest

from fototui.db.database import Database
from fototui.db.errors import DatabaseUnavailableError
from fototui.domain.errors import FototuiError, NotFoundError
from fototui.domain.statuses import JobKind
from fototui.live.state import FeedState
from fototui.live.store import LiveStore
from tests.live.conftest import (
    IMPATIENT,
    NEVER,
    PATIENT,
    Hub,
    StoreOn,
    Truth,
    add_orders,
    is_at_rest,
    running,
    wait_for_answers,
)
from tests.pgproxy import PgProxy
from tests.waiting import until

Command = Callable[[PgProxy], Awaitable[None]]


async def _refuse(proxy: PgProxy) -> None:
    await proxy.refuse()
    proxy.cut()


async def _swallow(proxy: PgProxy) -> None:
    proxy.swallow()


async def _back(proxy: PgProxy) -> None:
    proxy.heal()
    await proxy.accept()


def _lost_at(store: LiveStore) -> datetime | None:
    return store.health.database_lost_at


def _failures_of(store: LiveStore, monkeypatch: pytest.MonkeyPatch) -> list[FototuiError]:
    """Each question that a store asks in vain, also where nobody is told of it."""
    failures: list[FototuiError] = []
    take = store._feed.database_lost

    def database_lost(error: FototuiError) -> None:
        failures.append(error)
        take(error)

    monkeypatch.setattr(store._feed, "database_lost", database_lost)
    return failures


@pytest.mark.parametrize("lose", [_refuse, _swallow])
async def test_a_database_lost_while_running(
    database: Database, proxy: PgProxy, store_on: StoreOn, truth: Truth, lose: Command,
    monkeypatch: pytest.MonkeyPatch,
) -> None:  # fmt: skip
    first, second = await add_orders(database, 2)
    async with Database(proxy.url) as far:
        store = store_on(far, work_seconds=NEVER)
        failures = _failures_of(store, monkeypatch)
        async with running(store):
            await store.open(first)
            await until(lambda: is_at_rest(store))
            began = datetime.now(UTC)
            wait_for_answers(store, IMPATIENT)
            await lose(proxy)
            await until(lambda: not store.health.database_ok)
            await until(lambda: not store._notifier.health)
            told = [store.health]
            stop = store.listen(lambda changed: told.extend([store.health] * changed.health))
            lost_at = _lost_at(store)
            assert lost_at is not None
            assert began <= lost_at <= datetime.now(UTC)
            assert "database" in str(store.health.reason)
            assert store.detail(first) is not None
            assert list(store.listing) == [second, first]
            with pytest.raises(DatabaseUnavailableError):
                await store.open(second)
            await store.refresh(first)  # what cannot be fetched now follows

            [new] = await add_orders(database)
            [other] = await add_orders(database, images=3)
            assert _lost_at(store) == lost_at
            await until(lambda: len(failures) >= 3)
            # However often it is asked: each report tells something new.
            assert not any(one == other for one, other in pairwise(told))
            stop()
            wait_for_answers(store, PATIENT)
            await _back(proxy)
            proxy.cut()  # what lost its bytes is gone by now
            await until(lambda: new in store.orders and other in store.orders)
            await until(lambda: store.health.database_ok)
            assert _lost_at(store) is None
            await truth.comes_to(store)


@pytest.mark.parametrize("lose", [_refuse, _swallow])
async def test_a_database_that_is_not_there_at_the_start(
    database: Database, proxy: PgProxy, store_on: StoreOn, truth: Truth, lose: Command
) -> None:
    orders = await add_orders(database, 3)
    await lose(proxy)
    async with Database(proxy.url) as far:
        store = store_on(far, answer_seconds=IMPATIENT)
        async with running(store, complete=False):
            await until(lambda: not store.health.database_ok)
            assert not store.is_complete
            wait_for_answers(store, PATIENT)
            await _back(proxy)
            await until(lambda: store.is_complete and store.health.database_ok)
            await truth.comes_to(store)
            assert len(store.orders) == len(orders)
            await until(lambda: len(store.lanes) == len(JobKind))


async def test_connections_that_are_cut_once_are_hardly_noticed(
    database: Database, proxy: PgProxy, store_on: StoreOn, truth: Truth
) -> None:
    await add_orders(database, 2)
    async with Database(proxy.url) as far:
        store = store_on(far)
        async with running(store):
            for _ in range(5):
                proxy.cut()
                [new] = await add_orders(database)
                await until(lambda: new in store.orders)  # noqa: B023
            await until(lambda: store.health.database_ok)
            await truth.comes_to(store)


async def test_database_and_hub_both_lost(
    database: Database, proxy: PgProxy, hub: Hub, store_on: StoreOn, truth: Truth
) -> None:
    await add_orders(database, 2)
    async with Database(proxy.url) as far:
        store = store_on(far, hub.subscriber())
        async with running(store):
            await until(lambda: store.health.feed is FeedState.LIVE)
            await hub.stop()
            await _refuse(proxy)
            await until(
                lambda: not store.health.database_ok and store.health.feed is FeedState.POLLING
            )
            assert "database" in str(store.health.reason)
            assert "MERCURE_URL" in str(store.health.reason)
            await add_orders(database)
            await hub.start()
            await until(lambda: store.health.feed is FeedState.CATCHING_UP)
            await _back(proxy)
            await until(lambda: store.health.feed is FeedState.LIVE)
            assert await truth.is_in(store)


async def test_an_order_is_open_until_it_was_closed_as_often(
    database: Database, store_on: StoreOn
) -> None:
    [order_id] = await add_orders(database)
    store = store_on(database)
    assert store.detail(order_id) is None
    one, two = await asyncio.gather(store.open(order_id), store.open(order_id))
    assert one.number == two.number
    store.close(order_id)
    assert store.detail(order_id) is not None
    store.close(order_id)
    store.close(order_id)
    assert store.detail(order_id) is None
    for nobody in ("01ARZ3NDEKTSV4RRFFQ69G5FAV", "#1270"):
        with pytest.raises(NotFoundError):
            await store.open(nobody)
        assert store.detail(nobody) is None


async def test_refresh_brings_one_s_own_deed_at_once(database: Database, store_on: StoreOn) -> None:
    [order_id] = await add_orders(database)
    store = store_on(database)
    await store.open(order_id)
    await store.refresh(order_id)
    assert list(store.listing) == [order_id]
