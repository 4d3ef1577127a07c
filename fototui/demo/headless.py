"""A headless demo: orders come in, an engine makes everything, a subscriber follows."""

import time
from collections.abc import Mapping
from pathlib import Path

from fototui.demo.follower import Follower
from fototui.demo.orders import place_orders
from fototui.demo.report import EventCounts, Report
from fototui.demo.stack import DemoStack, Say, open_stack, state_folder
from fototui.domain.events import BaseMercureEvent, ImageStatusEvent, ImageUpdateEvent
from fototui.domain.flags import ProcessingStatusEnum
from fototui.domain.options import SvgOptions
from fototui.domain.statuses import (
    BookProcessingStatus,
    ColoringProcessingStatus,
    SvgProcessingStatus,
)
from fototui.engine.engine import Engine
from fototui.i18n import _, translate
from fototui.runtime.compose import Runtime, book_options, default_options, open_engine
from fototui.sandbox.outcomes import Latency
from fototui.services.books.service import BookService
from fototui.services.ingest.imports import ImportService
from fototui.services.operations.stats import ShopStats, StatsService
from fototui.services.orders.finishing import FinishService
from fototui.services.orders.manual import OrderService
from fototui.services.versions.coloring import ColoringService
from fototui.services.versions.svg import VectorizerService
from fototui.services.views.orders import OrderCursor
from fototui.services.views.versions import StartReport
from fototui.widgets.version_words import kind_word

_OPERATOR = "demo"
# Long enough that every status can be seen passing, short enough not to be waited for.
LATENCY = Latency(queue=0.2, run=0.4, spread=0.5)
_LAST_EVENTS_SECONDS = 10.0
# Of all steps, those that a newcomer has to wait for.
_TOLD: Mapping[str, ProcessingStatusEnum] = {
    status.value: status
    for kind in (ColoringProcessingStatus, SvgProcessingStatus)
    for status in kind.awaiting_external_states()
}


class HeadlessDemo:
    """One run of the demo.

    Args:
        orders: How many orders there shall be.
        seed: Makes orders and chances repeatable.
        say: Told what happens.
    """

    def __init__(self, *, orders: int, seed: int, say: Say) -> None:
        self._orders = orders
        self._seed = seed
        self._began = time.monotonic()
        self._tell = say

    async def run(self, folder: Path | None) -> Report:
        """Run it.

        Args:
            folder: Keeps all state; None for one that is removed at the end.

        Returns:
            What there is at the end.
        """
        with state_folder(folder) as state:
            async with open_stack(
                state,
                say=self._say,
                operator=_OPERATOR,
                seed=self._seed,
                latency=LATENCY,
                durable=folder is not None,
            ) as stack:
                return await self._work(stack)

    async def _work(self, stack: DemoStack) -> Report:
        runtime = stack.runtime
        follower = Follower(runtime.settings, self._on_event)
        async with follower.following():
            self._say(_("A subscriber follows the live events"))
            await self._place_orders(stack)
            async with open_engine(runtime) as engine:
                self._say(_("An engine works"))
                await self._import_orders(runtime, engine)
                self._say(_("All photos are here; now their colourings"))
                await self._make_colorings(runtime, engine)
                self._say(_("All colourings are made; now their SVGs"))
                await self._make_svgs(runtime, engine)
                self._say(_("All SVGs are made; now their books"))
                await self._make_books(runtime, engine)
            await runtime.publisher.close()
            published = runtime.publisher.stats.published
            await follower.wait_for(published, seconds=_LAST_EVENTS_SECONDS)
        events = EventCounts(
            published=published,
            received=follower.received,
            lost=max(0, published - follower.received),
        )
        report = await Report.make(
            await _stats(runtime), runtime.storage, events, seconds=time.monotonic() - self._began
        )
        self._say(
            _(
                "Orders: {orders}, photos: {photos}, colourings: {colourings}, SVGs: {svgs}, "
                "books: {books}, files: {files}; events seen: {received} of {published}"
            ).format(
                orders=report.orders,
                photos=report.images,
                colourings=report.coloring["completed"],
                svgs=report.svg["completed"],
                books=report.books["completed"],
                files=len(report.files),
                received=events.received,
                published=events.published,
            )
        )
        return report

    async def _place_orders(self, stack: DemoStack) -> None:
        existing = (await _stats(stack.runtime)).imported
        if existing:
            self._say(_("Orders from an earlier run: {count}").format(count=existing))
        # The shop forgets all when it stops, so those from an earlier run are placed again.
        number = max(self._orders, existing)
        for order in place_orders(stack.shop, stack.cdn_url, number, seed=self._seed):
            customer = f"{order.first_name} {order.last_name}"
            words = _("Order {number} is placed by {customer}")
            self._say(words.format(number=order.name, customer=customer))

    async def _import_orders(self, runtime: Runtime, engine: Engine) -> None:
        async with runtime.database.session() as session:
            service = ImportService(session, operator=_OPERATOR, shop=runtime.shopify)
            report = await service.import_recent()
        self._say(
            _("Orders imported: {imported}, updated: {updated}, known: {known}").format(
                imported=len(report.imported),
                updated=len(report.updated),
                known=len(report.skipped),
            )
        )
        for failure in report.failed:
            words = _("Order {number}: {reason}")
            self._say(words.format(number=failure.number, reason=translate(failure.reason)))
        await engine.drain()

    async def _make_colorings(self, runtime: Runtime, engine: Engine) -> None:
        for number in await _numbers(runtime):
            async with runtime.database.session() as session:
                service = ColoringService(session, operator=_OPERATOR)
                self._say_skipped(
                    await service.create_for_order(number, default_options(runtime.settings))
                )
        await engine.drain()

    async def _make_svgs(self, runtime: Runtime, engine: Engine) -> None:
        for number in await _numbers(runtime):
            async with runtime.database.session() as session:
                service = VectorizerService(session, operator=_OPERATOR)
                self._say_skipped(await service.create_for_order(number, SvgOptions()))
        await engine.drain()

    async def _make_books(self, runtime: Runtime, engine: Engine) -> None:
        numbers = await _numbers(runtime)
        for number in numbers:
            async with runtime.database.session() as session:
                service = BookService(session, operator=_OPERATOR)
                await service.create_for_order(number, book_options(runtime.settings))
        await engine.drain()
        for number in numbers:
            async with runtime.database.session() as session:
                books = await BookService(session, operator=_OPERATOR).list_books(number)
                if books and all(book.status is BookProcessingStatus.COMPLETED for book in books):
                    await FinishService(session, operator=_OPERATOR).finish([number])

    def _on_event(self, event: BaseMercureEvent) -> None:
        match event:
            case ImageStatusEvent(status_type=kind, status=value) if value in _TOLD:
                status = _(_TOLD[value].meta.display)
                words = _("Live: photo {id}, {kind}: {status}")
                self._say(words.format(id=event.image_id, kind=kind_word(kind), status=status))
            case ImageUpdateEvent():
                self._say(_("Live: photo {id} has news").format(id=event.image_id))

    def _say_skipped(self, reports: tuple[StartReport, ...]) -> None:
        for report in reports:
            if report.skipped is not None:
                words = _("photo {place}: {words}")
                self._say(words.format(place=report.position, words=translate(report.skipped)))

    def _say(self, line: str) -> None:
        self._tell(f"{time.monotonic() - self._began:5.1f} s  {line}")


async def _stats(runtime: Runtime) -> ShopStats:
    async with runtime.database.session() as session:
        return await StatsService(session, operator=_OPERATOR).shop()


async def _numbers(runtime: Runtime) -> list[str]:
    """The numbers of all orders, the oldest first."""
    numbers: list[str] = []
    before: OrderCursor | None = None
    while True:
        async with runtime.database.session() as session:
            service = OrderService(session, operator=_OPERATOR)
            page = await service.list_orders(limit=1000, before=before)
        numbers += [order.number for order in page.orders]
        before = page.next
        if before is None:
            return numbers[::-1]
