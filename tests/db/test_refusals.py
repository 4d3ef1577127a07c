"""What servers and poolers refuse is told in a sentence that names what to do."""

from __future__ import annotations

import gc
from collections.abc import AsyncIterator, Iterator

import pytest
from sqlalchemy import make_url, text

from fototui.config.settings import Settings
from fototui.db.connection import OwnConnection
from fototui.db.database import Database
from fototui.db.schema import migrate
from fototui.domain.errors import ConfigurationError
from fototui.runtime.checks import examine
from tests.conftest import PostgresServer
from tests.db.pgbouncer import pgbouncer
from tests.pgproxy import PgProxy

EXPECTED = {"statement_timeout": "30s", "lock_timeout": "5s", "jit": "off"}
IGNORED = (
    "statement_timeout,lock_timeout,idle_in_transaction_session_timeout,jit,extra_float_digits"
)


# --- poolers -----------------------------------------------------------------------------------


async def test_a_pooler_that_refuses_parameters_gets_them_after_connecting(
    database_url: str,
) -> None:
    async with pgbouncer(database_url) as url, Database(url, application_name="Pult") as database:
        await database.check()
        async with database.session() as session:
            for name, value in EXPECTED.items():
                assert await session.scalar(text(f"SHOW {name}")) == value
            await session.rollback()
            assert await session.scalar(text("SHOW lock_timeout")) == "5s"
            assert await session.scalar(text("SHOW application_name")) == "Pult"
        own = await OwnConnection.connect(database.url, name="heartbeat", seconds=60)
        assert await own.fetch_value("SHOW lock_timeout") == "1min"
        await own.close(seconds=60)


@pytest.mark.parametrize("ignore", ["", IGNORED])
async def test_a_pooler_that_shares_sessions_is_refused_by_name(
    database_url: str, ignore: str
) -> None:
    async with pgbouncer(database_url, mode="transaction", ignore=ignore) as url:
        async with Database(url) as database:
            with pytest.raises(ConfigurationError, match="pool_mode = session"):
                await database.check()
        settings = Settings.model_validate({"database_url": url})
        (finding,) = [f for f in await examine(settings) if f.service == "database"]
    assert finding.ok is False
    assert "PgBouncer" in str(finding.detail)


async def test_a_database_that_the_pooler_does_not_know(database_url: str) -> None:
    async with pgbouncer(database_url) as url:
        other = make_url(url).set(database="other").render_as_string(hide_password=False)
        async with Database(other) as database:
            with pytest.raises(ConfigurationError, match="other"):
                await database.check()


@pytest.fixture
async def proxy(database_url: str) -> AsyncIterator[PgProxy]:
    """A proxy in front of the test's database."""
    async with PgProxy(database_url) as proxy:
        yield proxy


async def test_parameters_refused_without_any_pooler_installed(proxy: PgProxy) -> None:
    proxy.refused_parameter = b"lock_timeout"
    async with Database(proxy.url) as database, database.session() as session:
        for name, value in EXPECTED.items():
            assert await session.scalar(text(f"SHOW {name}")) == value


# --- versions ----------------------------------------------------------------------------------


async def _version(database_url: str) -> bytes:
    async with Database(database_url) as database, database.session() as session:
        return str(await session.scalar(text("SHOW server_version"))).encode()


async def test_a_server_that_is_too_old_or_has_no_version(
    database_url: str, proxy: PgProxy
) -> None:
    true = b"server_version\0" + await _version(database_url) + b"\0"
    size = len(true) - len(b"server_version\0\0")
    for said, told in (("9.6", "PostgreSQL 9.6"), ("12.9", "PostgreSQL 12.9"), ("dark", "dark")):
        proxy.lies = {true: b"server_version\0" + said.encode().ljust(size)[:size] + b"\0"}
        async with Database(proxy.url) as database:
            for ask in (database.check(), migrate.upgrade(database.engine)):
                with pytest.raises(ConfigurationError, match=told.replace(".", r"\.")[:11]):
                    await ask
    gc.collect()  # a connection that was never wholly made ends without a word


async def test_a_server_that_is_no_postgresql(proxy: PgProxy) -> None:
    proxy.lies = {b"PostgreSQL 1": b"Cockroach  1"}
    async with Database(proxy.url) as database:
        with pytest.raises(ConfigurationError, match="calls itself Cockroach"):
            await database.check()


# --- rights ------------------------------------------------------------------------------------


@pytest.fixture
def narrow(pg: PostgresServer, database_url: str) -> Iterator[str]:
    """The database as a role without rights sees it."""
    pg.execute("CREATE ROLE narrow LOGIN PASSWORD 'narrow'")
    yield (
        make_url(database_url)
        .set(username="narrow", password="narrow")
        .render_as_string(hide_password=False)
    )
    pg.execute("DROP OWNED BY narrow")
    pg.execute("DROP ROLE narrow")


async def test_a_role_without_rights_is_told_which_table(narrow: str) -> None:
    async with Database(narrow) as database:
        with pytest.raises(ConfigurationError, match=r"'narrow'.*table alembic_version.*GRANT"):
            await database.check()
        with pytest.raises(ConfigurationError, match=r"table \w+.*GRANT"):
            async with database.session() as session:
                await session.execute(text("SELECT * FROM orders"))


async def test_a_role_that_may_make_no_tables(pg: PostgresServer, empty_database_url: str) -> None:
    pg.execute("CREATE ROLE reader LOGIN PASSWORD 'reader'")
    url = make_url(empty_database_url).set(username="reader", password="reader")
    try:
        async with Database(url.render_as_string(hide_password=False)) as database:
            with pytest.raises(ConfigurationError, match=r"schema public.*GRANT USAGE, CREATE"):
                await migrate.upgrade(database.engine)
    finally:
        pg.execute("DROP ROLE reader")


async def test_a_database_that_can_only_be_read(database_url: str) -> None:
    url = f"{database_url}?options=-c%20default_transaction_read_only%3Don"
    async with Database(url) as database:
        with pytest.raises(ConfigurationError, match="can only be read"):
            async with database.session() as session:
                await session.execute(text("DELETE FROM orders"))
