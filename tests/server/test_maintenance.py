"""What servers do by themselves, one of several at a time."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, Callable, Sequence
from datetime import UTC, date, datetime, timedelta, tzinfo
from functools import partial
from typing import Self

import pytest
from sqlalchemy import func, select, text

from fototui.db.database import Database
from fototui.db.models.inbound import WebhookDelivery
from fototui.domain.errors import TransientError
from fototui.domain.shop import ShopOrder, ShopOrderHead
from fototui.server.context import ServerContext
from fototui.server.maintenance import Importer, LeaderLock, maintaining
from tests.server.conftest import with_parts
from tests.waiting import until


class Source:
    """A shop with nothing new, which notes what it was asked."""

    def __init__(self) -> None:
        self.asked: list[datetime] = []
        self.problem: Exception | None = None

    async def order_heads(
        self, *, limit: int | None = None, since: datetime | date | None = None
    ) -> AsyncGenerator[list[ShopOrderHead], None]:
        assert limit is None
        assert isinstance(since, datetime)
        self.asked.append(since)
        if self.problem is not None:
            raise self.problem
        yield []

    async def whole_orders(self, shopify_ids: Sequence[int]) -> AsyncGenerator[ShopOrder, None]:
        assert not shopify_ids
        for order in tuple[ShopOrder, ...]():
            yield order

    def was_asked(self, times: int) -> bool:
        return len(self.asked) >= times

    async def order(self, shopify_id: int) -> ShopOrder | None:
        raise AssertionError(shopify_id)


@pytest.fixture
def importing(context: ServerContext) -> Callable[[Source], ServerContext]:
    """Makes a context that imports all the time."""

    def make(source: Source) -> ServerContext:
        settings = context.settings.model_copy(update={"import_interval": 0.02})
        return with_parts(context, settings=settings, shop=source)

    return make


async def test_one_of_several_servers_has_the_turn(database: Database) -> None:
    one, other = LeaderLock(database), LeaderLock(database)
    try:
        assert await one.is_ours()
        assert await one.is_ours()
        assert not await other.is_ours()
        await one.give_up()
        assert await other.is_ours()
        assert not await one.is_ours()
        # It dies, or the database is restarted under it.
        async with database.session() as session:
            await session.execute(
                text(
                    "SELECT pg_terminate_backend(pid, 5000) FROM pg_stat_activity "
                    "WHERE application_name LIKE 'fototui server%'"
                )
            )
        assert await one.is_ours()
        assert not await other.is_ours()
    finally:
        await one.give_up()
        await other.give_up()


async def test_in_an_outage_nobody_has_the_turn() -> None:
    async with Database("postgresql://nobody@127.0.0.1:1/none") as nowhere:
        assert not await LeaderLock(nowhere).is_ours()


async def test_an_import_reaches_back_to_the_one_before(context: ServerContext) -> None:
    source = Source()
    importer = Importer(context, source)
    source.problem = TransientError("Shopify rests.", service="Shopify")
    with pytest.raises(TransientError):
        await importer.run()
    source.problem = None
    await importer.run()
    await importer.run()
    now = datetime.now(UTC)
    failed, first, second = source.asked
    for long_ago in (failed, first):
        assert now - long_ago > timedelta(days=6)
    assert timedelta(minutes=5) < now - second < timedelta(hours=1)
    metrics = context.metrics.render(None).decode()
    assert 'fototui_imports_total{result="failed"} 1.0' in metrics
    assert 'fototui_imports_total{result="done"} 2.0' in metrics


async def test_a_server_whose_clock_is_wrong_misses_nothing(
    context: ServerContext, database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    """By one that is fast, the next import would begin after what the shop has yet to tell."""

    class Fast(datetime):
        @classmethod
        def now(cls, tz: tzinfo | None = None) -> Self:
            return super().now(tz) + timedelta(hours=1)

    monkeypatch.setattr("fototui.server.maintenance.datetime", Fast)
    source = Source()
    importer = Importer(context, source)
    async with database.session() as session:
        began = (await session.scalars(select(func.now()))).one()
    await importer.run()
    await importer.run()
    async with database.session() as session:
        ended = (await session.scalars(select(func.now()))).one()
    assert began - timedelta(minutes=10) <= source.asked[1] <= ended - timedelta(minutes=10)


async def test_only_one_of_two_servers_imports_until_it_leaves(
    importing: Callable[[Source], ServerContext],
) -> None:
    here, there = Source(), Source()
    async with maintaining(importing(there)):
        async with maintaining(importing(here)):
            await until(lambda: len(here.asked) + len(there.asked) >= 5)
            first, second = sorted((here, there), key=lambda source: -len(source.asked))
            assert second.asked == []
        if first is here:
            await until(lambda: bool(there.asked))


async def test_nothing_of_it_ends_the_server(
    importing: Callable[[Source], ServerContext],
) -> None:
    source = Source()
    problems: list[Exception | None] = [
        TransientError("Shopify rests.", service="Shopify"),
        ValueError("a fault of ours"),
        None,
    ]
    async with maintaining(importing(source)):
        for problem in problems:
            source.problem = problem
            seen = len(source.asked)
            await until(partial(source.was_asked, seen + 2))  # the first may be of before
    asked = len(source.asked)
    await asyncio.sleep(0.05)
    assert len(source.asked) == asked, "it goes on after its end"


async def test_old_webhooks_are_forgotten(context: ServerContext, database: Database) -> None:
    async with database.session() as session, session.begin():
        for name, days in (("old", 30), ("new", 0)):
            session.add(
                WebhookDelivery(
                    id=name,
                    topic="orders/paid",
                    received_at=func.now() - func.make_interval(0, 0, 0, days),
                )
            )

    async def only_the_new_is_left() -> bool:
        async with database.session() as session:
            return list(await session.scalars(select(WebhookDelivery.id))) == ["new"]

    async with maintaining(context):
        await until(only_the_new_is_left)
