"""What there is in a shop, old and new."""

from __future__ import annotations

from fototui.db.database import Database
from fototui.domain.statuses import ColoringProcessingStatus as C
from fototui.domain.statuses import SvgProcessingStatus as S
from fototui.domain.statuses import VersionType
from fototui.services.operations.stats import ShopStats, StatsService
from tests.factories import make_coloring, make_order, make_svg


async def _shop(database: Database) -> ShopStats:
    async with database.autocommit() as session:
        return await StatsService(session, operator="test").shop()


async def test_an_empty_shop_has_nothing_of_everything(database: Database) -> None:
    assert await _shop(database) == ShopStats(
        0,
        0,
        0,
        {
            VersionType.COLORING: {"completed": 0, "error": 0, "runpod_cancelled": 0},
            VersionType.SVG: {"completed": 0, "error": 0},
        },
        items=0,
        books={"completed": 0, "error": 0},
        finished=0,
    )


async def test_each_image_counts_by_its_newest_version(database: Database) -> None:
    async with database.session() as session, session.begin():
        imported = await make_order(session, images=2)
        by_hand = await make_order(session, images=1)
        imported.shopify_id, by_hand.shopify_id = 5001, None
        image = imported.line_items[0].images[0]
        done = await make_coloring(session, image, version=1, status=C.COMPLETED)
        await make_coloring(session, image, version=2, status=C.QUEUED)
        await make_svg(session, done, version=1, status=S.COMPLETED)
    shop = await _shop(database)
    assert (shop.orders, shop.imported, shop.images) == (2, 1, 3)
    assert shop.newest == {
        VersionType.COLORING: {
            "queued": 1,
            "missing": 2,
            "completed": 0,
            "error": 0,
            "runpod_cancelled": 0,
        },
        VersionType.SVG: {"completed": 1, "missing": 2, "error": 0},
    }
    assert (shop.items, shop.books, shop.finished) == (
        2,
        {"missing": 2, "completed": 0, "error": 0},
        0,
    )
