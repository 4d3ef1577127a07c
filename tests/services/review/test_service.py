"""The review's queue: what waits, who gets it, and what a judgement does."""

from __future__ import annotations

import asyncio
import itertools
import json
import uuid
from collections.abc import Awaitable, Callable
from operator import itemgetter
from typing import Any, TypeVar

import pytest
from sqlalchemy import text

from fototui.db.database import Database
from fototui.db.models.operations import Activity
from fototui.db.models.orders import ColoringVersion, Image, Order
from fototui.db.schema import migrate
from fototui.domain.errors import ConflictError, InvalidInputError
from fototui.domain.events import BaseMercureEvent, ImageUpdateEvent
from fototui.domain.options import ColoringOptions, SvgOptions
from fototui.domain.statuses import ColoringProcessingStatus, SvgProcessingStatus, VersionType
from fototui.services.orders.finishing import FinishService
from fototui.services.review import queue as review_queue
from fototui.services.review.queue import ReviewFilter, ReviewItem
from fototui.services.review.service import PictureDecidedError, PictureTakenError, ReviewService
from fototui.services.versions.coloring import ColoringService
from tests.factories import file_ref, make_coloring, make_order, make_svg
from tests.waiting import in_time, until

T = TypeVar("T")
ReadActivity = Callable[[], Awaitable[list[Activity]]]

DECIDED = 10_000
HERE, THERE = uuid.uuid4(), uuid.uuid4()


async def run(database: Database, sql: str) -> None:
    async with database.session() as session, session.begin():
        await session.execute(text(sql))


async def add_queue(
    database: Database, count: int, published: list[BaseMercureEvent] | None = None
) -> Order:
    """An order whose images each have a completed colouring, chosen by its completion."""
    async with database.session() as session, session.begin():
        order = await make_order(session, images=count)
        for image in order.line_items[0].images:
            await complete(session, image, 1)
    if published is not None:
        published.clear()
    return order


async def complete(session: Any, image: Image, version: int) -> int:  # Any: a session
    row = await make_coloring(
        session,
        image,
        status=ColoringProcessingStatus.COMPLETED,
        version=version,
        file_ref=file_ref(f"{image.id}/v{version}.png"),
    )
    image.selected_coloring_id = row.id
    await session.flush()
    return row.id


async def ask(
    database: Database, call: Callable[[ReviewService], Awaitable[T]], operator: str = "jana"
) -> T:
    async with database.session() as session:
        return await call(ReviewService(session, operator=operator))


async def take(
    database: Database, terminal_id: uuid.UUID = HERE, operator: str = "jana"
) -> ReviewItem:
    item = await ask(database, lambda s: s.next(terminal_id), operator)
    assert item is not None
    return item


async def accept(database: Database, item: ReviewItem, operator: str = "jana") -> None:
    await ask(database, lambda s: s.accept(item, item.versions[-1].id), operator)


async def skip(database: Database, item: ReviewItem) -> None:
    await ask(database, lambda s: s.skip(item))


async def is_waiting(database: Database) -> list[int]:
    async with database.session() as session:
        rows = await session.scalars(
            text("SELECT image_id FROM reviews WHERE decision IS NULL ORDER BY image_id")
        )
        return list(rows)


# --- what waits --------------------------------------------------------------------------------


@pytest.mark.quick
async def test_an_image_waits_from_its_first_completed_version(database: Database) -> None:
    order = await add_queue(database, 1)
    (image,) = order.line_items[0].images

    item = await take(database)

    assert (item.order_number, item.customer_name) == (order.order_number, "Jana Nováková")
    assert item.image.id == image.id
    assert [view.version for view in item.versions] == [1]
    assert item.selected_id == item.versions[0].id
    assert item.left == 1


async def test_without_completed_versions_nothing_waits(database: Database) -> None:
    async with database.session() as session, session.begin():
        order = await make_order(session, images=3)
        failed, running, lost = order.line_items[0].images
        await make_coloring(session, failed, status=ColoringProcessingStatus.ERROR)
        await make_coloring(session, running)
        await make_coloring(session, lost, status=ColoringProcessingStatus.COMPLETED)  # no file

    assert await ask(database, lambda s: s.next(HERE)) is None


async def test_a_running_version_waits_as_soon_as_it_is_completed(database: Database) -> None:
    async with database.session() as session, session.begin():
        order = await make_order(session)
        row = await make_coloring(session, order.line_items[0].images[0], file_ref=file_ref())
    assert await is_waiting(database) == []
    await run(database, f"UPDATE coloring_versions SET status = 'completed' WHERE id = {row.id}")
    assert await is_waiting(database) == [row.image_id]


async def test_a_choice_made_elsewhere_decides(database: Database) -> None:
    order = await add_queue(database, 1)
    chosen = order.line_items[0].images[0].selected_coloring_id
    assert chosen is not None
    async with database.session() as session:
        await ColoringService(session, operator="eva").select(chosen)
    assert await is_waiting(database) == []


async def test_both_kinds_wait_for_themselves(database: Database) -> None:
    order = await add_queue(database, 1)
    (image,) = order.line_items[0].images
    async with database.session() as session, session.begin():
        session.add(image)
        coloring = await make_coloring(session, image, version=2)
        svg = await make_svg(
            session, coloring, status=SvgProcessingStatus.COMPLETED, file_ref=file_ref("a.svg")
        )
    # The colouring asked for set the first one aside; only the SVG waits.
    item = await take(database)
    assert (item.kind, [view.id for view in item.versions]) == (VersionType.SVG, [svg.id])

    await ask(database, lambda s: s.accept(item, svg.id))

    async with database.session() as session:
        assert (await session.get_one(Image, image.id)).selected_svg_id == svg.id
    assert await is_waiting(database) == []


_OLD_SHOP = (
    """INSERT INTO orders (id, order_number, status, created_at, updated_at)
       VALUES (gen_random_uuid(), '#1', 'ready_for_review', now(), now())""",
    "INSERT INTO line_items (order_id, position, title, quantity) SELECT id, 1, '', 1 FROM orders",
    """INSERT INTO images (line_item_id, position)
       SELECT id, n FROM line_items, generate_series(1, 5) n""",
    """INSERT INTO coloring_versions (image_id, version, status, megapixels, steps, created_at,
                                      file_ref, completed_at)
       SELECT n, 1, 'completed', 1, 4, now(), jsonb_build_object('key', 'a'),
              now() - interval '1 year'
       FROM generate_series(1, 5) n""",
    # 1: chosen by the shop's own program. 2: chosen here. 3: never chosen.
    # 4: chosen here before a newer one came. 5: made here, and chosen by its completion.
    "UPDATE images SET selected_coloring_id = id WHERE id <> 3",
    "UPDATE images SET coloring_chosen_at = now() WHERE id = 2",
    "UPDATE images SET coloring_chosen_at = now() - interval '2 years' WHERE id = 4",
    "UPDATE coloring_versions SET claim_token = gen_random_uuid() WHERE id = 5",
)


async def test_years_of_old_orders_do_not_come_up(empty_database_url: str) -> None:
    async with Database(empty_database_url) as database:
        await migrate.upgrade(database.engine, "c3d5e7f91b24")
        async with database.engine.begin() as connection:
            for statement in _OLD_SHOP:
                await connection.execute(text(statement))

        await migrate.upgrade(database.engine)

        await migrate.check(database.engine)
        assert await is_waiting(database) == [3, 4, 5]


# --- who gets it -------------------------------------------------------------------------------


async def test_operators_at_once_never_get_the_same_order(database: Database) -> None:
    for _order in range(12):
        await add_queue(database, 2)
    terminals = [uuid.uuid4() for _ in range(15)]

    async def come(place: int, terminal: uuid.UUID) -> ReviewItem | None:
        return await ask(database, lambda s: s.next(terminal), f"operator {place}")

    items = await asyncio.gather(*(come(*one) for one in enumerate(terminals)))

    got = [item.order_id for item in items if item is not None]
    assert len(got) == len(set(got)) == 12


async def test_many_rounds_of_two_operators_share_the_queue(database: Database) -> None:
    for _order in range(6):
        await add_queue(database, 3)

    async def judge(operator: str) -> list[tuple[str, int]]:
        terminal, done = uuid.uuid4(), []
        while item := await ask(database, lambda s: s.next(terminal), operator):
            await accept(database, item, operator)
            done.append((item.order_id, item.image.id))
        return done

    one, other = await asyncio.gather(judge("jana"), judge("eva"))
    assert len(set(one + other)) == len(one + other) == 18
    # One person on an order, and its pages one after the other.
    assert not {order for order, _image in one} & {order for order, _image in other}
    for done in (one, other):
        assert len([order for order, _same in itertools.groupby(done, itemgetter(0))]) == len(
            {order for order, _image in done}
        )


async def test_an_order_that_is_being_claimed_holds_nobody_up(database: Database) -> None:
    orders = [await add_queue(database, 2) for _order in range(2)]
    first, second = (order.line_items[0].images[0].id for order in orders)
    async with database.session() as session, session.begin():
        await session.execute(
            text(f"SELECT 1 FROM reviews WHERE image_id = {first} FOR NO KEY UPDATE")
        )
        async with in_time():  # a lock is waited for for 5 s
            assert (await take(database)).image.id == second


async def test_what_a_terminal_holds_is_locked_in_the_order_in_which_engines_write_it(
    database: Database,
) -> None:
    order = await add_queue(database, 2)
    first, second = (image.id for image in order.line_items[0].images)
    await take(database)
    # It lies behind the second one now, in the table as in the queue.
    later = f"UPDATE reviews SET waiting_since = now() WHERE image_id = {first}"
    await run(database, later)
    async with database.session() as session, session.begin():
        lock = "SELECT FROM reviews WHERE image_id = {} FOR NO KEY UPDATE {}"
        await session.execute(text(lock.format(first, "")))
        released = asyncio.create_task(ask(database, lambda s: s.release(HERE)))
        waits = text(
            "SELECT EXISTS (SELECT FROM pg_stat_activity WHERE datname = current_database() "
            "AND wait_event_type = 'Lock')"
        )

        async def one_waits() -> bool:
            async with database.autocommit() as asking:
                return bool(await asking.scalar(waits))

        await until(one_waits)
        await session.execute(text(lock.format(second, "NOWAIT")))  # it has not come to this one
    await released


async def test_a_claim_runs_out_with_its_terminal(database: Database) -> None:
    await add_queue(database, 1)
    item = await take(database)
    assert await ask(database, lambda s: s.next(THERE), "eva") is None

    await run(database, "UPDATE reviews SET claimed_until = now() - interval '1 s'")
    taken = await take(database, THERE, "eva")

    assert taken.image.id == item.image.id
    assert not await ask(database, lambda s: s.renew(item))
    with pytest.raises(PictureTakenError, match="eva has taken"):
        await ask(database, lambda s: s.accept(item, item.versions[0].id))
    for lost in (lambda s: s.again(item, ColoringOptions(steps=9)), lambda s: s.note(item, "x")):
        with pytest.raises(PictureTakenError):
            await ask(database, lost)
    assert await is_waiting(database) == [item.image.id]


async def test_a_claim_that_ran_out_and_nobody_took_still_counts(database: Database) -> None:
    await add_queue(database, 1)
    item = await take(database)
    await run(database, "UPDATE reviews SET claimed_until = now() - interval '1 h'")
    assert await ask(database, lambda s: s.renew(item))
    assert await ask(database, lambda s: s.next(THERE), "eva") is None


async def test_a_claim_lasts_its_time_and_renewing_prolongs_it(database: Database) -> None:
    await add_queue(database, 1)
    item = await take(database)
    left = "SELECT extract(epoch FROM claimed_until - now()) FROM reviews"
    await run(database, "UPDATE reviews SET claimed_until = now() + interval '3 s'")
    assert await ask(database, lambda s: s.renew(item))
    async with database.session() as session:
        seconds = float(await session.scalar(text(left)))
    assert seconds == pytest.approx(review_queue.CLAIM_SECONDS, abs=3)


async def test_leaving_gives_the_picture_back_and_coming_back_goes_on(database: Database) -> None:
    await add_queue(database, 3)
    first = await take(database)
    await ask(database, lambda s: s.accept(first, first.versions[0].id))
    second = await take(database)
    await ask(database, lambda s: s.release(HERE))
    assert (await take(database, THERE, "eva")).image.id == second.image.id
    await ask(database, lambda s: s.release(THERE), "eva")

    again = await take(database)

    assert (again.image.id, again.left) == (second.image.id, 2)


async def test_what_was_put_off_comes_last_and_only_for_who_did(database: Database) -> None:
    order = await add_queue(database, 3)
    ids = [image.id for image in order.line_items[0].images]

    shown = []
    for _ in range(5):
        item = await take(database)
        shown.append(item.image.id)
        await skip(database, item)
    assert shown == [*ids, *ids[:2]]

    await ask(database, lambda s: s.release(HERE))
    assert (await take(database, THERE, "eva")).image.id == ids[0]


async def test_peeking_claims_nothing(database: Database) -> None:
    here, there, free = [await add_queue(database, 2) for _order in range(3)]
    ids = [image.id for order in (here, free) for image in order.line_items[0].images]
    await take(database)
    assert (await take(database, THERE, "eva")).order_id == str(there.id)

    ahead = await ask(database, lambda s: s.peek(HERE, 5))

    assert [preview.image_id for preview in ahead] == ids
    assert all(preview.original and preview.version for preview in ahead)
    assert ahead[0].version == file_ref(f"{ids[0]}/v1.png")
    assert (await take(database, uuid.uuid4(), "ota")).order_id == str(free.id)


async def test_an_order_is_ended_before_the_next_and_its_pages_come_in_their_order(
    database: Database,
) -> None:
    orders = [await add_queue(database, 3) for _order in range(2)]
    begun, other = ([image.id for image in order.line_items[0].images] for order in orders)
    # The pages were completed in another order, and those of the other order in between.
    late = "UPDATE reviews SET waiting_since = now() + interval '{} s' WHERE image_id = {}"
    for seconds, image_id in ((60, begun[1]), (50, begun[2]), (30, other[1])):
        await run(database, late.format(seconds, image_id))

    seen = []
    while item := await ask(database, lambda s: s.next(HERE)):
        seen.append(item.image.id)
        await accept(database, item)

    assert seen == [*begun, *other]


async def test_an_order_is_held_by_who_began_it(database: Database) -> None:
    order = await add_queue(database, 3)
    item = await take(database)
    first = ReviewFilter(order_id=item.order_id)
    nobody = await ask(database, lambda s: s.next(THERE, within=first), "eva")
    assert nobody is None
    await accept(database, item)
    assert await ask(database, lambda s: s.next(THERE, first=[item.order_id]), "eva") is None

    await run(database, "UPDATE reviews SET claimed_until = claimed_until - interval '59 s'")
    item = await take(database)
    assert await ask(database, lambda s: s.renew(item))
    async with database.session() as session:
        least = await session.scalar(
            text(
                "SELECT min(claimed_until) > now() + interval '30 s' FROM reviews "
                "WHERE decision IS NULL"
            )
        )
    assert least, "all its pages are kept"
    assert item.image.id == order.line_items[0].images[1].id


async def test_only_what_is_wanted_is_given_and_counted(database: Database) -> None:
    orders = [await add_queue(database, 2) for _order in range(2)]
    async with database.session() as session, session.begin():
        image = await session.get_one(Image, orders[1].line_items[0].images[1].id)
        coloring = await session.get_one(ColoringVersion, image.selected_coloring_id)
        await make_svg(
            session, coloring, status=SvgProcessingStatus.COMPLETED, file_ref=file_ref("a.svg")
        )
    svgs = ReviewFilter(kind=VersionType.SVG)
    of_order = ReviewFilter(order_id=str(orders[1].id))
    colouring = ReviewFilter(kind=VersionType.COLORING, image_id=image.id)

    for within, expected, left in (
        (svgs, (VersionType.SVG, image.id), 1),
        (of_order, (VersionType.COLORING, orders[1].line_items[0].images[0].id), 3),
        (colouring, (VersionType.COLORING, image.id), 1),
        (ReviewFilter(), (VersionType.COLORING, orders[0].line_items[0].images[0].id), 5),
    ):
        item = await ask(database, lambda s, w=within: s.next(HERE, within=w))  # type: ignore[misc]  # a value of the loop
        assert item is not None
        assert ((item.kind, item.image.id), item.left) == (expected, left)
        assert await ask(database, lambda s, w=within: s.count(w)) == left  # type: ignore[misc]  # the same
        ahead = await ask(database, lambda s, w=within: s.peek(HERE, 9, within=w))  # type: ignore[misc]  # the same
        assert (ahead[0].kind, ahead[0].image_id) == expected
        assert len(ahead) == left
        await ask(database, lambda s: s.release(HERE))


async def test_the_customers_mark_comes_with_the_picture(database: Database) -> None:
    await add_queue(database, 1)
    assert (await take(database)).customer_note is None
    await run(
        database, "UPDATE orders SET customer_asked_at = now(), customer_note = 'a sharper photo'"
    )
    assert (await take(database)).customer_note == "a sharper photo"


# --- judgements --------------------------------------------------------------------------------


async def test_accepting_chooses_logs_and_publishes(
    database: Database, published: list[BaseMercureEvent], activity: ReadActivity
) -> None:
    order = await add_queue(database, 2)
    async with database.session() as session, session.begin():
        await complete(session, await session.get_one(Image, order.line_items[0].images[0].id), 2)
    published.clear()
    item = await take(database)

    view = await ask(database, lambda s: s.accept(item, item.versions[0].id))

    assert view.selected
    (event,) = [event for event in published if isinstance(event, ImageUpdateEvent)]
    assert event.model_dump()["order_id"] == str(order.id)
    assert [(entry.operator, entry.action) for entry in await activity()] == [("jana", "selected")]
    async with database.session() as session:
        assert (await session.get_one(Image, item.image.id)).coloring_chosen_at is not None
    assert await ask(database, lambda s: s.count()) == 1


async def test_another_choice_is_not_overwritten(database: Database) -> None:
    order = await add_queue(database, 1)
    (image,) = order.line_items[0].images
    item = await take(database)
    async with database.session() as session, session.begin():  # an engine completes another one
        newer = await complete(session, await session.get_one(Image, image.id), 2)
    with pytest.raises(ConflictError, match="v2 is the chosen one"):
        await ask(database, lambda s: s.accept(item, item.versions[0].id))

    async with database.session() as session:  # and another operator chooses it
        await ColoringService(session, operator="eva").select(newer)
    with pytest.raises(PictureDecidedError, match="eva has chosen v2"):
        await ask(database, lambda s: s.accept(item, item.versions[0].id))

    seen = await ask(database, lambda s: s.look(item))
    assert seen is not None
    assert (seen.selected_id, len(seen.versions)) == (newer, 2)


async def test_a_picture_of_an_order_that_was_handed_over_is_judged_no_more(
    database: Database,
) -> None:
    order = await add_queue(database, 2)
    item = await take(database)
    async with database.session() as session:
        await FinishService(session, operator="eva").finish([order.order_number])
    why = f"Order {order.order_number} was handed over meanwhile; its pictures wait no longer."
    with pytest.raises(PictureDecidedError, match=why):
        await ask(database, lambda s: s.accept(item, item.versions[0].id))
    with pytest.raises(PictureDecidedError, match=why):
        await ask(database, lambda s: s.note(item, "blurred"))
    assert await ask(database, lambda s: s.next(HERE)) is None
    assert await ask(database, lambda s: s.count()) == 0


@pytest.mark.parametrize("outcome", ["completed", "error", "runpod_cancelled"])
async def test_asking_again_decides_until_that_version_ends(
    database: Database, activity: ReadActivity, outcome: str
) -> None:
    await add_queue(database, 1)
    item = await take(database)

    view = await ask(database, lambda s: s.again(item, ColoringOptions(steps=9)))

    assert view.options == ColoringOptions(steps=9)
    assert [entry.action for entry in await activity()] == ["requested"]
    assert await is_waiting(database) == []
    with pytest.raises(PictureDecidedError, match="requested meanwhile"):
        await ask(database, lambda s: s.accept(item, item.versions[0].id))
    await run(
        database,
        f"UPDATE coloring_versions SET status = '{outcome}', file_ref = '{{\"key\": \"k\"}}' "
        f"WHERE id = {view.id}",
    )
    assert await is_waiting(database) == [item.image.id]


async def test_options_of_the_other_kind_are_refused(database: Database) -> None:
    await add_queue(database, 1)
    item = await take(database)
    with pytest.raises(InvalidInputError):
        await ask(database, lambda s: s.again(item, SvgOptions()))
    assert await is_waiting(database) == [item.image.id]


async def test_a_note_sets_aside_and_is_kept(database: Database, activity: ReadActivity) -> None:
    order = await add_queue(database, 1)
    item = await take(database)
    with pytest.raises(InvalidInputError):
        await ask(database, lambda s: s.note(item, " \x1b \n"))

    await ask(database, lambda s: s.note(item, "blurred \x1b[31m[/foo] "))

    assert await is_waiting(database) == []
    (entry,) = await activity()
    assert (entry.action, entry.order_id) == ("noted", order.id)
    assert entry.detail == "blurred [31m[/foo]"
    async with database.session() as session, session.begin():
        await complete(session, await session.get_one(Image, item.image.id), 2)
    assert (await take(database)).note == "blurred [31m[/foo]"


# --- cost --------------------------------------------------------------------------------------


async def _plan(database: Database, statement: Any) -> list[dict[str, Any]]:  # Any: SQL, JSON
    compiled = statement.compile(database.engine.sync_engine)
    values = tuple(compiled.params[name] for name in compiled.positiontup)
    async with database.session() as session:
        connection = await session.connection()
        sql = f"EXPLAIN (ANALYZE, FORMAT JSON) {compiled.string}"
        found = (await connection.exec_driver_sql(sql, values)).scalar_one()
    top = json.loads(found) if isinstance(found, str) else found
    nodes, rest = [], [top[0]["Plan"]]
    while rest:
        nodes.append(node := rest.pop())
        rest += node.get("Plans", [])
    return nodes


async def test_the_queue_costs_the_same_with_many_decided(database: Database) -> None:
    order = await add_queue(database, 5)
    book = order.line_items[0].id
    await run(
        database,
        f"INSERT INTO images (line_item_id, position) SELECT {book}, n "
        f"FROM generate_series(100, {DECIDED + 99}) n",
    )
    await run(
        database,
        "INSERT INTO reviews (image_id, kind, waiting_since, decision, terminal_id) "
        "SELECT id, 'coloring', now(), 'accepted', gen_random_uuid() "
        "FROM images WHERE position >= 100",
    )
    await _is_read_by_its_index(database)
    await run(database, "ANALYZE")
    await _is_read_by_its_index(database)


async def _is_read_by_its_index(database: Database) -> None:
    for statement in (
        review_queue.claim_first("jana", HERE),
        review_queue.free_ahead("jana", HERE, 3),
    ):
        nodes = await _plan(database, statement)
        on_reviews = [node for node in nodes if node.get("Relation Name") == "reviews"]
        assert {node["Index Name"] for node in nodes if "Index Name" in node} >= {
            "ix_reviews_waiting"
        }
        assert "Seq Scan" not in {node["Node Type"] for node in on_reviews}
        assert all(node.get("Actual Rows", 0) <= 10 for node in on_reviews)
        assert sum(node.get("Rows Removed by Filter", 0) for node in nodes) <= 10
