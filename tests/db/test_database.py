"""The way to the database: its URL, its settings, and what outages are called."""

from __future__ import annotations

import asyncio
import gc
import ssl
import weakref
from functools import partial
from typing import NoReturn

import asyncpg
import pytest
from pydantic import SecretStr
from sqlalchemy import make_url, text

from fototui.db.connection import OwnConnection
from fototui.db.database import Database
from fototui.db.errors import DatabaseError, DatabaseUnavailableError, SchemaError
from fototui.db.events.session import TrackedAsyncSession
from fototui.db.schema import migrate
from fototui.domain.errors import ConfigurationError
from fototui.domain.events import BaseMercureEvent
from tests.conftest import PostgresServer
from tests.factories import make_order
from tests.pgproxy import PgProxy
from tests.waiting import in_time, until


def _changed(url: str, **parts: object) -> str:
    return make_url(url).set(**parts).render_as_string(hide_password=False)  # type: ignore[arg-type]  # parts of a URL


# --- the URL -----------------------------------------------------------------------------------


async def test_all_spellings_of_the_url_work(database_url: str) -> None:
    for driver in ("postgresql", "postgres", "postgresql+asyncpg"):
        url = _changed(database_url, drivername=driver)
        for spelling in (SecretStr(url), url):
            async with Database(spelling) as database:
                await database.check()


@pytest.mark.parametrize(
    "url",
    [
        "",
        "hunter2",
        "mysql://user:hunter2@host/db",
        "sqlite:///hunter2.db",
        "postgresql://user:hunter2@host:port/db",
        "postgresql//user:hunter2@host/db",
        "redis://:hunter2@host",
    ],
)
def test_a_url_of_something_else_is_refused_without_showing_the_password(url: str) -> None:
    with pytest.raises(ConfigurationError) as caught:
        Database(SecretStr(url))

    error: BaseException | None = caught.value
    while error is not None:
        assert "hunter2" not in str(error) + repr(error)
        error = error.__cause__ or (None if error.__suppress_context__ else error.__context__)


async def test_libpqs_sslmode_is_understood(database_url: str) -> None:
    async with Database(f"{database_url}?sslmode=disable") as database:
        await database.check()
    async with Database(f"{database_url}?sslmode=require") as database:
        with pytest.raises(DatabaseUnavailableError, match="SSL"):
            await database.check()


async def test_an_option_that_is_not_understood_is_a_configuration_error(
    database_url: str,
) -> None:
    for option in ("sslmod=require", "sslmode=perhaps", "connect_timeout=soon"):
        with pytest.raises(ConfigurationError, match="DATABASE_URL"):
            async with Database(f"{database_url}?{option}") as database:
                await database.check()


def test_the_password_is_in_no_repr(database_url: str) -> None:
    password = make_url(database_url).password
    database = Database(database_url)

    assert password
    for shown in (repr(database), str(database.url), repr(database.engine), database.address):
        assert str(password) not in shown


# --- settings of a connection ------------------------------------------------------------------


async def test_every_connection_has_time_outs_and_a_name(database_url: str) -> None:
    expected = {
        "application_name": "test",
        "statement_timeout": "30s",
        "lock_timeout": "5s",
        "idle_in_transaction_session_timeout": "1min",
        "jit": "off",
    }
    async with Database(database_url, application_name="test") as database:
        for session in (database.session(), database.autocommit()):
            async with session:
                found = {name: await session.scalar(text(f"SHOW {name}")) for name in expected}
                assert found == expected


async def test_the_statement_time_out_is_the_databases_own_doing(database_url: str) -> None:
    async with Database(database_url, statement_seconds=1) as database, database.session() as s:
        with pytest.raises(Exception, match="statement timeout") as caught:
            await s.execute(text("SELECT pg_sleep(5)"))
        assert not isinstance(caught.value, DatabaseUnavailableError)


async def test_values_stay_out_of_error_messages(database: Database) -> None:
    async with database.session() as session:
        order = await make_order(session, customer_name="Tajná Osoba")
        with pytest.raises(DatabaseError) as caught:
            await make_order(session, order_number=order.order_number, customer_name="Tajná Osoba")
    assert "Tajná Osoba" not in str(caught.value)


# --- check -------------------------------------------------------------------------------------


async def test_check_asks_for_migrations_of_an_empty_database(empty_database_url: str) -> None:
    async with Database(empty_database_url) as database:
        with pytest.raises(SchemaError, match="fototui db upgrade"):
            await database.check()


async def test_check_asks_for_the_missing_migrations(database: Database) -> None:
    await migrate.downgrade(database.engine, "-1")
    with pytest.raises(SchemaError, match=r"stands at .* fototui db upgrade"):
        await database.check()


async def test_check_tells_a_wrong_password(database_url: str) -> None:
    async with Database(_changed(database_url, password="hunter2")) as database:
        with pytest.raises(ConfigurationError, match="refuses user 'fototui'") as caught:
            await database.check()
    assert "hunter2" not in str(caught.value)


async def test_check_tells_an_unknown_user(database_url: str) -> None:
    async with Database(_changed(database_url, username="nikdo")) as database:
        with pytest.raises(ConfigurationError, match="refuses user 'nikdo'"):
            await database.check()


async def test_check_tells_a_missing_database(pg: PostgresServer) -> None:
    async with Database(pg.url("nowhere")) as database:
        with pytest.raises(ConfigurationError, match="no database 'nowhere'"):
            await database.check()


# --- outages -----------------------------------------------------------------------------------


async def test_a_refused_connection_names_host_and_port(far: Database, proxy: PgProxy) -> None:
    await proxy.refuse()
    for _ in range(2):
        with pytest.raises(DatabaseUnavailableError, match=rf"at {far.address} .* Check"):
            await far.check()
    await proxy.accept()
    await far.check()


async def test_an_unknown_host(database_url: str) -> None:
    async with Database(_changed(database_url, host="db.invalid")) as database:
        with pytest.raises(DatabaseUnavailableError, match=r"db\.invalid"):
            await database.check()


@pytest.mark.parametrize("autocommit", [False, True])
async def test_a_cut_connection_is_an_outage_once_and_then_replaced(
    far: Database, proxy: PgProxy, *, autocommit: bool
) -> None:
    def session() -> TrackedAsyncSession:
        return far.autocommit() if autocommit else far.session()

    async with session() as first, session() as second:
        await first.execute(text("SELECT 1"))
        await second.execute(text("SELECT 1"))
        proxy.cut()
        with pytest.raises(DatabaseUnavailableError):
            await first.execute(text("SELECT 1"))
        with pytest.raises(DatabaseUnavailableError):
            await (second.execute(text("SELECT 1")) if autocommit else second.commit())
    async with session() as third:
        assert await third.scalar(text("SELECT 1")) == 1


async def test_one_lost_connection_empties_the_pool(far: Database, proxy: PgProxy) -> None:
    async with far.session() as one, far.session() as two:
        await asyncio.gather(one.execute(text("SELECT 1")), two.execute(text("SELECT 1")))
    proxy.cut()
    failures = 0
    for _ in range(3):
        try:
            async with far.autocommit() as session:
                await session.execute(text("SELECT 1"))
        except DatabaseUnavailableError:
            failures += 1

    assert failures == 1


async def test_a_server_that_ends_our_connections(far: Database, database: Database) -> None:
    async with far.session() as session:
        pid = await session.scalar(text("SELECT pg_backend_pid()"))
        async with database.autocommit() as admin:
            await admin.execute(text("SELECT pg_terminate_backend(:pid)"), {"pid": pid})
        with pytest.raises(DatabaseUnavailableError):
            await session.execute(text("SELECT 1"))


async def test_a_connection_that_nobody_closed_does_not_stay(
    database: Database, database_url: str
) -> None:
    async with Database(database_url, application_name="left") as left:
        connection = await left.engine.raw_connection()
        connection.detach()
        del connection

        async def is_gone() -> bool:
            gc.collect()
            async with database.autocommit() as session:
                query = "SELECT count(*) FROM pg_stat_activity WHERE application_name = 'left'"
                return not await session.scalar(text(query))

        await until(is_gone)


@pytest.mark.usefixtures("impatient")
async def test_a_half_open_connection_is_an_outage_after_a_bounded_wait(proxy: PgProxy) -> None:
    async with Database(proxy.url, statement_seconds=0.5) as far:
        async with far.autocommit() as session:
            await session.execute(text("SELECT 1"))
        proxy.swallow()
        async with in_time():
            for _ in range(2):  # a connection of the pool, and a new one
                async with far.autocommit() as session:
                    with pytest.raises(DatabaseUnavailableError):
                        await session.execute(text("SELECT 1"))
        proxy.heal()
        async with far.autocommit() as session:
            assert await session.scalar(text("SELECT 1")) == 1


@pytest.mark.usefixtures("impatient")
async def test_a_transaction_ends_though_the_connection_went_half_open(proxy: PgProxy) -> None:
    async def work() -> None:
        async with far.session() as session, session.begin():
            await session.execute(text("SELECT 1"))
            proxy.swallow()
            await session.execute(text("SELECT 1"))

    async with Database(proxy.url, statement_seconds=0.5) as far, in_time():
        with pytest.raises(DatabaseUnavailableError):
            await work()


async def test_half_open_connections_are_let_go_of(proxy: PgProxy) -> None:
    async with Database(proxy.url) as far:
        async with far.autocommit() as session:
            await session.execute(text("SELECT 1"))
        proxy.swallow()
        async with in_time():
            await far.engine.dispose()
        proxy.heal()
        async with far.autocommit() as session:
            assert await session.scalar(text("SELECT 1")) == 1


async def test_a_full_server_takes_no_more(pg: PostgresServer, database_url: str) -> None:
    pg.execute("CREATE ROLE narrow LOGIN PASSWORD 'narrow' CONNECTION LIMIT 0")
    url = _changed(database_url, username="narrow", password="narrow")
    try:
        async with Database(url) as database:
            with pytest.raises(DatabaseUnavailableError, match="no more connections"):
                await database.check()
    finally:
        pg.execute("DROP ROLE narrow")


@pytest.mark.usefixtures("impatient")
async def test_a_pool_that_has_none_left_is_an_outage(database_url: str) -> None:
    async with Database(database_url, pool_size=1) as database:
        async with database.session() as session, database.session() as one_too_many:
            await session.execute(text("SELECT 1"))
            with pytest.raises(DatabaseUnavailableError, match="in use"):
                await one_too_many.execute(text("SELECT 1"))
        async with database.session() as session:
            assert await session.scalar(text("SELECT 1")) == 1


@pytest.mark.parametrize("autocommit", [False, True])
async def test_tables_that_change_under_a_prepared_statement_are_told_once(
    database: Database, *, autocommit: bool
) -> None:
    async def migrate(sql: str) -> None:
        async with database.engine.begin() as connection:
            await connection.execute(text(sql))

    async def read(table: str) -> int | None:
        async with database.autocommit() if autocommit else database.session() as session:
            return (await session.execute(text(f"SELECT * FROM {table}"))).scalar()

    for number, change in enumerate(("ADD b int", "ALTER a TYPE text", "RENAME a TO b")):
        table = f"changing_{number}"
        await migrate(f"CREATE TABLE {table} AS SELECT 7 AS a")
        await read(table)
        await migrate(f"ALTER TABLE {table} {change}")
        with pytest.raises(DatabaseUnavailableError, match="have just been changed"):
            await read(table)
        assert int(await read(table) or 0) == 7, change


# What asyncpg really raised while a server was restarted under it, and its like.
_TORN = [
    asyncpg.InternalClientError("got result for unknown protocol state 3"),
    asyncpg.ProtocolError("unexpected message"),
    asyncpg.InterfaceError("cannot perform operation: another operation is in progress"),
    asyncpg.ConnectionDoesNotExistError("connection was closed in the middle of operation"),
    asyncpg.CannotConnectNowError("the database system is starting up"),
    asyncpg.CrashShutdownError("terminating connection because of crash"),
    ConnectionResetError("reset"),
    BrokenPipeError("broken"),
    EOFError("end"),
    asyncio.IncompleteReadError(b"", 5),
    ssl.SSLError("record layer failure"),
    TimeoutError(),
]


@pytest.mark.parametrize("autocommit", [False, True])
async def test_whatever_the_driver_raises_is_an_outage(
    database: Database, monkeypatch: pytest.MonkeyPatch, *, autocommit: bool
) -> None:
    for torn in _TORN:
        async with database.autocommit() if autocommit else database.session() as session:
            pid = await session.scalar(text("SELECT pg_backend_pid()"))
            with monkeypatch.context() as patch:
                patch.setattr(asyncpg.Connection, "prepare", partial(_fail, torn))
                patch.setattr(asyncpg.Connection, "fetchval", partial(_fail, torn))
                with pytest.raises(DatabaseUnavailableError):
                    await session.execute(text("SELECT 2"))
                with pytest.raises(DatabaseUnavailableError):
                    await _own_connection(database)
        async with database.session() as session:
            again = await session.scalar(text("SELECT pg_backend_pid()"))
        if isinstance(torn, asyncpg.InternalClientError | asyncpg.InterfaceError):
            assert again != pid, torn  # the driver cannot go on with the one that failed


async def _fail(torn: Exception, *_: object, **__: object) -> NoReturn:
    raise torn


async def test_whatever_the_driver_raises_while_it_connects_is_an_outage(
    database_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    for torn in _TORN:
        monkeypatch.setattr(asyncpg, "connect", partial(_fail, torn))
        async with Database(database_url) as database:
            with pytest.raises(DatabaseUnavailableError):
                await database.check()
            with pytest.raises(DatabaseUnavailableError):
                await _own_connection(database)


async def test_what_the_database_refuses_is_told_without_its_details(database: Database) -> None:
    async with database.session() as session:
        with pytest.raises(DatabaseError, match="division by zero") as caught:
            await session.execute(text("SELECT 1 / 0"))
        assert (caught.value.sqlstate, caught.value.is_passing) == ("22012", False)
    async with database.session() as session:
        with pytest.raises(DatabaseError) as caught:  # the driver refuses it itself
            await session.execute(text("SELECT CAST(:n AS int)"), {"n": "Tajná Osoba"})
        assert "Tajná" not in str(caught.value)


async def _own_connection(database: Database) -> None:
    connection = await OwnConnection.connect(database.url, name="test", seconds=60)
    try:
        await connection.fetch_value("SELECT 1")
    finally:
        connection.cut()


async def test_a_closed_database_holds_on_to_nobody_who_listened(database_url: str) -> None:
    class Ear:
        def hear(self, event: BaseMercureEvent) -> None:
            """Nothing is told here."""

    ear = Ear()
    left = weakref.ref(ear)
    async with Database(database_url) as database:
        database.listen(ear.hear)
        stop = database.listen(print)
    del ear
    assert left() is None
    stop()  # asking for no more does no harm now
