"""Whatever happens, in any order and with any events lost: the store comes to the truth."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Iterator, Sequence
from contextlib import AsyncExitStack
from dataclasses import dataclass, field
from datetime import timedelta
from pathlib import Path
from typing import TypeVar

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlalchemy import delete, select, text

from fototui.db.database import Database
from fototui.db.events.session import TrackedAsyncSession
from fototui.db.models.orders import ColoringVersion, Image, LineItem, Order
from fototui.domain.events import (
    BaseMercureEvent,
    ImageStatusEvent,
    ImageUpdateEvent,
    ListUpdateEvent,
    OrderUpdateEvent,
    parse_event,
)
from fototui.domain.statuses import ColoringProcessingStatus as S
from fototui.domain.statuses import OrderStatus
from fototui.live.store import LiveStore
from fototui.services.backend import Backend
from fototui.services.changes import LiveService
from fototui.storage.directory import DirectoryStorage
from tests.factories import make_coloring, make_order
from tests.live.conftest import Truth

T = TypeVar("T")
_NEVER = 1e6


@dataclass
class World:
    """A shop, and one operator's store of it."""

    database: Database
    published: list[BaseMercureEvent]
    store: LiveStore
    late: AsyncExitStack = field(default_factory=AsyncExitStack)
    opened: list[str] = field(default_factory=list)

    async def _some(self, session: TrackedAsyncSession, model: type[T], which: int) -> T | None:
        rows = list(await session.scalars(select(model).order_by(text("id"))))
        return rows[which % len(rows)] if rows else None

    async def add_order(self, session: TrackedAsyncSession, which: int) -> None:
        await make_order(session, images=which % 3)

    async def change_order(self, session: TrackedAsyncSession, which: int) -> None:
        if order := await self._some(session, Order, which):
            order.status = list(OrderStatus)[which % len(OrderStatus)]

    async def move_order(self, session: TrackedAsyncSession, which: int) -> None:
        if order := await self._some(session, Order, which):
            order.created_at += timedelta(minutes=which % 5 - 2)

    async def delete_order(self, session: TrackedAsyncSession, which: int) -> None:
        order = await self._some(session, Order, which)
        if order is None:
            return
        items = select(LineItem.id).where(LineItem.order_id == order.id)
        images = select(Image.id).where(Image.line_item_id.in_(items))
        await session.execute(
            text("UPDATE images SET selected_coloring_id = NULL WHERE selected_coloring_id > 0")
        )
        await session.execute(delete(ColoringVersion).where(ColoringVersion.image_id.in_(images)))
        await session.execute(delete(Image).where(Image.line_item_id.in_(items)))
        await session.execute(delete(LineItem).where(LineItem.order_id == order.id))
        await session.delete(order)

    async def add_version(self, session: TrackedAsyncSession, which: int) -> None:
        if image := await self._some(session, Image, which):
            query = select(ColoringVersion.version).where(ColoringVersion.image_id == image.id)
            last = max(await session.scalars(query), default=0)
            await make_coloring(session, image, version=last + 1)

    async def move_version(self, session: TrackedAsyncSession, which: int) -> None:
        if version := await self._some(session, ColoringVersion, which):
            version.status = list(S)[which % len(S)]

    async def choose(self, session: TrackedAsyncSession, which: int) -> None:
        if version := await self._some(session, ColoringVersion, which):
            image = await session.get_one(Image, version.image_id)
            chosen = image.selected_coloring_id
            image.selected_coloring_id = None if chosen == version.id else version.id

    async def delete_version(self, session: TrackedAsyncSession, which: int) -> None:
        if version := await self._some(session, ColoringVersion, which):
            image = await session.get_one(Image, version.image_id)
            if image.selected_coloring_id != version.id:
                await session.delete(version)

    async def add_late(self, _: TrackedAsyncSession, which: int) -> None:
        """An order whose transaction ends only with the test."""
        session = await self.late.enter_async_context(self.database.session())
        await self.late.enter_async_context(session.begin())
        await make_order(session, images=which % 2)

    async def open(self, _: TrackedAsyncSession, which: int) -> None:
        if self.store.listing and len(self.opened) < 3:
            order_id = self.store.listing[which % len(self.store.listing)]
            async with self.database.autocommit() as session:
                if await session.get(Order, order_id) is None:
                    return
            await self.store.open(order_id)
            self.opened.append(order_id)

    async def do(self, command: str, which: int) -> None:
        async with self.database.session() as session, session.begin():
            session.track_changes(
                OrderUpdateEvent, ListUpdateEvent, ImageUpdateEvent, ImageStatusEvent
            )
            await getattr(self, command)(session, which)

    async def hear(self, keep: Sequence[bool], *, backwards: bool) -> None:
        """Some of the events that are on their way arrive; the others are lost."""
        events, self.published[:] = list(self.published), []
        for place, event in enumerate(reversed(events) if backwards else events):
            if keep[place % len(keep)] and (parsed := parse_event(event.model_dump_json())):
                self.store._model.hear(parsed)

    async def is_true(self) -> bool:
        for order_id in self.opened:
            async with self.database.autocommit() as session:
                detail = await LiveService(session, operator="truth").detail(order_id)
            shown = self.store.detail(order_id)
            if (shown and shown.images) != (detail and detail.images):
                return False
        return await Truth(self.database).is_in(self.store)


COMMANDS = (
    "add_order", "change_order", "move_order", "delete_order", "add_version", "move_version",
    "move_version", "move_version", "choose", "delete_version", "add_late", "open",
)  # fmt: skip

_acts = st.lists(
    st.tuples(
        st.lists(st.tuples(st.sampled_from(COMMANDS), st.integers(0, 200)), max_size=4),
        st.lists(st.booleans(), min_size=1, max_size=5),  # which events arrive
        st.booleans(),  # in their order, or backwards
        st.sampled_from(["no frame", "frame", "poll"]),
        st.integers(0, 30),  # how far the frame is when the events arrive
    ),
    max_size=7,
)


class Stage:
    """A database and a loop for many examples."""

    def __init__(self, url: str, folder: Path, runner: asyncio.Runner) -> None:
        self.published: list[BaseMercureEvent] = []
        self.runner = runner
        self.database = Database(url, publish=self.published.append)
        self.backend = Backend(self.database, DirectoryStorage(folder), operator="jana")

    def play(self, story: Callable[[World], Awaitable[None]]) -> None:
        async def act() -> None:
            async with self.database.autocommit() as session:
                await session.execute(text("TRUNCATE orders CASCADE"))
            self.published.clear()
            await story(World(self.database, self.published, LiveStore(self.backend)))

        self.runner.run(act())


@pytest.fixture(scope="module")
def runner() -> Iterator[asyncio.Runner]:
    with asyncio.Runner() as runner:
        yield runner


@pytest.fixture
def stage(database_url: str, tmp_path: Path, runner: asyncio.Runner) -> Iterator[Stage]:
    stage = Stage(database_url, tmp_path, runner)
    yield stage
    runner.run(stage.database.aclose())


@settings(
    max_examples=20, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(acts=_acts)
def test_the_store_comes_to_equal_a_fresh_reading(
    stage: Stage,
    acts: list[tuple[list[tuple[str, int]], list[bool], bool, str, int]],
) -> None:
    async def story(world: World) -> None:
        reader = world.store._reader
        async with world.late:
            for command in ("add_order", "add_version"):
                await world.do(command, 1)
            await reader.step(poll_seconds=_NEVER)
            for commands, keep, backwards, frame, place in acts:
                for command, which in commands:
                    await world.do(command, which)
                poll_seconds = 0 if frame == "poll" else _NEVER
                step = asyncio.create_task(reader.step(poll_seconds=poll_seconds))
                if frame == "no frame":
                    await step
                for _ in range(place):
                    await asyncio.sleep(0)
                await world.hear(keep, backwards=backwards)
                await step
        # All that is left to the store is a poll, as it comes by itself.
        await reader.step(poll_seconds=0)
        while await reader.step(poll_seconds=_NEVER) or reader.is_behind:
            pass
        assert await world.is_true()

    stage.play(story)
