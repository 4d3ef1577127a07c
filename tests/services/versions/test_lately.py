"""What options took lately, and what is wrong with the picture."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from decimal import Decimal

import pytest
from sqlalchemy import func, text

from fototui.db.database import Database
from fototui.db.models.orders import Image
from fototui.domain.options import ColoringOptions, SvgOptions
from fototui.domain.statuses import VersionType
from fototui.services.versions.lately import Known, LatelyService
from tests.factories import make_call, make_coloring
from tests.services.conftest import MakeOrder

PLAIN = {"megapixels": 1.0, "steps": 4}


async def known(database: Database, kind: VersionType, image: Image) -> Known:
    async with database.autocommit() as session:
        return await LatelyService(session, operator="eva").known(kind, image.id)


@pytest.mark.quick
async def test_the_average_of_what_succeeded(database: Database, shop_order: MakeOrder) -> None:
    order = await shop_order()
    image = order.line_items[0].images[0]
    old = datetime.now(UTC) - timedelta(days=31)
    async with database.session() as session, session.begin():
        for fields in (
            {"execution_ms": 10_000},
            {"execution_ms": 20_000},
            {"execution_ms": 90_000, "outcome": "failed"},
            {"execution_ms": 90_000, "began_at": old},
            {"execution_ms": 30_000, "options": {"megapixels": 2, "steps": 8}},
            {"execution_ms": 1, "options": {"colour": "red"}},
        ):
            session.add(make_call(order, **{"options": PLAIN, "ended_at": func.now()} | fields))
        session.add(
            make_call(
                order,
                kind="svg",
                options={"shape_stacking": "stacked", "group_by": "color"},
                began_at=func.now() - timedelta(seconds=12),
                ended_at=func.now(),
                credits=Decimal(1),
            )
        )
    found = await known(database, VersionType.COLORING, image)
    assert found.note is None
    taken = found.lately[ColoringOptions()]
    assert (taken.calls, taken.seconds, taken.spent.execution_ms) == (2, 15.0, 15_000)
    assert found.lately.keys() == {ColoringOptions(), ColoringOptions(2.0, 8)}
    svg = (await known(database, VersionType.SVG, image)).lately[SvgOptions()]
    assert (svg.seconds, svg.spent.credits) == (12.0, 1.0)


async def test_the_note_of_the_picture(database: Database, shop_order: MakeOrder) -> None:
    image, other = (await shop_order(images=2)).line_items[0].images
    async with database.session() as session, session.begin():
        await make_coloring(session, image)
        await session.execute(
            text(
                "INSERT INTO reviews (image_id, kind, waiting_since, note) "
                "VALUES (:id, 'coloring', now(), 'half a face')"
            ),
            {"id": image.id},
        )
    assert (await known(database, VersionType.COLORING, image)).note == "half a face"
    assert (await known(database, VersionType.SVG, image)).note is None
    assert (await known(database, VersionType.COLORING, other)).note is None
