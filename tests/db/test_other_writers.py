"""Other programs go on writing a shop's tables, with no more rights than they had before."""

from __future__ import annotations

from collections.abc import AsyncIterator

import pytest
from sqlalchemy import delete, make_url, text

from fototui.db.database import Database
from fototui.db.models.orders import ColoringVersion, Image, LineItem, Order
from fototui.domain.statuses import ColoringProcessingStatus
from tests.conftest import PostgresServer
from tests.factories import choose_svgs, file_ref, make_coloring, make_order

_THEIRS = ("orders", "line_items", "images", "coloring_versions", "svg_versions")


@pytest.fixture
async def shop(pg: PostgresServer, database: Database) -> AsyncIterator[Database]:
    """The database as the shop's own program knows it: its tables, and none of ours."""
    pg.execute("CREATE ROLE shop LOGIN PASSWORD 'shop'")
    try:
        async with database.autocommit() as session:
            for what in (f"ALL ON {', '.join(_THEIRS)}", "ALL ON ALL SEQUENCES IN SCHEMA public"):
                await session.execute(text(f"GRANT {what} TO shop"))
        url = make_url(str(database.engine.url)).set(username="shop", password="shop")
        async with Database(url.render_as_string(hide_password=False)) as theirs:
            yield theirs
        async with database.autocommit() as session:
            await session.execute(text("DROP OWNED BY shop"))
    finally:
        pg.execute("DROP ROLE shop")


async def _kept(database: Database) -> tuple[int, list[str]]:
    async with database.autocommit() as session:
        count = await session.scalar(text("SELECT sum(orders) FROM order_counts"))
        return int(count or 0), list(await session.scalars(text("SELECT told FROM order_texts")))


async def test_a_role_without_rights_on_our_tables_writes_all_of_its_own(
    database: Database, shop: Database
) -> None:
    async with shop.session() as session, session.begin():
        order = await make_order(session, order_number="#7")
        await choose_svgs(session, order)
        again = await make_coloring(session, order.line_items[0].images[0], version=2)
        again.status, again.file_ref = ColoringProcessingStatus.COMPLETED, file_ref()
        order.line_items[0].dedication = "Pro Žofii"
    assert await _kept(database) == (1, ["#7\njana novakova\njana@example.com\npro zofii"])

    async with shop.session() as session, session.begin():
        await session.execute(text("UPDATE images SET selected_coloring_id = NULL"))
        await session.execute(text("UPDATE images SET selected_svg_id = NULL"))
        await session.execute(text("DELETE FROM svg_versions"))
        for model in (ColoringVersion, Image, LineItem, Order):
            await session.execute(delete(model))
    assert await _kept(database) == (0, [])


async def test_whoever_names_the_schema_needs_no_search_path(database: Database) -> None:
    async with database.session() as session, session.begin():
        order = await make_order(session)
        await make_coloring(session, order.line_items[0].images[0])
    async with database.session() as session, session.begin():
        await session.execute(text("SET LOCAL search_path = ''"))
        for statement in (
            "UPDATE public.orders SET customer_name = 'Eva', urgent_at = now()",
            "UPDATE public.line_items SET dedication = 'Pro Žofii'",
            "UPDATE public.coloring_versions SET queued_at = now()",
            "UPDATE public.coloring_versions SET status = 'completed'",
            "UPDATE public.coloring_versions SET status = 'error'",
            "DELETE FROM public.coloring_versions",
        ):
            await session.execute(text(statement))
    _count, (told,) = await _kept(database)
    assert "\neva\n" in told
    assert told.endswith("\npro zofii")


async def test_nobody_has_our_functions_run_from_triggers_of_his_own(database: Database) -> None:
    async with database.autocommit() as session:
        open_ones = await session.scalars(
            text("""
                SELECT proname FROM pg_proc
                WHERE prosecdef AND has_function_privilege('public', oid, 'EXECUTE')""")
        )
        assert open_ones.all() == []


async def test_a_note_of_a_megabyte_is_cut_up_in_one_go(database: Database) -> None:
    """By `substr`, this takes longer than a statement may."""
    async with database.session() as session, session.begin():
        await make_order(session, customer_note="Žluťoučký kůň " * 70_000)
    async with database.autocommit() as session:
        found = text("""
            SELECT count(*) FROM order_texts
            WHERE fototui_grams(told) @> fototui_grams('ucky kun')""")
        assert await session.scalar(found) == 1
