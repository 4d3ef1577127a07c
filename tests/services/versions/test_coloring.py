import uuid
from collections.abc import AsyncIterator, Awaitable, Callable
from datetime import UTC, datetime, timedelta

import pytest
from sqlalchemy import select, text, update

from fototui.db.database import Database
from fototui.db.models.operations import Activity, OutsideCancel
from fototui.db.models.orders import ColoringVersion, Image, Order
from fototui.domain.errors import ConflictError, NotFoundError
from fototui.domain.events import BaseMercureEvent, ImageStatusEvent, ImageUpdateEvent
from fototui.domain.options import ColoringOptions
from fototui.domain.statuses import ColoringProcessingStatus as Status
from fototui.domain.statuses import VersionType
from fototui.services.versions.coloring import ColoringService
from tests.factories import file_ref, make_coloring
from tests.services.conftest import MakeOrder, Notifications

ReadActivity = Callable[[], Awaitable[list[Activity]]]
FINER = ColoringOptions(megapixels=2.0, steps=8)


@pytest.fixture
async def service(database: Database) -> AsyncIterator[ColoringService]:
    async with database.session() as session:
        yield ColoringService(session, operator="eva")


@pytest.fixture
def add(database: Database, published: list[BaseMercureEvent]) -> Callable[..., Awaitable[int]]:
    """Adds a colouring to an image; gives its id."""

    async def add(image: Image, **fields: object) -> int:
        async with database.session() as session, session.begin():
            # mypy cannot know which of the factory's arguments are among them.
            row = await make_coloring(session, image, **fields)  # type: ignore[arg-type]
        published.clear()
        return row.id

    return add


async def load(database: Database, version_id: int) -> ColoringVersion:
    async with database.session() as session:
        return await session.get_one(ColoringVersion, version_id)


async def untold(database: Database) -> list[tuple[int, str]]:
    """Versions and their RunPod jobs that RunPod has still to be told about."""
    async with database.session() as session:
        found = await session.execute(
            select(OutsideCancel.version_id, OutsideCancel.runpod_job_id).order_by(OutsideCancel.id)
        )
        return [(version_id, job_id) for version_id, job_id in found]


async def load_image(database: Database, image_id: int) -> Image:
    async with database.session() as session:
        return await session.get_one(Image, image_id)


def image_update(order: Order, image: Image) -> ImageUpdateEvent:
    return ImageUpdateEvent(order_id=str(order.id), image_id=image.id)


# --- create ----------------------------------------------------------------------------------


@pytest.mark.quick
async def test_create_queues_a_version_tells_readers_and_wakes_engines(
    service: ColoringService,
    shop_order: MakeOrder,
    published: list[BaseMercureEvent],
    notifications: Notifications,
    activity: ReadActivity,
) -> None:
    order = await shop_order()
    image = order.line_items[0].images[0]
    view = await service.create(image.id, FINER)
    assert (view.version, view.status, view.options) == (1, Status.QUEUED, FINER)
    assert (view.image_id, view.requested_by, view.selected) == (image.id, "eva", False)
    assert published == [image_update(order, image)]
    assert await notifications.heard() == ["coloring"]
    (entry,) = await activity()
    assert (entry.operator, entry.action, entry.version_id) == ("eva", "requested", view.id)
    assert (entry.order_id, entry.image_id, entry.version_type) == (order.id, image.id, "coloring")


async def test_versions_are_counted_per_image(service: ColoringService, image: Image) -> None:
    assert (await service.create(image.id)).version == 1
    assert (await service.create(image.id, FINER)).version == 2


async def test_number_follows_the_highest_there_is(
    service: ColoringService, image: Image, add: Callable[..., Awaitable[int]]
) -> None:
    await add(image, version=7, status=Status.ERROR)
    assert (await service.create(image.id)).version == 8


async def test_create_needs_the_photo_and_leaves_nothing_behind(
    service: ColoringService,
    shop_order: MakeOrder,
    published: list[BaseMercureEvent],
    notifications: Notifications,
    activity: ReadActivity,
) -> None:
    order = await shop_order(uploaded=False)
    image = order.line_items[0].images[0]
    with pytest.raises(ConflictError, match="not in storage yet"):
        await service.create(image.id)
    assert await service.list_for_order(order.order_number) == ()
    assert published == []
    assert await notifications.heard() == []
    assert await activity() == []


async def test_the_same_is_not_made_twice_at_once(
    service: ColoringService, shop_order: MakeOrder, add: Callable[..., Awaitable[int]]
) -> None:
    order = await shop_order(images=len(Status.active_states()))
    images = order.line_items[0].images
    for image, status in zip(images, sorted(Status.active_states()), strict=True):
        await add(image, status=status, megapixels=2.0, steps=8)
        with pytest.raises(ConflictError, match=r"Colouring v1 .* being made already"):
            await service.create(image.id, FINER)
        another = await service.create(image.id, ColoringOptions(megapixels=2.0, steps=9))
        assert another.version == 2, status


async def test_the_same_may_be_made_again_once_it_ended(
    service: ColoringService, shop_order: MakeOrder, add: Callable[..., Awaitable[int]]
) -> None:
    order = await shop_order(images=len(Status.final_states()))
    images = order.line_items[0].images
    for image, status in zip(images, sorted(Status.final_states()), strict=True):
        await add(image, status=status)
        assert (await service.create(image.id)).version == 2, status


# --- create for an order ---------------------------------------------------------------------


async def test_whole_order_starts_what_is_missing_and_says_why_not_the_rest(
    service: ColoringService,
    database: Database,
    shop_order: MakeOrder,
    add: Callable[..., Awaitable[int]],
    notifications: Notifications,
) -> None:
    order = await shop_order(images=5)
    fresh, completed, active, failed, empty = order.line_items[0].images
    await add(completed, status=Status.COMPLETED)
    await add(completed, status=Status.ERROR, version=2)
    await add(active, status=Status.RUNPOD_QUEUED, megapixels=8.0)
    await add(failed, status=Status.ERROR)
    async with database.session() as session, session.begin():
        await session.execute(update(Image).where(Image.id == empty.id).values(file_ref=None))
    reports = await service.create_for_order(order.order_number, FINER)
    assert [report.image_id for report in reports] == [
        image.id for image in order.line_items[0].images
    ]
    assert [report.position for report in reports] == [1, 2, 3, 4, 5]
    started = {r.image_id: r.version.version for r in reports if r.version is not None}
    assert started == {fresh.id: 1, failed.id: 2}
    reasons = [report.skipped for report in reports]
    assert reasons[0] is reasons[3] is None
    assert str(reasons[1]) == "Colouring v1 is completed already."
    assert str(reasons[2]) == "Colouring v1 is being made already."
    assert "not in storage yet" in str(reasons[4])
    assert await notifications.heard() == ["coloring"]


async def test_whole_order_again_starts_also_what_is_completed(
    service: ColoringService, shop_order: MakeOrder, add: Callable[..., Awaitable[int]]
) -> None:
    order = await shop_order(images=2)
    completed, active = order.line_items[0].images
    await add(completed, status=Status.COMPLETED)
    await add(active, status=Status.QUEUED)
    first, second = await service.create_for_order(str(order.id), only_missing=False)
    assert first.version is not None
    assert first.version.version == 2
    assert second.version is None
    assert "being made already" in str(second.skipped)


async def test_order_that_needs_nothing_wakes_nobody(
    service: ColoringService,
    shop_order: MakeOrder,
    notifications: Notifications,
    activity: ReadActivity,
) -> None:
    order = await shop_order(images=0)
    assert await service.create_for_order(order.order_number) == ()
    assert await service.retry_failed(order.order_number) == ()
    assert await notifications.heard() == []
    assert await activity() == []


# --- retry -----------------------------------------------------------------------------------


@pytest.mark.parametrize("status", sorted(Status.retryable_states()))
async def test_retry_begins_anew_and_keeps_what_was_paid(
    service: ColoringService,
    database: Database,
    shop_order: MakeOrder,
    add: Callable[..., Awaitable[int]],
    published: list[BaseMercureEvent],
    notifications: Notifications,
    activity: ReadActivity,
    status: Status,
) -> None:
    order = await shop_order()
    image = order.line_items[0].images[0]
    past = datetime.now(UTC) - timedelta(days=1)
    version_id = await add(
        image,
        status=status,
        runpod_job_id="old",
        cancel_job_id="untold",
        error="It failed.",
        error_code="permanent",
        queued_at=past,
        not_before=past,
        started_at=past,
        completed_at=past,
        claimed_by=uuid.uuid4(),
        claim_token=uuid.uuid4(),
        claimed_at=past,
        attempts=3,
        retries=2,
        takeovers=1,
        submissions=4,
        resubmissions=1,
    )
    view = await service.retry(version_id)
    assert (view.id, view.status, view.error, view.attempts) == (version_id, "queued", None, 0)
    row = await load(database, version_id)
    assert row.status is Status.QUEUED
    assert row.queued_at > past
    cleared = (
        "error error_code not_before started_at completed_at storage_away_since claimed_by "
        "claim_token claimed_at"
    )
    assert {name: getattr(row, name) for name in cleared.split()} == dict.fromkeys(cleared.split())
    assert (row.attempts, row.retries, row.takeovers, row.resubmissions) == (0, 0, 0, 0)
    assert row.submissions == 4
    # Its result is taken, if RunPod still has it.
    assert row.runpod_job_id == "old"
    assert row.cancel_job_id == "untold"
    assert published == [
        ImageStatusEvent(
            order_id=str(order.id),
            image_id=image.id,
            status_type=VersionType.COLORING,
            version_id=version_id,
            status="queued",
        )
    ]
    assert await notifications.heard() == ["coloring"]
    assert [(entry.operator, entry.action) for entry in await activity()] == [("eva", "retried")]


async def test_retry_is_for_what_failed(
    service: ColoringService,
    image: Image,
    add: Callable[..., Awaitable[int]],
    activity: ReadActivity,
) -> None:
    for number, status in enumerate(sorted(set(Status) - Status.retryable_states()), start=1):
        version_id = await add(image, version=number, status=status, file_ref=file_ref())
        with pytest.raises(ConflictError, match="has not failed"):
            await service.retry(version_id)
    assert await activity() == []


async def test_retry_does_not_make_the_same_twice_at_once(
    service: ColoringService, image: Image, add: Callable[..., Awaitable[int]]
) -> None:
    version_id = await add(image, status=Status.ERROR)
    await service.create(image.id)
    with pytest.raises(ConflictError, match=r"Colouring v2 .* being made already"):
        await service.retry(version_id)


async def test_retry_failed_takes_each_images_newest_where_it_failed(
    service: ColoringService,
    database: Database,
    shop_order: MakeOrder,
    add: Callable[..., Awaitable[int]],
    notifications: Notifications,
) -> None:
    order = await shop_order(images=4)
    failed, recovered, cancelled, bare = order.line_items[0].images
    old = await add(failed, status=Status.ERROR)
    newest = await add(failed, status=Status.ERROR, version=2)
    left = [
        old,
        await add(recovered, status=Status.ERROR),
        await add(cancelled, status=Status.RUNPOD_CANCELLED),
    ]
    await add(recovered, status=Status.COMPLETED, version=2)
    reports = await service.retry_failed(order.order_number)
    assert [(r.image_id, r.version and r.version.id) for r in reports] == [
        (failed.id, newest),
        (recovered.id, None),
        (cancelled.id, None),
        (bare.id, None),
    ]
    assert all(report.skipped for report in reports[1:])
    assert (await load(database, newest)).status is Status.QUEUED
    for version_id in left:
        assert (await load(database, version_id)).status in Status.retryable_states()
    assert await notifications.heard() == ["coloring"]


# --- select ----------------------------------------------------------------------------------


async def test_select_writes_the_choice_and_when(
    service: ColoringService,
    database: Database,
    shop_order: MakeOrder,
    add: Callable[..., Awaitable[int]],
    published: list[BaseMercureEvent],
    activity: ReadActivity,
) -> None:
    order = await shop_order()
    image = order.line_items[0].images[0]
    version_id = await add(image, status=Status.COMPLETED, file_ref=file_ref())
    view = await service.select(version_id, expected=None)
    assert (view.id, view.selected) == (version_id, True)
    row = await load_image(database, image.id)
    assert row.selected_coloring_id == version_id
    assert row.coloring_chosen_at is not None
    assert row.svg_chosen_at is None
    assert published == [image_update(order, image)]
    assert [(entry.operator, entry.action) for entry in await activity()] == [("eva", "selected")]


async def test_only_a_completed_version_is_chosen(
    service: ColoringService,
    database: Database,
    image: Image,
    add: Callable[..., Awaitable[int]],
) -> None:
    for number, status in enumerate(sorted(set(Status) - {Status.COMPLETED}), start=1):
        version_id = await add(image, version=number, status=status, file_ref=file_ref())
        with pytest.raises(ConflictError, match="choose a completed one"):
            await service.select(version_id)
        assert (await load_image(database, image.id)).selected_coloring_id is None


async def test_a_version_without_a_file_is_not_chosen(
    service: ColoringService, image: Image, add: Callable[..., Awaitable[int]]
) -> None:
    version_id = await add(image, status=Status.COMPLETED)
    with pytest.raises(ConflictError, match="no finished file"):
        await service.select(version_id)


@pytest.fixture
async def three(image: Image, add: Callable[..., Awaitable[int]]) -> list[int]:
    """Three completed versions."""
    return [
        await add(image, version=number, status=Status.COMPLETED, file_ref=file_ref())
        for number in (1, 2, 3)
    ]


async def test_choosing_on_a_stale_view_names_what_is_chosen_and_by_whom(
    service: ColoringService, database: Database, image: Image, three: list[int]
) -> None:
    first, second, third = three
    async with database.session() as session:
        await ColoringService(session, operator="petr").select(second)
    for seen in (None, first):
        with pytest.raises(ConflictError, match=r"Colouring v2 .* chosen by petr"):
            await service.select(third, expected=seen)
    assert (await load_image(database, image.id)).selected_coloring_id == second
    assert (await service.select(third, expected=second)).selected


async def test_choosing_on_a_stale_view_tells_what_a_job_chose(
    service: ColoringService, database: Database, image: Image, three: list[int]
) -> None:
    async with database.session() as session, session.begin():
        await session.execute(
            update(Image).where(Image.id == image.id).values(selected_coloring_id=three[0])
        )
    with pytest.raises(ConflictError, match=r"Colouring v1 .* chosen when it was completed"):
        await service.select(three[1], expected=None)


async def test_choosing_when_the_choice_was_taken_back_says_so(
    service: ColoringService, three: list[int]
) -> None:
    with pytest.raises(ConflictError, match="No colouring is chosen"):
        await service.select(three[1], expected=three[0])


async def test_without_an_expectation_the_last_choice_wins(
    service: ColoringService, three: list[int]
) -> None:
    await service.select(three[0])
    assert (await service.select(three[1])).selected


async def test_choosing_what_is_chosen_makes_the_choice_the_operators_and_is_told(
    service: ColoringService,
    database: Database,
    image: Image,
    three: list[int],
    published: list[BaseMercureEvent],
) -> None:
    async with database.session() as session, session.begin():
        await session.execute(
            update(Image).where(Image.id == image.id).values(selected_coloring_id=three[0])
        )
    await service.select(three[0], expected=three[0])
    assert (await load_image(database, image.id)).coloring_chosen_at is not None
    # The picture waits for nobody's judgement now, which other terminals have to learn.
    [event] = published
    assert isinstance(event, ImageUpdateEvent)
    assert event.image_id == image.id


# --- cancel ----------------------------------------------------------------------------------


async def test_cancel_takes_the_claim_away_and_asks_for_runpods_job_to_be_ended(
    service: ColoringService,
    database: Database,
    shop_order: MakeOrder,
    add: Callable[..., Awaitable[int]],
    published: list[BaseMercureEvent],
    notifications: Notifications,
    activity: ReadActivity,
) -> None:
    order = await shop_order()
    image = order.line_items[0].images[0]
    cancels: list[tuple[int, str]] = []
    for number, status in enumerate(sorted(Status.active_states()), start=1):
        claim = {"claimed_by": uuid.uuid4(), "claim_token": uuid.uuid4()}
        version_id = await add(
            image, version=number, status=status, runpod_job_id=f"j{number}", **claim
        )
        view = await service.cancel(version_id)
        assert (view.status, view.error_code) == ("runpod_cancelled", "cancelled")
        row = await load(database, version_id)
        assert row.status is Status.RUNPOD_CANCELLED
        cancels.append((version_id, f"j{number}"))
        assert await untold(database) == cancels
        assert (row.claimed_by, row.claim_token) == (None, None)
        assert row.completed_at is not None
        assert "eva" in str(row.error)
        assert published == [image_update(order, image)]
        assert await notifications.heard() == [f"cancel:coloring:{version_id}"]
        newest = (await activity())[-1]
        assert (newest.operator, newest.action, newest.version_id) == (
            *("eva", "cancelled", version_id),
        )
    assert len(await activity()) == len(cancels)


async def test_cancel_without_a_job_at_runpod_asks_for_nothing(
    service: ColoringService, database: Database, image: Image, add: Callable[..., Awaitable[int]]
) -> None:
    version_id = await add(image, cancel_job_id="from an earlier attempt")
    await service.cancel(version_id)
    assert (await load(database, version_id)).cancel_job_id == "from an earlier attempt"
    assert await untold(database) == []


async def test_what_has_ended_is_not_cancelled(
    service: ColoringService,
    image: Image,
    add: Callable[..., Awaitable[int]],
    notifications: Notifications,
) -> None:
    for number, status in enumerate(sorted(Status.final_states()), start=1):
        version_id = await add(image, version=number, status=status)
        with pytest.raises(ConflictError, match="nothing left to cancel"):
            await service.cancel(version_id)
    assert await notifications.heard() == []


# --- what is not there -----------------------------------------------------------------------


async def test_what_is_not_there_is_said_to_be_missing(
    service: ColoringService, activity: ReadActivity
) -> None:
    with pytest.raises(NotFoundError, match="no image 77"):
        await service.create(77)
    for act in (service.retry, service.select, service.cancel):
        with pytest.raises(NotFoundError, match="no colouring 77"):
            await act(77)
    for ref in ("#77", "77", "01ARZ3NDEKTSV4RRFFQ69G5FAV"):
        for act_on in (service.create_for_order, service.retry_failed, service.list_for_order):
            with pytest.raises(NotFoundError, match=f"no order {ref}"):
                await act_on(ref)
    assert await activity() == []


async def test_list_holds_the_kind_asked_for_in_order(
    service: ColoringService, shop_order: MakeOrder, add: Callable[..., Awaitable[int]]
) -> None:
    order = await shop_order(images=2)
    first, second = order.line_items[0].images
    await add(second)
    await add(first, version=2)
    await add(first, version=1)
    listed = await service.list_for_order(order.order_number)
    assert [(view.image_id, view.version) for view in listed] == [
        (first.id, 1),
        (first.id, 2),
        (second.id, 1),
    ]


async def test_a_held_version_is_told_and_can_be_started_alone(
    database: Database, image: Image
) -> None:
    async with database.session() as session:
        made = await ColoringService(session, operator="eva").create(image.id)
    async with database.session() as session, session.begin():
        await session.execute(text("UPDATE coloring_versions SET held_at = now()"))
    async with database.session() as session:
        service = ColoringService(session, operator="eva")
        with pytest.raises(ConflictError, match=f"fototui versions retry coloring {made.id}"):
            await service.create(image.id)
        assert (await service.retry(made.id)).status == "queued"
        with pytest.raises(ConflictError, match="being made already"):
            await service.create(image.id)
        await session.execute(text("UPDATE coloring_versions SET held_at = now()"))
        await session.commit()
        await service.cancel(made.id)
        await service.retry(made.id)
        assert await session.scalar(text("SELECT held_at FROM coloring_versions")) is None
