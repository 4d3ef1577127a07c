"""Statements that are made once and run often."""

import asyncio
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
from tests.pgproxy import PgProxy
from tests.waiting import until

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


_OTHERS = (
    " FROM pg_stat_activity WHERE datname = current_database() AND pid <> pg_backend_pid() "
    "AND backend_type = 'client backend'"
)


async def _count(database: Database, condition: str = "") -> int:
    [row] = await database.run(
        FixedStatement(text(f"SELECT count(*) AS n{_OTHERS}{condition}")), {}
    )
    return int(row["n"])


async def _are_gone(database: Database) -> bool:
    return await _count(database) == 0


async def _some_work(database: Database) -> bool:
    return await _count(database, " AND state = 'active'") > 0


async def _none_work(database: Database) -> bool:
    return not await _some_work(database)


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
        assert (told["id"], told["number"]) == (order_id.to_uuid(), "#1")
        async with database.session() as session:
            order = await session.get(Order, order_id)
            assert order is not None
            assert (order.status, order.error_words) == (OrderStatus.ERROR, known)
            assert order.error == "always the same"


async def test_it_commits_by_itself_and_may_give_no_rows(database: Database) -> None:
    nothing = FixedStatement(update(Lane).values(account_limit=7).where(Lane.name == "svg"))
    assert await database.run(nothing, {}) == []
    async with database.session() as session:
        limit = select(Lane.account_limit).where(Lane.name == "svg")
        assert await session.scalar(limit) == 7


async def test_it_serves_another_database_too(database: Database) -> None:
    doubled = FixedStatement(select((bindparam("n", type_=Integer()) * 2).label("n")))
    own = FixedStatement(select(literal({"a": 1}, JSONB).label("n")))
    async with Database(database.url.render_as_string(hide_password=False)) as other:
        for each in (database, other, database):
            assert await each.run(doubled, {"n": 21}) == [{"n": 42}]
            assert await each.run(own, {}) == [{"n": {"a": 1}}]


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
    assert len(await database.run(refused, {"zero": 1})) == 1
    # What does not fit is refused, and no outage, after which it would be tried again for ever.
    with pytest.raises(DatabaseError):
        await database.run(refused, {"zero": "none"})
    cut = FixedStatement(text("SELECT pg_terminate_backend(pg_backend_pid()), :id"))
    with pytest.raises(DatabaseUnavailableError):
        await database.run(cut, {"id": str(uuid.uuid4())})
    assert await database.run(refused, {"zero": 1})


async def test_a_connection_that_was_cut_while_it_was_idle_costs_no_error(
    database: Database,
) -> None:
    one = FixedStatement(text("SELECT 1 AS n"))
    await asyncio.gather(*(database.run(one, {}) for _ in range(4)))
    async with Database(database.url.render_as_string(hide_password=False)) as other:
        await other.run(FixedStatement(text("SELECT pg_terminate_backend(pid)" + _OTHERS)), {})
        await until(lambda: _are_gone(other))
    assert await database.run(one, {}) == [{"n": 1}]


@pytest.mark.usefixtures("impatient")
async def test_one_connection_that_went_half_open_is_enough(proxy: PgProxy) -> None:
    own = FixedStatement(select(bindparam("n", type_=Integer()).label("n")))
    async with Database(proxy.url, statement_seconds=2) as far:
        while proxy.connections < 4:
            await asyncio.gather(*(far.run(own, {"n": 0}) for _ in range(4)))
        proxy.swallow()
        proxy.heal()  # for those that are made from now on
        with pytest.raises(DatabaseUnavailableError):
            await far.run(own, {"n": 1})
        answers = await asyncio.gather(*(far.run(own, {"n": 2}) for _ in range(4)))
        assert answers == [[{"n": 2}]] * 4


async def test_who_is_cancelled_while_it_waits_leaves_a_pool_that_works(
    database: Database,
) -> None:
    waits = FixedStatement(text("SELECT pg_sleep(:seconds)"))
    own = FixedStatement(text("SELECT CAST(:number AS integer) AS number"))
    async with Database(database.url.render_as_string(hide_password=False)) as other:
        for number in range(12):  # more often than the pool has connections
            waiting = asyncio.create_task(database.run(waits, {"seconds": 600.0}))
            await until(lambda: _some_work(other))
            waiting.cancel()
            with pytest.raises(asyncio.CancelledError):
                await waiting
            await until(lambda: _none_work(other))
            # Nobody is given a connection on which another's answer may come.
            assert await database.run(own, {"number": number}) == [{"number": number}]
