"""How many pictures of an order wait in the review: what the list tells, and what it costs."""

from __future__ import annotations

import json
from typing import Any

from sqlalchemy import text
from sqlalchemy.dialects import postgresql

from fototui.db.database import Database
from fototui.db.models.orders import Order
from fototui.services.orders import queries as order_queries
from fototui.services.orders.manual import OrderService
from tests.services.conftest import MakeOrder

FILL = """
INSERT INTO orders (id, order_number, status, created_at, updated_at)
    SELECT gen_random_uuid(), '#' || n, 'ready_for_review', now() - n * interval '1 min', now()
    FROM generate_series(1, 2000) n;
INSERT INTO line_items (order_id, position, title, quantity) SELECT id, 1, 'x', 1 FROM orders;
INSERT INTO images (line_item_id, position)
    SELECT id, n FROM line_items, generate_series(1, 2) n;
INSERT INTO reviews (image_id, kind, waiting_since, decision)
    SELECT id, kind, now(), CASE id % 9 WHEN 0 THEN NULL ELSE 'accepted' END
    FROM images, unnest(ARRAY['coloring', 'svg']) kind
"""


async def test_pictures_of_both_kinds_count_until_they_are_decided(
    database: Database, shop_order: MakeOrder
) -> None:
    order: Order = await shop_order(images=2, line_items=2)
    (one, two), (three, _) = (item.images for item in order.line_items)
    async with database.session() as session, session.begin():
        await session.execute(
            text(
                "INSERT INTO reviews (image_id, kind, waiting_since, decision) VALUES "
                f"({one.id}, 'coloring', now(), NULL), ({one.id}, 'svg', now(), NULL), "
                f"({two.id}, 'coloring', now(), 'noted'), ({three.id}, 'svg', now(), NULL)"
            )
        )
    await shop_order(images=0)
    async with database.session() as session:
        page = await OrderService(session, operator="jana").list_orders()
    assert [row.waiting for row in page.orders] == [0, 3]
    assert [len(row.images) for row in page.orders] == [0, 4]


async def test_a_page_reads_the_reviews_of_its_own_images_only(database: Database) -> None:
    async with database.session() as session, session.begin():
        for statement in FILL.strip().split(";"):
            await session.execute(text(statement))
    async with database.autocommit() as session:
        await session.execute(text("ANALYZE"))
    page = order_queries._page(None, [], [], skip=0, limit=50)
    sql = order_queries._with_badges(page).compile(
        dialect=postgresql.dialect(),  # type: ignore[no-untyped-call]  # SQLAlchemy has none
        compile_kwargs={"literal_binds": True},
    )
    async with database.autocommit() as session:
        found = await session.scalar(text(f"EXPLAIN (ANALYZE, FORMAT JSON) {sql}"))
    top: Any = json.loads(found) if isinstance(found, str) else found  # Any: JSON
    nodes, rest = [], [top[0]["Plan"]]
    while rest:
        node = rest.pop()
        nodes.append(node)
        rest += node.get("Plans", [])
    of_reviews = [node for node in nodes if node.get("Relation Name") == "reviews"]
    assert of_reviews
    for node in of_reviews:
        assert node["Node Type"] in ("Index Scan", "Index Only Scan", "Bitmap Heap Scan")
        assert node["Actual Rows"] <= 2  # of each image
        assert node["Actual Loops"] <= 100
