"""Addresses of databases as people and hosting companies write them."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st
from sqlalchemy import text

from fototui.db.address import place, read, read_url, tell_left_out
from fototui.db.connection import OwnConnection
from fototui.db.database import Database
from fototui.db.errors import DatabaseUnavailableError
from fototui.domain.errors import ConfigurationError
from tests.logs import capture_logs


@pytest.mark.parametrize(
    "badly",
    [
        "postgresql://shop:Pass@word9@127.0.0.1/shop",
        "postgresql://shop:@word9@@127.0.0.1/shop?sslmode=require",
        "postgresql+asyncpg://shop@x:word9@db.example.com:5432/shop",
        "postgres://shop:a/b@word9@db.example.com/shop",
    ],
)
def test_a_password_with_an_at_is_told_and_never_shown(badly: str) -> None:
    with pytest.raises(ConfigurationError, match="%40") as caught:
        Database(badly)
    assert "word9" not in str(caught.value)


_SECRET = st.text(st.sampled_from("@:/?#%&=[]\\ě 'b1"), min_size=6, max_size=12)


@given(_SECRET)
def test_no_password_lands_where_it_is_shown(secret: str) -> None:
    try:
        shown = place(read_url(f"postgresql://shop:{secret}@127.0.0.1/shop"))
    except ConfigurationError as error:
        shown = str(error)
    assert secret not in shown


@pytest.mark.parametrize("port", ["99999", "0", "65536"])
@pytest.mark.parametrize("pattern", ["postgresql://h:{}/d", "postgresql:///d?host=h:{}"])
def test_a_port_that_cannot_be_is_named(port: str, pattern: str) -> None:
    with pytest.raises(ConfigurationError, match=port):
        Database(pattern.format(port))


async def test_what_libpq_knows_is_honoured(database_url: str) -> None:
    url = (
        f"{database_url}?sslmode=prefer&connect_timeout=7&application_name=Pult"
        "&options=-c%20search_path%3Dpublic%20--work_mem%3D5MB&target_session_attrs=read-write"
        "&channel_binding=prefer&keepalives=1&gssencmode=disable"
    )
    async with Database(url) as database, database.session() as session:
        await database.check()
        shown = {
            name: await session.scalar(text(f"SHOW {name}"))
            for name in ("application_name", "search_path", "work_mem", "jit")
        }
    assert shown == {
        "application_name": "Pult", "search_path": "public", "work_mem": "5MB", "jit": "off",
    }  # fmt: skip
    own = await OwnConnection.connect(database.url, name="heartbeat", seconds=60)
    assert await own.fetch_value("SHOW work_mem") == "5MB"
    await own.close(seconds=60)


async def test_a_standby_is_what_target_session_attrs_refuses(database_url: str) -> None:
    async with Database(f"{database_url}?target_session_attrs=standby") as database:
        with pytest.raises(DatabaseUnavailableError, match="target_session_attrs"):
            await database.check()


def test_the_rest_is_left_out_with_one_line() -> None:
    tell_left_out.cache_clear()
    with capture_logs() as lines:
        for _ in range(3):
            Database("postgresql://h/d?channel_binding=require&keepalives_idle=30&sslmode=require")
    assert [line["parameters"] for line in lines] == ["channel_binding, keepalives_idle"]


@pytest.mark.parametrize(
    ("url", "user", "password", "database"),
    [
        ("postgresql://h/d?user=eva&password=p%40w", "eva", "p@w", "d"),
        ("postgresql:///?host=/run/postgresql&dbname=d&user=eva", "eva", None, "d"),
        ("postgresql://ev%61:p%40w%2F%3A@h/d", "eva", "p@w/:", "d"),
    ],
)
def test_every_place_of_user_and_password(
    url: str, user: str, password: str | None, database: str
) -> None:
    found = read_url(url)
    assert (found.username, found.password, found.database) == (user, password, database)
    assert password is None or password not in str(found)


def test_several_hosts_as_libpq_separates_them() -> None:
    url = read_url(
        "postgresql://eva:pw@a.example.com,b.example.com:5433/d?target_session_attrs=any"
    )
    _, options = url.get_dialect()().create_connect_args(read(url).url)
    assert options["host"] == ["a.example.com", "b.example.com"]
    assert options["port"] == [5432, 5433]
    assert (options["user"], options["database"]) == ("eva", "d")
    assert place(url) == "a.example.com:5432, b.example.com:5433"
    with pytest.raises(ConfigurationError, match="70000"):
        read_url("postgresql://a,b:70000/d")


async def test_several_hosts_are_tried_in_turn(database_url: str) -> None:
    url = database_url.replace("@127.0.0.1", "@127.0.0.1:1,127.0.0.1")
    async with Database(url) as database:
        await database.check()


def test_the_authorities_of_the_machine() -> None:
    found = read(read_url("postgresql://h/d?sslrootcert=system"))
    assert getattr(found.arguments["ssl"], "check_hostname", False)
    assert "dsn" not in found.arguments
