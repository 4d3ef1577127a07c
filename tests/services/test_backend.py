"""One operator's access: what may write, and by which way."""

import uuid
from pathlib import Path

import pytest
from sqlalchemy import text, update

from fototui.db.database import Database
from fototui.db.events.session import TrackedAsyncSession
from fototui.db.models.orders import Order
from fototui.services.backend import Backend, ReadOnlyError
from fototui.services.operations.lanes import LaneService
from fototui.services.operations.presence import PresenceService
from fototui.services.orders.manual import OrderService
from fototui.services.review.service import ReviewService
from fototui.services.versions.coloring import ColoringService
from fototui.storage.directory import DirectoryStorage
from tests.services.conftest import MakeOrder


class _Renaming:
    """A service that says nothing of its writing."""

    def __init__(self, session: TrackedAsyncSession, *, operator: str) -> None:
        self.session = session

    async def by_statement(self) -> None:
        async with self.session.begin():
            await self.session.execute(update(Order).values(customer_name="x"))

    async def by_text(self) -> None:
        async with self.session.begin():
            await self.session.execute(text("UPDATE orders SET customer_name = 'x'"))


@pytest.fixture
def storage(tmp_path: Path) -> DirectoryStorage:
    return DirectoryStorage(tmp_path)


@pytest.fixture
def looking(database: Database, storage: DirectoryStorage) -> Backend:
    """A read-only terminal's."""
    return Backend(database, storage, operator="eva", read_only=True)


async def test_what_only_reads_cannot_write(
    database: Database, storage: DirectoryStorage, shop_order: MakeOrder
) -> None:
    order = await shop_order()
    backend = Backend(database, storage, operator="eva")
    async with backend.autocommit(_Renaming) as service:
        with pytest.raises(TypeError, match="only reads"):
            await service.by_statement()
        with pytest.raises(TypeError, match="only reads"):
            await service.by_text()
    async with backend.autocommit(OrderService) as orders:
        assert (await orders.get_order(str(order.id))).customer_name == order.customer_name
    async with backend.transaction(_Renaming) as service:
        await service.by_statement()
    async with backend.autocommit(OrderService) as orders:
        assert (await orders.get_order(str(order.id))).customer_name == "x"


async def test_a_read_only_terminal_reads_and_signs_in_and_no_more(looking: Backend) -> None:
    here = uuid.uuid4()
    async with looking.autocommit(PresenceService) as presence:
        await presence.here(here, "host", "orders", None)
        others = await presence.here(uuid.uuid4(), "host", "orders", None)
    assert [other.terminal_id for other in others] == [here]
    async with looking.autocommit(LaneService) as lanes:
        assert await lanes.list_lanes()
    with pytest.raises(ReadOnlyError):
        async with looking.transaction(ColoringService):
            pytest.fail("it would have written")
    with pytest.raises(ReadOnlyError):
        async with looking.autocommit(ReviewService):
            pytest.fail("it would have claimed a picture")
