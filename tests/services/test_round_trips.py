"""What an operator far from the database waits for: the round trips of each act."""

from collections.abc import Awaitable

from fototui.db.database import Database
from fototui.domain.events import BaseMercureEvent
from fototui.domain.options import ColoringOptions
from fototui.domain.statuses import ColoringProcessingStatus as Status
from fototui.services.versions.coloring import ColoringService
from tests.factories import file_ref, make_coloring
from tests.pgproxy import PgProxy
from tests.services.conftest import MakeOrder


async def test_an_act_takes_few_round_trips_however_big_the_order(
    database: Database, database_url: str, shop_order: MakeOrder
) -> None:
    orders = [await shop_order(images=20) for _ in range(2)]
    failed, done = [], []
    async with database.session() as session, session.begin():
        for order in orders:
            image = order.line_items[0].images[0]
            failed.append((await make_coloring(session, image, status=Status.ERROR)).id)
            row = await make_coloring(
                session, image, version=2, status=Status.COMPLETED, file_ref=file_ref()
            )
            done.append(row.id)
    events: list[BaseMercureEvent] = []
    async with (
        PgProxy(database_url) as proxy,
        Database(proxy.url, publish=events.append) as far,
        far.session() as session,
    ):
        service = ColoringService(session, operator="eva")

        async def count(act: Awaitable[object]) -> int:
            with proxy.counting() as trips:
                await act
            return trips.total

        counted = {}
        # The first round prepares the statements.
        for order, failed_id, done_id in zip(orders, failed, done, strict=True):
            image_id = order.line_items[0].images[1].id
            counted = {
                "create": await count(service.create(image_id, ColoringOptions(steps=9))),
                "retry": await count(service.retry(failed_id)),
                "cancel": await count(service.cancel(failed_id)),
                "select": await count(service.select(done_id, expected=None)),
                "whole order": await count(service.create_for_order(order.order_number)),
            }
    # Two of each are the transaction's own; the events cost none.
    assert counted == {"create": 7, "retry": 7, "cancel": 6, "select": 6, "whole order": 7}
    assert len(events) > 0
