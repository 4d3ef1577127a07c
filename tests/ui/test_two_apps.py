"""Two operators at two terminals with one database between them, pressing keys at once."""

from __future__ import annotations

import asyncio
import io
import re
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass, field
from zoneinfo import ZoneInfo

import pytest
from PIL import Image as Picture
from sqlalchemy import text
from textual.widgets import Static

from fototui.app import FototuiApp
from fototui.db.database import Database
from fototui.db.models.orders import Order
from fototui.domain.books import BookOptions
from fototui.domain.statuses import ColoringProcessingStatus
from fototui.i18n import set_language
from fototui.live.order_list import Tab
from fototui.live.store import LiveStore
from fototui.screens.dialogs import Confirm
from fototui.screens.order.screen import OrderScreen
from fototui.screens.orders.screen import OrdersScreen
from fototui.screens.review.screen import ReviewScreen
from fototui.services.backend import Backend
from fototui.services.books.service import BookService
from fototui.storage.directory import DirectoryStorage
from fototui.ui.context import AppSettings
from fototui.ui.preferences import Preferences
from tests.factories import choose_svgs, file_ref, make_coloring, make_order
from tests.ui.conftest import AppPilot
from tests.ui.pages import ReviewPage, messages
from tests.waiting import in_time, until_shown

NAMES = ("jana", "petr")


@dataclass
class Operator:
    """One of the two at her or his app.

    Args:
        name: Who.
        app: The app.
        pilot: The hands.
        together: Both wait here for each other.
        judged: Images of pictures that were accepted here, in their order.
    """

    name: str
    app: FototuiApp
    pilot: AppPilot
    together: asyncio.Barrier
    judged: list[int] = field(default_factory=list)

    @property
    def messages(self) -> str:
        return messages(self.app)

    async def see(self, condition: Callable[[], object]) -> None:
        await until_shown(self.pilot, condition)

    async def press_with_the_other(self, *keys: str) -> None:
        """Press keys at the moment at which the other one does."""
        await self.together.wait()
        await self.pilot.press(*keys)

    @property
    def order(self) -> OrderScreen:
        screen = next(s for s in self.app.screen_stack if isinstance(s, OrderScreen))
        assert isinstance(screen, OrderScreen)
        return screen

    async def open(self, order: Order, *, versions: int) -> None:
        self.app.open_order(str(order.id))
        await self.see(lambda: isinstance(self.app.screen, OrderScreen))
        await self.see(lambda: len(self.order.selection.versions) == versions)

    def chosen(self) -> int | None:
        """The number of the version that the order screen shows as the chosen one."""
        selection = self.order.selection
        if selection.image is None:
            return None
        wanted = selection.image.chosen_id(selection.kind)
        return next((view.version for view in selection.versions if view.id == wanted), None)


Work = Callable[[Operator], Awaitable[object]]


@dataclass(frozen=True)
class Office:
    """Where they work."""

    database: Database
    storage: DirectoryStorage

    async def work(self, work: Work) -> dict[str, Operator]:
        """Let both do their work, each in a task of her or his own; gives what became of them."""
        together = asyncio.Barrier(len(NAMES))
        async with in_time(), asyncio.TaskGroup() as tasks:
            done = [tasks.create_task(self._at_a_desk(name, together, work)) for name in NAMES]
        return {task.result().name: task.result() for task in done}

    async def _at_a_desk(self, name: str, together: asyncio.Barrier, work: Work) -> Operator:
        backend = Backend(self.database, self.storage, operator=name)
        app = FototuiApp(
            backend,
            LiveStore(backend, poll_seconds=0.2, hub_patience_seconds=0),
            AppSettings(ZoneInfo("Europe/Prague")),
            Preferences(language="en"),
            home=OrdersScreen,
        )
        async with app.run_test(size=(100, 30)) as pilot:
            operator = Operator(name, app, pilot, together)
            await operator.see(lambda: app.store.is_complete and app.store.lanes)
            await work(operator)
            await together.wait()  # nobody leaves before the other has seen all
        return operator

    async def do(self, sql: str) -> None:
        async with self.database.session() as session, session.begin():
            await session.execute(text(sql))

    async def ask(self, sql: str) -> Sequence[object]:
        async with self.database.session() as session:
            return list(await session.scalars(text(sql)))


@pytest.fixture
def office(database: Database, storage: DirectoryStorage) -> Office:
    set_language("en")
    return Office(database, storage)


def png() -> bytes:
    target = io.BytesIO()
    Picture.new("RGB", (32, 24), "teal").save(target, "PNG")
    return target.getvalue()


async def add_order(
    office: Office, *, images: int, versions: Sequence[ColoringProcessingStatus]
) -> Order:
    """An order whose images have such colourings; the first completed one is chosen."""
    done = ColoringProcessingStatus.COMPLETED
    async with office.database.session() as session, session.begin():
        order = await make_order(session, images=images)
        for image in order.line_items[0].images:
            for number, status in enumerate(versions, 1):
                ref = file_ref(f"{image.id}/v{number}.png") if status is done else None
                row = await make_coloring(
                    session, image, version=number, status=status, file_ref=ref
                )
                if ref is not None and image.selected_coloring_id is None:
                    image.selected_coloring_id = row.id
    for image in order.line_items[0].images:
        assert image.file_ref is not None
        keys = [image.file_ref.key, *(f"{image.id}/v{n}.png" for n in range(1, len(versions) + 1))]
        for key in keys:
            await office.storage.put(key, png(), content_type="image/png")
    return order


DONE, ERROR = ColoringProcessingStatus.COMPLETED, ColoringProcessingStatus.ERROR


async def test_reviewing_at_once_judges_every_picture_once(office: Office) -> None:
    orders = [await add_order(office, images=2, versions=[DONE]) for _ in range(3)]
    images = {image.id for order in orders for image in order.line_items[0].images}

    async def work(me: Operator) -> None:
        orders_screen = me.app.screen
        assert isinstance(orders_screen, OrdersScreen)
        await me.see(lambda: orders_screen.list.count(Tab.TO_REVIEW) == len(orders))
        await me.press_with_the_other("v")
        await me.see(lambda: isinstance(me.app.screen, ReviewScreen))
        review = ReviewPage(me.app)

        def is_next() -> bool:
            return review.shown is not None and review.shown not in me.judged

        while True:
            await me.see(lambda: review.is_over or is_next())
            if review.is_over:
                break
            assert review.shown is not None
            me.judged.append(review.shown)
            await me.pilot.press("enter")
        words = review.words("empty")
        assert re.search(rf"Approved +{len(me.judged)}\n", words)
        await me.pilot.press("escape")
        # Both lists say what both have done.
        await me.see(lambda: orders_screen.list.count(Tab.TO_REVIEW) == 0)

    both = await office.work(work)

    judged = both["jana"].judged + both["petr"].judged
    assert sorted(judged) == sorted(images)
    assert both["jana"].judged
    assert both["petr"].judged
    assert await office.ask("SELECT DISTINCT decision FROM reviews") == ["accepted"]
    # Each by whom the log says, and by nobody else.
    for name, operator in both.items():
        logged = await office.ask(
            f"SELECT image_id FROM activity WHERE operator = '{name}' AND action = 'selected'"
            " ORDER BY id"
        )
        assert logged == operator.judged


async def test_choosing_at_once_asks_the_one_who_came_late(office: Office) -> None:
    order = await add_order(office, images=1, versions=[DONE, DONE, DONE])
    wanted = {"jana": "2", "petr": "3"}

    async def work(me: Operator) -> None:
        await me.open(order, versions=3)
        assert me.chosen() == 1
        await me.pilot.press(wanted[me.name])
        await me.press_with_the_other("enter")
        asked = [False]

        def is_answered() -> bool:
            asked[0] = isinstance(me.app.screen, Confirm)
            return asked[0] or f"v{wanted[me.name]} is chosen" in me.messages

        await me.see(is_answered)
        if asked[0]:
            other = NAMES[1 - NAMES.index(me.name)]
            dialog = me.app.screen
            assert isinstance(dialog, Confirm)
            assert other in " ".join(str(w.render()) for w in dialog.query(Static))
            me.judged.append(0)  # asked
            await me.pilot.press("escape")
            await me.see(lambda: me.app.screen is me.order)
            await me.see(lambda: me.chosen() == int(wanted[other]))
        else:
            await me.see(lambda: me.chosen() == int(wanted[me.name]))

    both = await office.work(work)

    asked = [name for name, operator in both.items() if operator.judged]
    (late,) = asked
    (first,) = set(NAMES) - {late}
    chosen = await office.ask(
        "SELECT v.version FROM images i JOIN coloring_versions v ON v.id = i.selected_coloring_id"
    )
    assert chosen == [int(wanted[first])]
    selected = "SELECT operator FROM activity WHERE action = 'selected'"
    assert await office.ask(selected) == [first]


async def test_retrying_at_once_makes_it_once(office: Office) -> None:
    order = await add_order(office, images=1, versions=[ERROR])

    async def work(me: Operator) -> None:
        await me.open(order, versions=1)
        await me.press_with_the_other("r")
        await me.see(lambda: "v1 " in me.messages)
        # Whoever did it, both see it wait.
        await me.see(lambda: me.order.selection.versions[0].status == "queued")

    both = await office.work(work)

    assert sorted("asked for once more" in operator.messages for operator in both.values()) == [
        False,
        True,
    ]
    log = "SELECT action FROM activity WHERE action = 'retried'"
    assert await office.ask(log) == ["retried"]
    assert await office.ask("SELECT status::text FROM coloring_versions") == ["queued"]


async def test_each_sees_at_once_what_the_other_does(office: Office) -> None:
    order = await add_order(office, images=1, versions=[DONE, DONE])

    async def work(me: Operator) -> None:
        await me.open(order, versions=2)
        if me.name == "jana":
            await me.pilot.press("2", "enter")
            await me.see(lambda: me.chosen() == 2)
            await me.see(lambda: len(me.order.selection.versions) == 3)
            await me.pilot.press("ctrl+z")
            await me.see(lambda: "back in the review" in me.messages)
        else:
            await me.see(lambda: "v2 is the chosen one now" in me.messages)
            await me.see(lambda: me.app.store.orders[str(order.id)].waiting == 0)
            await me.pilot.press("g")
            await me.see(lambda: len(me.order.selection.versions) == 3)
            await me.see(lambda: me.chosen() == 1)

    await office.work(work)


async def add_ready_order(office: Office) -> Order:
    """An order of which each picture has its chosen SVG."""
    async with office.database.session() as session, session.begin():
        order = await make_order(session, images=2)
        await choose_svgs(session, order)
        await session.execute(text("UPDATE reviews SET decision = 'accepted'"))
    return order


async def test_making_a_book_at_once_makes_one(office: Office) -> None:
    order = await add_ready_order(office)

    async def work(me: Operator) -> None:
        me.app.open_order(str(order.id))
        await me.see(lambda: isinstance(me.app.screen, OrderScreen))
        await me.see(lambda: me.order.selection.detail)
        await me.press_with_the_other("b")
        await me.see(lambda: me.messages)
        # Whoever asked for it, both see it wait.
        line = me.app.screen.query_one("#books", Static)
        await me.see(lambda: str(line.render()).strip().startswith("Book v1 · "))

    both = await office.work(work)

    assert sorted("Queued: 1 book" in operator.messages for operator in both.values()) == [
        False,
        True,
    ]
    (late,) = (me for me in both.values() if "Queued: 1 book" not in me.messages)
    assert "Book v1 of Omalovánka 1 is being made already" in late.messages
    assert await office.ask("SELECT version FROM books") == [1]
    assert await office.ask("SELECT action FROM activity WHERE action = 'requested'") == [
        "requested"
    ]


async def test_handing_over_at_once_is_done_by_one(office: Office) -> None:
    order = await add_ready_order(office)
    async with office.database.session() as session:
        await BookService(session, operator="eva").create_for_order(str(order.id), BookOptions())
    await office.do("UPDATE books SET status = 'completed'")

    async def work(me: Operator) -> None:
        me.app.open_order(str(order.id))
        await me.see(lambda: isinstance(me.app.screen, OrderScreen))
        await me.see(lambda: me.order.selection.detail)
        await me.see(lambda: str(me.app.store.orders[str(order.id)].stage) == "to hand over")
        await me.press_with_the_other(".")
        await me.see(lambda: me.messages)
        await me.see(lambda: str(me.app.store.orders[str(order.id)].stage) == "done")

    both = await office.work(work)

    (first,) = await office.ask("SELECT finished_by FROM orders")
    late = next(me for name, me in both.items() if name != first)
    assert f"{order.order_number} is handed over." in both[str(first)].messages
    # Where the news came before the key, the screen knows it itself.
    assert (
        f"{order.order_number} was handed over already, by somebody else." in late.messages
        or "It is done; there is no next step." in late.messages
    )
    assert await office.ask("SELECT operator FROM activity WHERE action = 'finished'") == [first]
