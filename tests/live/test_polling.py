"""A store without a hub: the database tells what changed."""

from __future__ import annotations

import asyncio
from inspect import signature

import pytest
from sqlalchemy import delete, select, text, update

from fototui.db.database import Database
from fototui.db.models.orders import ColoringVersion, Image, LineItem, Order
from fototui.domain.statuses import ColoringProcessingStatus as S
from fototui.domain.statuses import OrderStatus
from fototui.live.state import Changed, FeedState
from fototui.live.store import QUIET_POLLS, LiveStore
from fototui.services.changes import LiveService, Watermark
from fototui.ui.presence import ALONE_BEATS, Presence
from tests.factories import make_coloring, make_order, make_svg
from tests.live.conftest import NEVER, StoreOn, Truth, add_orders, running
from tests.pgproxy import PgProxy
from tests.waiting import until


async def _changes(
    database: Database, since: Watermark | None = None
) -> tuple[set[str], Watermark]:
    async with database.autocommit() as session:
        changes = await LiveService(session, operator="jana").changes(since)
    return set(changes.order_ids), changes.watermark


async def test_without_a_hub_everything_is_seen(
    database: Database, store_on: StoreOn, truth: Truth
) -> None:
    first, second, third = await add_orders(database, 3)
    store = store_on(database)
    async with running(store):
        assert store.health.feed is FeedState.POLLING
        assert "MERCURE_URL" in str(store.health.reason)
        before = store.fresh_at
        await store.open(first)

        [new] = await add_orders(database)
        await until(lambda: new in store.orders)
        async with database.autocommit() as session:
            await session.execute(
                update(Order).where(Order.id == second).values(status=OrderStatus.ERROR)
            )
        await until(lambda: store.orders[second].status is OrderStatus.ERROR)
        async with database.session() as session, session.begin():
            image = await session.scalar(
                select(Image).join(LineItem).where(LineItem.order_id == first)
            )
            assert image is not None
            coloring = await make_coloring(session, image)
        await until(lambda: store.orders[first].images[0].coloring is S.QUEUED)
        async with database.session() as session, session.begin():
            await make_coloring(session, image, version=2, status=S.ERROR)
            await session.execute(update(Image).values(selected_coloring_id=coloring.id))
        await until(lambda: store.orders[first].images[0].coloring_id == coloring.id)
        await until(lambda: (d := store.detail(first)) and len(d.images[0].coloring) == 2)
        async with database.autocommit() as session:
            await session.execute(
                text("UPDATE line_items SET dedication = 'Pro Evičku' WHERE order_id = :id"),
                {"id": store_uuid(first)},
            )
        await until(
            lambda: (d := store.detail(first)) and d.line_items[0].dedication == "Pro Evičku"
        )
        await truth.comes_to(store)
        assert before is not None
        assert store.fresh_at is not None
        assert store.fresh_at > before
        assert third in store.listing


async def test_what_is_deleted_goes(database: Database, store_on: StoreOn, truth: Truth) -> None:
    gone, kept = await add_orders(database, 2, images=2)
    async with database.session() as session, session.begin():
        images = list(await session.scalars(select(Image).order_by(Image.id)))
        svg_of = await make_coloring(session, images[2], status=S.COMPLETED)
        await make_svg(session, svg_of)
        await make_coloring(session, images[3])
    store = store_on(database)
    async with running(store):
        await store.open(gone)
        async with database.autocommit() as session:
            await session.execute(text("DELETE FROM svg_versions"))
        await truth.comes_to(store)
        async with database.autocommit() as session:
            await session.execute(delete(ColoringVersion))
        await truth.comes_to(store)
        async with database.autocommit() as session:
            await session.execute(delete(Image).where(Image.id == images[3].id))
        await truth.comes_to(store)
        assert len(store.orders[kept].images) == 1
        async with database.session() as session, session.begin():
            await session.execute(text("DELETE FROM images WHERE line_item_id = 1"))
            await session.execute(text("DELETE FROM line_items WHERE id = 1"))
            await session.execute(delete(Order).where(Order.id == gone))
            # One comes at the same time: the number of orders stays.
            await make_order(session)
        await truth.comes_to(store)
        assert gone not in store.orders
        assert list(store.listing) == sorted(store.orders, reverse=True)
        await until(lambda: store.detail(gone) is None)


async def test_a_transaction_that_commits_late_is_not_missed(
    database: Database, store_on: StoreOn, truth: Truth
) -> None:
    await add_orders(database, 3)
    store = store_on(database, poll_seconds=0.02)
    async with running(store):
        async with database.session() as late, late.begin():
            order = await make_order(late, customer_name="Pozdní")
            await late.execute(text("UPDATE orders SET payment_status = 'VOIDED'"))
            # Meanwhile others come and go, and the store asks again and again.
            for _ in range(3):
                seen = store.fresh_at
                [new] = await add_orders(database)
                await until(lambda: new in store.orders and store.fresh_at != seen)  # noqa: B023
            assert str(order.id) not in store.orders
        await until(lambda: str(order.id) in store.orders)
        await truth.comes_to(store)


async def test_each_change_is_told_once(database: Database) -> None:
    first, second = await add_orders(database, 2)
    _, since = await _changes(database)
    assert (await _changes(database, since))[0] == set()
    async with database.session() as late, late.begin():
        await late.execute(update(Order).where(Order.id == first).values(customer_name="A"))
        async with database.autocommit() as session:
            await session.execute(update(LineItem).values(title="B"))
        ids, between = await _changes(database, since)
        assert ids == {first, second}
        assert (await _changes(database, between))[0] == set()
    ids, after = await _changes(database, between)
    assert ids == {first}
    assert (await _changes(database, after))[0] == set()


async def test_a_database_set_back_in_time_is_noticed(database: Database) -> None:
    _, since = await _changes(database)
    future = Watermark(f"{since.end + 1000}:{since.end + 1000}:")
    async with database.autocommit() as session:
        service = LiveService(session, operator="jana")
        assert (await service.changes(future)).is_everything
        assert not (await service.changes(since)).is_everything
        # Numbers from before a dump and a restore can lie in the future: they are no changes.
    await add_orders(database)
    async with database.engine.begin() as connection:
        await connection.execute(text("ALTER TABLE orders DISABLE TRIGGER mark_changed"))
        await connection.execute(text("UPDATE orders SET changed_in = 1e15"))
        await connection.execute(text("ALTER TABLE orders ENABLE TRIGGER mark_changed"))
    _, now = await _changes(database)
    assert (await _changes(database, now))[0] == set()


async def test_a_restored_database_is_read_anew(
    database: Database, store_on: StoreOn, truth: Truth
) -> None:
    await add_orders(database, 3)
    store = store_on(database)
    async with running(store):
        await run(database, "CREATE TABLE saved_orders AS TABLE orders")
        [order_id] = await add_orders(database)
        await run(database, "UPDATE orders SET customer_note = 'later'")
        await until(lambda: order_id in store.orders)
        await truth.comes_to(store)
        await run(
            database,
            # As pg_restore writes rows: no trigger sees them.
            "SET LOCAL session_replication_role = replica",
            "TRUNCATE orders CASCADE",
            "INSERT INTO orders SELECT * FROM saved_orders",
        )
        await until(lambda: all(row.customer_note is None for row in store.orders.values()))
        await until(lambda: order_id not in store.orders)
        await truth.comes_to(store)


async def run(database: Database, *statements: str) -> None:
    async with database.session() as session, session.begin():
        for statement in statements:
            await session.execute(text(statement))


async def test_asking_costs_what_changed(database: Database) -> None:
    """Not a whole table is read, however many finished rows there are."""
    async with database.engine.begin() as connection:
        await connection.execute(
            text(
                "INSERT INTO orders (id, order_number, status, created_at, updated_at) "
                "SELECT gen_random_uuid(), n::text, 'pending', now(), now() "
                "FROM generate_series(1, 20000) n"
            )
        )
    async with database.autocommit() as session:
        await session.execute(text("VACUUM ANALYZE orders"))
    _, since = await _changes(database)
    async with database.autocommit() as session:
        plan = "\n".join(
            await session.scalars(
                text(
                    "EXPLAIN SELECT id FROM orders WHERE changed_in >= :oldest AND NOT "
                    "pg_visible_in_snapshot(changed_in::text::xid8, CAST(:s AS text)::pg_snapshot)"
                ),
                {"oldest": since.oldest_unseen, "s": since.snapshot},
            )
        )
    assert "ix_orders_changed_in" in plan


async def test_a_store_with_nothing_to_do_asks_one_statement_a_poll(
    database: Database, proxy: PgProxy, store_on: StoreOn
) -> None:
    await add_orders(database, 3)
    async with Database(proxy.url) as far:
        store = store_on(far, work_seconds=0.01, slow_work_seconds=NEVER)
        async with running(store):
            await until(lambda: store.lanes)
            filled: set[object] = set()

            def rests() -> bool:
                filled.add(store.fresh_at)
                return len(filled) > 5

            await until(rests)  # what the filling asked for is done
            polls: set[object] = set()

            def seen() -> bool:
                polls.add(store.fresh_at)
                return len(polls) > 5

            with proxy.counting() as trips:
                await until(seen, pause=lambda _: asyncio.sleep(0))  # none is missed
            assert 4 <= trips.total <= 6


async def test_lanes_and_engines_are_read_often_only_while_somebody_looks(
    database: Database, store_on: StoreOn
) -> None:
    store = store_on(database, poll_seconds=NEVER, work_seconds=0.02, slow_work_seconds=NEVER)
    reads = 0

    def count(changed: Changed) -> None:
        nonlocal reads
        reads += changed.engines

    store.listen(count)
    async with running(store):
        store.watch_work(closely=True)
        await until(lambda: reads > 5)


def test_an_idle_app_asks_at_most_thirty_times_a_minute() -> None:
    """Without a hub, and alone; the store's two questions about work are two statements."""
    store = signature(LiveStore).parameters
    polls = store["poll_seconds"].default * QUIET_POLLS
    beats = signature(Presence).parameters["interval"].default * ALONE_BEATS
    assert 60 / polls + 2 * 60 / store["slow_work_seconds"].default + 60 / beats <= 30


def store_uuid(order_id: str) -> object:
    from ulid import ULID

    return ULID.from_str(order_id).to_uuid()


async def test_orders_are_asked_for_before_lanes_and_engines(
    database: Database, store_on: StoreOn, monkeypatch: pytest.MonkeyPatch
) -> None:
    await add_orders(database)
    asked: list[str] = []

    def noted(name: str) -> None:
        ask = getattr(LiveService, name)

        def note(service: LiveService, *values: object, **options: object) -> object:
            asked.append(name)
            return ask(service, *values, **options)

        monkeypatch.setattr(LiveService, name, note)

    noted("working")
    noted("work")
    async with running(store_on(database), complete=False):
        await until(lambda: set(asked) == {"working", "work"})
    assert asked[0] == "working"
