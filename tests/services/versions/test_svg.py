import uuid
from collections.abc import AsyncIterator

import pytest
from sqlalchemy import update

from fototui.db.database import Database
from fototui.db.models.orders import Image, Order, SvgVersion
from fototui.domain.errors import ConflictError, InvalidInputError, NotFoundError
from fototui.domain.events import BaseMercureEvent, ImageStatusEvent, ImageUpdateEvent
from fototui.domain.options import GroupBy, ShapeStacking, SvgOptions
from fototui.domain.statuses import ColoringProcessingStatus, SvgProcessingStatus, VersionType
from fototui.services.versions.svg import VectorizerService
from tests.factories import file_ref, make_coloring
from tests.services.conftest import MakeOrder, Notifications

Status = SvgProcessingStatus
CUTOUTS = SvgOptions(shape_stacking=ShapeStacking.CUTOUTS, group_by=GroupBy.NONE)


class Shop:
    """An order of three images: with a chosen colouring, an unchosen one, and none."""

    def __init__(self, database: Database, order: Order) -> None:
        self._database = database
        self.order = order
        self.chosen_image, self.unchosen_image, self.bare_image = order.line_items[0].images
        self.chosen = self.unchosen = 0

    async def color(self) -> None:
        async with self._database.session() as session, session.begin():
            chosen, unchosen = [
                await make_coloring(
                    session,
                    image,
                    status=ColoringProcessingStatus.COMPLETED,
                    file_ref=file_ref("c.png"),
                )
                for image in (self.chosen_image, self.unchosen_image)
            ]
            await session.execute(
                update(Image)
                .where(Image.id == self.chosen_image.id)
                .values(selected_coloring_id=chosen.id)
            )
            self.chosen, self.unchosen = chosen.id, unchosen.id

    async def add_coloring(self, image: Image, **fields: object) -> int:
        async with self._database.session() as session, session.begin():
            # mypy cannot know which of the factory's arguments are among them.
            return (await make_coloring(session, image, **fields)).id  # type: ignore[arg-type]

    async def add(self, **fields: object) -> int:
        """An SVG of the chosen colouring."""
        async with self._database.session() as session, session.begin():
            row = SvgVersion(
                image_id=self.chosen_image.id,
                coloring_version_id=self.chosen,
                **{"version": 1, "status": Status.QUEUED} | fields,
            )
            session.add(row)
            await session.flush()
            return row.id

    async def load(self, version_id: int) -> SvgVersion:
        async with self._database.session() as session:
            return await session.get_one(SvgVersion, version_id)


@pytest.fixture
async def shop(
    database: Database, shop_order: MakeOrder, published: list[BaseMercureEvent]
) -> Shop:
    shop = Shop(database, await shop_order(images=3))
    await shop.color()
    published.clear()
    return shop


@pytest.fixture
async def service(database: Database) -> AsyncIterator[VectorizerService]:
    async with database.session() as session:
        yield VectorizerService(session, operator="eva")


async def test_create_uses_the_chosen_colouring(
    service: VectorizerService,
    shop: Shop,
    published: list[BaseMercureEvent],
    notifications: Notifications,
) -> None:
    view = await service.create(shop.chosen_image.id, CUTOUTS)
    assert (view.kind, view.version, view.status) == (VersionType.SVG, 1, Status.QUEUED)
    assert (view.coloring_version_id, view.options) == (shop.chosen, CUTOUTS)
    assert published == [
        ImageUpdateEvent(order_id=str(shop.order.id), image_id=shop.chosen_image.id)
    ]
    assert await notifications.heard() == ["svg"]


async def test_create_takes_a_colouring_by_name(service: VectorizerService, shop: Shop) -> None:
    view = await service.create(shop.unchosen_image.id, coloring_version_id=shop.unchosen)
    assert (view.coloring_version_id, view.options) == (shop.unchosen, SvgOptions())


async def test_where_none_is_chosen_the_newest_finished_colouring_is_taken_and_told(
    service: VectorizerService, shop: Shop
) -> None:
    done, failed = ColoringProcessingStatus.COMPLETED, ColoringProcessingStatus.ERROR
    image = shop.unchosen_image
    expected = await shop.add_coloring(image, version=2, status=done, file_ref=file_ref())
    await shop.add_coloring(image, version=3, status=failed)
    await shop.add_coloring(image, version=4, status=done)  # nothing came of it
    view = await service.create(image.id)
    assert view.coloring_version_id == expected
    assert str(view.note) == "Made of Colouring v2: none is chosen."
    assert (await service.create(shop.chosen_image.id)).note is None


async def test_create_says_that_no_colouring_is_completed(
    service: VectorizerService, shop: Shop, notifications: Notifications
) -> None:
    with pytest.raises(ConflictError, match=r"No colouring of photo 3 .* is completed; make one"):
        await service.create(shop.bare_image.id)
    assert await service.list_for_order(shop.order.order_number) == ()
    assert await notifications.heard() == []


@pytest.mark.parametrize("which", ["another image's", "unknown"])
async def test_create_refuses_a_colouring_that_is_not_the_images(
    service: VectorizerService, shop: Shop, which: str
) -> None:
    wrong = shop.chosen if which == "another image's" else 4711
    with pytest.raises(InvalidInputError, match=f"Colouring {wrong} is none of photo 2"):
        await service.create(shop.unchosen_image.id, coloring_version_id=wrong)


async def test_create_needs_a_completed_colouring(service: VectorizerService, shop: Shop) -> None:
    unfinished = set(ColoringProcessingStatus) - {ColoringProcessingStatus.COMPLETED}
    image, refusal = shop.bare_image, "no finished file; an SVG needs a completed colouring"
    for number, status in enumerate(sorted(unfinished), start=1):
        coloring_id = await shop.add_coloring(
            image, version=number, status=status, file_ref=file_ref()
        )
        with pytest.raises(ConflictError, match=refusal):
            await service.create(image.id, coloring_version_id=coloring_id)


async def test_create_needs_the_colourings_file(service: VectorizerService, shop: Shop) -> None:
    coloring_id = await shop.add_coloring(
        shop.bare_image, status=ColoringProcessingStatus.COMPLETED
    )
    with pytest.raises(ConflictError, match="no finished file"):
        await service.create(shop.bare_image.id, coloring_version_id=coloring_id)


async def test_the_same_is_not_made_twice_at_once(service: VectorizerService, shop: Shop) -> None:
    await service.create(shop.chosen_image.id, CUTOUTS)
    with pytest.raises(ConflictError, match=r"SVG v1 .* being made already"):
        await service.create(shop.chosen_image.id, CUTOUTS)
    assert (await service.create(shop.chosen_image.id)).version == 2


async def test_of_another_colouring_it_is_not_the_same(
    service: VectorizerService, shop: Shop
) -> None:
    other = await shop.add_coloring(
        shop.chosen_image,
        version=2,
        status=ColoringProcessingStatus.COMPLETED,
        file_ref=file_ref(),
    )
    await service.create(shop.chosen_image.id)
    view = await service.create(shop.chosen_image.id, coloring_version_id=other)
    assert (view.version, view.coloring_version_id) == (2, other)
    listed = await service.list_for_order(shop.order.order_number)
    assert [version.version for version in listed] == [1, 2]


async def test_an_old_clients_word_for_cutouts_is_the_same(
    service: VectorizerService, shop: Shop
) -> None:
    await shop.add(shape_stacking="none", group_by="none")
    with pytest.raises(ConflictError, match="being made already"):
        await service.create(shop.chosen_image.id, CUTOUTS)


async def test_whole_order_starts_where_a_colouring_is_completed(
    service: VectorizerService, shop: Shop
) -> None:
    reports = await service.create_for_order(shop.order.order_number)
    assert [report.version is not None for report in reports] == [True, True, False]
    notes = [None if report.version is None else report.version.note for report in reports]
    assert [str(note) for note in notes] == [
        "None",
        "Made of Colouring v1: none is chosen.",
        "None",
    ]
    assert str(reports[2].skipped).startswith("No colouring of photo 3 of ")
    again, *_ = await service.create_for_order(shop.order.order_number)
    assert str(again.skipped) == "SVG v1 is being made already."


async def test_cancelled_is_an_error_with_a_code(
    service: VectorizerService,
    shop: Shop,
    published: list[BaseMercureEvent],
    notifications: Notifications,
) -> None:
    for number, status in enumerate(sorted(Status.active_states()), start=1):
        claim = {"claimed_by": uuid.uuid4(), "claim_token": uuid.uuid4()}
        version_id = await shop.add(version=number, status=status, **claim)
        published.clear()
        view = await service.cancel(version_id)
        assert (view.status, view.error_code, str(view.error)) == (
            "error",
            "cancelled",
            "Cancelled by eva.",
        )
        row = await shop.load(version_id)
        assert (row.status, row.claimed_by, row.claim_token) == (Status.ERROR, None, None)
        assert row.completed_at is not None
        assert published == [
            ImageUpdateEvent(order_id=str(shop.order.id), image_id=shop.chosen_image.id)
        ]
        assert await notifications.heard() == [f"cancel:svg:{version_id}"]


async def test_what_was_cancelled_is_retried_alone_but_not_with_the_order(
    service: VectorizerService,
    shop: Shop,
    published: list[BaseMercureEvent],
    notifications: Notifications,
) -> None:
    version_id = await shop.add(vectorizer_job_id="token")
    await service.cancel(version_id)
    assert await notifications.heard() == [f"cancel:svg:{version_id}"]
    reports = await service.retry_failed(shop.order.order_number)
    assert [report.version for report in reports] == [None, None, None]
    published.clear()
    view = await service.retry(version_id)
    assert (view.status, view.error_code, view.completed_at) == (Status.QUEUED, None, None)
    # What was made before is taken, if Vectorizer.ai still has it.
    assert (await shop.load(version_id)).vectorizer_job_id == "token"
    assert published == [
        ImageStatusEvent(
            order_id=str(shop.order.id),
            image_id=shop.chosen_image.id,
            status_type=VersionType.SVG,
            version_id=version_id,
            status="queued",
        )
    ]
    assert await notifications.heard() == ["svg"]


async def test_select_leaves_the_colouring_alone(
    service: VectorizerService, database: Database, shop: Shop
) -> None:
    version_id = await shop.add(status=Status.COMPLETED, file_ref=file_ref("v.svg"))
    assert (await service.select(version_id, expected=None)).selected
    async with database.session() as session:
        image = await session.get_one(Image, shop.chosen_image.id)
    assert (image.selected_svg_id, image.selected_coloring_id) == (version_id, shop.chosen)
    assert image.svg_chosen_at is not None
    assert image.coloring_chosen_at is None


async def test_ids_of_colourings_are_no_ids_of_svgs(service: VectorizerService, shop: Shop) -> None:
    for act in (service.retry, service.select, service.cancel):
        with pytest.raises(NotFoundError, match=f"no SVG {shop.chosen}"):
            await act(shop.chosen)


async def test_an_svg_of_another_colouring_does_not_keep_the_chosen_one_from_its_own(
    service: VectorizerService, database: Database, shop: Shop
) -> None:
    await shop.add(status=Status.COMPLETED, file_ref=file_ref("old.svg"))
    accepted = await shop.add_coloring(
        shop.chosen_image,
        version=2,
        status=ColoringProcessingStatus.COMPLETED,
        file_ref=file_ref("c2.png"),
    )
    async with database.session() as session, session.begin():
        await session.execute(
            update(Image)
            .where(Image.id == shop.chosen_image.id)
            .values(selected_coloring_id=accepted)
        )
    first, *_ = await service.create_for_order(shop.order.order_number)
    assert first.version is not None
    assert (first.version.version, first.version.coloring_version_id) == (2, accepted)
    again, *_ = await service.create_for_order(shop.order.order_number)
    assert str(again.skipped) == "SVG v2 is being made already."
