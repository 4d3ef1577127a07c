"""Statements that are made once and run often."""

import uuid

import pytest
from sqlalchemy import Integer, bindparam, insert, literal, select, text, update
from sqlalchemy.dialects.postgresql import JSONB
from ulid import ULID

from fototui.db.database import Database
from fototui.db.errors import DatabaseError, DatabaseUnavailableError
from fototui.db.fixed import FixedStatement
from fototui.db.models.operations import Lane
from fototui.db.models.orders import Order
from fototui.domain.sentences import Sentence
from fototui.domain.statuses import OrderStatus

A_CHANGE = FixedStatement(
    update(Order)
    .where(Order.id == bindparam("of_id"))
    .values(
        status=bindparam("as_status"),
        error_words=bindparam("as_words"),
        error="always the same",
    )
    .returning(Order.id, Order.order_number.label("number"))
)


async def test_values_are_those_of_their_columns(database: Database) -> None:
    words = Sentence.make("It failed. {why}", why="Nobody knows.")
    async with database.session() as session, session.begin():
        row = Order(order_number="#1")
        session.add(row)
        await session.flush()
        order_id = row.id
    for known in (words, None):
        values = {
            "of_id": order_id,
            "as_status": OrderStatus.ERROR,
            "as_words": known,
            "nobody asks for this": object(),
        }
        [told] = await database.run(A_CHANGE, values)
        assert (told.id, told.number) == (order_id.to_uuid(), "#1")
        async with database.session() as session:
            order = await session.get(Order, order_id)
            assert order is not None
            assert (order.status, order.error_words) == (OrderStatus.ERROR, known)
            assert order.error == "always the same"


async def test_it_commits_by_itself_and_may_give_no_rows(database: Database) -> None:
    nothing = FixedStatement(update(Lane).values(account_limit=7).where(Lane.name == "svg"))
    assert list(await database.run(nothing, {})) == []
    async with database.session() as session:
        limit = select(Lane.account_limit).where(Lane.name == "svg")
        assert await session.scalar(limit) == 7


async def test_it_serves_another_database_too(database: Database) -> None:
    doubled = FixedStatement(select((bindparam("n", type_=Integer()) * 2).label("n")))
    own = FixedStatement(select(literal({"a": 1}, JSONB).label("n")))
    async with Database(database.url.render_as_string(hide_password=False)) as other:
        for each in (database, other, database):
            assert [row.n for row in await each.run(doubled, {"n": 21})] == [42]
            assert [row.n for row in await each.run(own, {})] == [{"a": 1}]


async def test_a_value_that_is_missing_is_told_before_anything_is_run(database: Database) -> None:
    with pytest.raises(KeyError, match="as_words"):
        await database.run(A_CHANGE, {"of_id": ULID(), "as_status": OrderStatus.PENDING})


async def test_defaults_that_are_made_in_python_are_refused(database: Database) -> None:
    incomplete = FixedStatement(insert(Order).values(order_number=bindparam("as_number")))
    with pytest.raises(TypeError, match="defaults"):
        await database.run(incomplete, {"as_number": "#1"})


async def test_errors_are_those_of_sessions(database: Database) -> None:
    refused = FixedStatement(text("SELECT 1 / :zero"))
    with pytest.raises(DatabaseError):
        await database.run(refused, {"zero": 0})
    assert [tuple(row) for row in await database.run(refused, {"zero": 1})] == [(1,)]
    cut = FixedStatement(text("SELECT pg_terminate_backend(pg_backend_pid()), :id"))
    with pytest.raises(DatabaseUnavailableError):
        await database.run(cut, {"id": str(uuid.uuid4())})
    assert await database.run(refused, {"zero": 1})
