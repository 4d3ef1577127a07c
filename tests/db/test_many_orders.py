"""What triggers keep: how many orders there are, and the texts that are searched."""

from __future__ import annotations

import asyncio

import pytest
from sqlalchemy import delete, text, update
from ulid import ULID

from fototui.db.database import Database
from fototui.db.errors import SchemaError
from fototui.db.models.orders import LineItem, Order
from fototui.db.schema import migrate
from fototui.domain.text import folded
from tests.conftest import PostgresServer
from tests.factories import make_order
from tests.old_orders import add_old_orders
from tests.waiting import until_a_lock_is_waited_for


async def _count(database: Database) -> tuple[int, int]:
    """How many orders there are as is kept, and in how many rows."""
    async with database.autocommit() as session:
        row = (await session.execute(text("SELECT sum(orders), count(*) FROM order_counts"))).one()
    return int(row[0]), row[1]


async def test_the_number_of_orders_is_kept(database: Database) -> None:
    assert await _count(database) == (0, 1)
    await add_old_orders(database, 50)
    assert (await _count(database))[0] == 50
    async with database.session() as session:
        await make_order(session)
        await session.rollback()
    async with database.autocommit() as session:
        await session.execute(text("DELETE FROM orders WHERE order_number IN ('#1', '#2')"))
        await session.execute(text("DELETE FROM orders WHERE order_number = '#1'"))
        await session.execute(text("UPDATE orders SET finished_at = NULL"))
    assert (await _count(database))[0] == 48
    async with database.autocommit() as session:
        await session.execute(text("TRUNCATE orders CASCADE"))
    assert await _count(database) == (0, 1)


async def test_a_number_that_went_wrong_is_found_and_counted_anew(database: Database) -> None:
    await add_old_orders(database, 5)
    await migrate.check(database.engine)
    async with database.autocommit() as session:
        # What restoring data alone does to it: it is counted, and then comes from the dump besides.
        await session.execute(text("INSERT INTO order_counts (orders) VALUES (5)"))
    with pytest.raises(SchemaError, match=r"wrong by 5.*db upgrade"):
        await migrate.check(database.engine)
    for _ in range(2):
        await migrate.upgrade(database.engine)
        await migrate.check(database.engine)
        assert (await _count(database))[0] == 5


async def test_whoever_adds_orders_waits_for_nobody_and_rows_stay_few(database: Database) -> None:
    async with database.session() as slow, slow.begin():
        await make_order(slow)

        async def add(few: int) -> None:
            for number in range(few):
                async with database.autocommit() as session:
                    await session.execute(
                        text(
                            "INSERT INTO orders (id, order_number, status, created_at, updated_at)"
                            " VALUES (:id, :number, 'pending', now(), now())"
                        ),
                        {"id": (id_ := ULID()).to_uuid(), "number": f"{id_} {number}"},
                    )

        await asyncio.gather(*(add(80) for _ in range(4)))
        assert (await _count(database))[0] == 320
    total, rows = await _count(database)
    assert total == 321
    assert rows < 150


async def _told(database: Database, order: Order) -> str:
    async with database.autocommit() as session:
        told: str = await session.scalar(
            text("SELECT told FROM order_texts WHERE order_id = :id"), {"id": order.id.to_uuid()}
        )
    return told


async def test_texts_follow_their_orders(database: Database) -> None:
    async with database.session() as session, session.begin():
        order = await make_order(session, line_items=2, images=0, order_number="#7")
    assert await _told(database, order) == "#7\njana novakova\njana@example.com"
    one, two = order.line_items

    async def write(statement: object) -> str:
        async with database.autocommit() as session:
            await session.execute(statement)  # type: ignore[call-overload] # statements are
        return await _told(database, order)

    its = update(Order).where(Order.id == order.id)
    dedication = update(LineItem).where(LineItem.id == two.id)
    assert (await write(its.values(customer_note="Čeká"))).endswith("\nceka")
    assert (await write(dedication.values(dedication="Pro Žofii"))).endswith("\nceka\npro zofii")
    told = await write(update(LineItem).where(LineItem.id == one.id).values(dedication="A"))
    assert told.endswith("\na\npro zofii")
    assert (await write(dedication.values(dedication=None))).endswith("\na")
    assert (await write(delete(LineItem).where(LineItem.id == one.id))).endswith("\nceka")
    async with database.autocommit() as session:
        await session.execute(delete(LineItem))
        await session.execute(delete(Order))
    assert await _told(database, order) is None


async def test_two_who_change_texts_of_one_order_lose_nothing(database: Database) -> None:
    async with database.session() as session, session.begin():
        order = await make_order(session, images=0)

    async def dedicate() -> None:
        async with database.autocommit() as session:
            await session.execute(update(LineItem).values(dedication="Pro Žofii"))

    async with database.session() as session, session.begin():
        await session.execute(update(Order).values(customer_name="Eva"))
        await session.execute(text("SET CONSTRAINTS ALL IMMEDIATE"))
        other = asyncio.create_task(dedicate())
        await until_a_lock_is_waited_for(database)
    await other
    told = await _told(database, order)
    assert "eva" in told
    assert "pro zofii" in told


async def test_two_who_write_an_order_from_different_ends_do_not_lock_each_other_out(
    database: Database,
) -> None:
    async with database.session() as session, session.begin():
        order = await make_order(session, images=0)
    dedicate = update(LineItem).values(dedication="Pro Žofii")
    async with database.session() as other, database.session() as session, session.begin():
        await session.execute(update(Order).values(customer_name="Eva"))
        async with other.begin():
            await other.execute(dedicate)
            writing = asyncio.create_task(session.execute(dedicate))
            await until_a_lock_is_waited_for(database)
        await writing
    told = await _told(database, order)
    assert "eva" in told
    assert "pro zofii" in told


async def test_a_table_is_altered_by_who_changed_its_rows(database: Database) -> None:
    """As migrations of the shop's own program do."""
    async with database.session() as session, session.begin():
        await make_order(session, images=0)
    async with database.session() as session, session.begin():
        await session.execute(text("UPDATE orders SET shipping_method = 'post'"))
        await session.execute(text("UPDATE line_items SET layout = 'a4'"))
        await session.execute(text("ALTER TABLE orders ALTER shipping_method SET NOT NULL"))
        await session.execute(text("ALTER TABLE line_items ALTER layout TYPE text"))
        await session.execute(text("ALTER TABLE orders ALTER customer_name TYPE text"))


@pytest.mark.parametrize(
    "words", ["Jana", "Žluťoučký kůň", "STRASSE straße", "ĎÁBEL", "Åse Łódź", "ﬁn ½", "žofie 👍"]
)
async def test_texts_are_compared_as_in_the_app(database: Database, words: str) -> None:
    async with database.autocommit() as session:
        assert await session.scalar(text("SELECT fototui_plain(:told)"), {"told": words}) == folded(
            words
        )


# Latin to Arabic, more of Latin and Greek, Japanese and the first Korean ones.
_LETTERS = ((0x21, 0x700), (0x1E00, 0x2000), (0x3040, 0x3100), (0xAC00, 0xAC40))


async def test_letters_are_compared_as_in_the_app(database: Database) -> None:
    letters = [c for start, end in _LETTERS for c in map(chr, range(start, end)) if c.isprintable()]
    async with database.autocommit() as session:
        plain = await session.scalars(
            text("SELECT fototui_plain(told) FROM unnest(cast(:told AS text[])) AS told"),
            {"told": letters},
        )
        assert plain.all() == [folded(letter) for letter in letters]


@pytest.mark.parametrize("encoding", ["UTF8", "LATIN2", "SQL_ASCII"])
async def test_a_database_without_a_language_or_of_another_encoding(
    pg: PostgresServer, encoding: str
) -> None:
    """In UTF-8, letters of all scripts are told where the server knows any language at all."""
    pg.execute(f"CREATE DATABASE narrow ENCODING '{encoding}' LOCALE 'C' TEMPLATE template0")
    try:
        async with Database(pg.url("narrow")) as database:
            await migrate.upgrade(database.engine)
            name = "Eva"
            async with database.session() as session, session.begin():
                languages = text("SELECT count(*) FROM pg_collation WHERE collname ~ 'utf8|icu'")
                if encoding == "UTF8" and await session.scalar(languages):
                    name = "Łukasz НАТАЛЬЯ Γιάννης"
                order = await make_order(session, customer_name=name)
            assert f"\n{folded(name)}\n" in await _told(database, order)
    finally:
        pg.execute("DROP DATABASE narrow WITH (FORCE)")
