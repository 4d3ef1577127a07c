"""The class decorator that declares which events come of a service's work."""

from __future__ import annotations

from dataclasses import dataclass

import pytest
from ulid import ULID

from fototui.db.database import Database
from fototui.db.events.session import TrackedAsyncSession, mercure_autotrack
from fototui.domain.events import (
    BaseMercureEvent,
    Change,
    ListUpdateEvent,
    Operation,
    OrderUpdateEvent,
)
from tests.factories import make_order

Published = list[BaseMercureEvent]


@mercure_autotrack(ListUpdateEvent)
class Service:
    """Makes orders."""

    def __init__(self, session: TrackedAsyncSession, *, images: int = 0) -> None:
        self.session = session
        self.images = images

    async def make(self) -> str:
        """Make one."""
        order = await make_order(self.session, images=self.images)
        return str(order.id)


@mercure_autotrack(OrderUpdateEvent)
class BroaderService(Service):
    """Wants more events than its base."""


@mercure_autotrack(ListUpdateEvent)
@dataclass(frozen=True, slots=True)
class FrozenService:
    """A dataclass."""

    session: TrackedAsyncSession


async def test_making_an_instance_tracks_its_session(
    database: Database, published: Published
) -> None:
    async with database.session() as session, session.begin():
        await Service(session, images=1).make()

    assert published == [ListUpdateEvent()]


async def test_a_subclass_adds_to_the_events_of_its_base(
    database: Database, published: Published
) -> None:
    async with database.session() as session, session.begin():
        await BroaderService(session).make()
        other = str(ULID())
        session.report(Change("Order", other, Operation.UPDATE, {"status": "error"}))

    assert published == [OrderUpdateEvent(order_id=other), ListUpdateEvent()]


async def test_a_frozen_dataclass_can_be_tracked(database: Database, published: Published) -> None:
    async with database.session() as session, session.begin():
        FrozenService(session)
        await make_order(session)

    assert published == [ListUpdateEvent()]


async def test_two_services_on_one_session_make_each_event_once(
    database: Database, published: Published
) -> None:
    async with database.session() as session, session.begin():
        Service(session)
        await Service(session).make()

    assert published == [ListUpdateEvent()]


def test_the_class_keeps_its_name_and_documentation() -> None:
    assert Service.__name__ == "Service"
    assert Service.__doc__ == "Makes orders."
    assert "session" in Service.__init__.__annotations__


def test_a_class_that_sets_no_session_is_refused_when_an_instance_is_made() -> None:
    # Each ignore is a test of its own: mypy would report it were the class no type error.
    @mercure_autotrack(ListUpdateEvent)
    class Without:  # type: ignore[type-var]  # no session
        pass

    @mercure_autotrack(ListUpdateEvent)
    class Wrong:  # type: ignore[type-var]  # a session of another kind
        def __init__(self) -> None:
            self.session = "a session"

    for cls in (Without, Wrong):
        with pytest.raises(TypeError, match=rf"{cls.__name__} .*`session`"):
            cls()
