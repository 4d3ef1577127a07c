import asyncio
from datetime import datetime

import pytest
from sqlalchemy import select, text

from fototui.db.database import Database
from fototui.db.models.inbound import ApiToken
from fototui.domain.errors import ConflictError, InvalidInputError, NotFoundError
from fototui.services.operations.tokens import NewToken, TokenService, holder_of
from tests.pgproxy import PgProxy


async def create(database: Database, name: str = "warehouse") -> NewToken:
    async with database.session() as session:
        return await TokenService(session, operator="eva").create(name)


async def revoke(database: Database, name: str) -> None:
    async with database.session() as session:
        await TokenService(session, operator="petr").revoke(name)


async def last_used(database: Database) -> datetime | None:
    async with database.session() as session:
        return (await session.scalars(select(ApiToken.last_used_at))).one()


async def test_a_key_opens_until_it_is_revoked(database: Database) -> None:
    token = await create(database)
    key = token.key.get_secret_value()
    assert key.startswith("fototui_")
    assert len(key) > 45
    assert await holder_of(database, key) == "warehouse"
    await revoke(database, "warehouse")
    assert await holder_of(database, key) is None


async def test_a_key_is_kept_nowhere(database: Database) -> None:
    token = await create(database)
    key = token.key.get_secret_value()
    async with database.session() as session:
        row = (await session.execute(text("SELECT api_tokens::text FROM api_tokens"))).scalar_one()
    assert key not in row
    assert key.removeprefix("fototui_") not in row
    assert key not in repr(token)


async def test_keys_differ(database: Database) -> None:
    tokens = [await create(database, name) for name in ("a", "b")]
    assert tokens[0].key != tokens[1].key
    for token in tokens:
        assert await holder_of(database, token.key.get_secret_value()) == token.name


async def test_no_key_opens_nothing(database: Database) -> None:
    await create(database)
    for key in (
        "",
        "fototui_",
        "warehouse",
        "Bearer x",
        "fototui_ěšč",
        "fototui_\x00",
        "fototui_" + "a" * 10**6,
    ):
        assert await holder_of(database, key) is None, key[:20]


async def test_part_of_a_key_opens_nothing(database: Database) -> None:
    key = (await create(database)).key.get_secret_value()
    for other in (key[:-1], key + "a", key.swapcase(), key.removeprefix("fototui_")):
        assert await holder_of(database, other) is None


async def test_a_name_is_a_short_clean_line(database: Database) -> None:
    for name in ("", "  ", "a" * 61, "a\nb", "a\x1b[31m", "\u202etxt", "a  b"):
        with pytest.raises(InvalidInputError, match="1 to 60"):
            await create(database, name)


async def test_names_are_unique_for_ever(database: Database) -> None:
    await create(database, " Sklad 1 ")
    await revoke(database, "Sklad 1")
    with pytest.raises(ConflictError, match="Sklad 1"):
        await create(database, "Sklad 1")


async def test_made_by_two_at_once_there_is_one(database: Database) -> None:
    results = await asyncio.gather(*(create(database) for _ in range(4)), return_exceptions=True)
    assert sum(isinstance(result, NewToken) for result in results) == 1
    assert sum(isinstance(result, ConflictError) for result in results) == 3


async def test_the_list_tells_all_but_the_keys(database: Database) -> None:
    await create(database, "b")
    key = (await create(database, "a")).key.get_secret_value()
    await holder_of(database, key)
    await revoke(database, "b")
    async with database.autocommit() as session:
        first, second = await TokenService(session, operator="eva").list()
    assert (first.name, first.created_by, first.revoked_at) == ("a", "eva", None)
    assert first.last_used_at is not None
    assert (second.name, second.last_used_at) == ("b", None)
    assert second.revoked_at is not None


async def test_revoked_twice_it_keeps_the_first_time(database: Database) -> None:
    await create(database)
    times = []
    for _ in range(2):
        await revoke(database, "warehouse")
        async with database.session() as session:
            times.append((await session.scalars(select(ApiToken.revoked_at))).one())
    assert times[0] is not None
    assert times[0] == times[1]


async def test_what_is_not_there_cannot_be_revoked(database: Database) -> None:
    with pytest.raises(NotFoundError, match="attic"):
        await revoke(database, "attic")


async def test_whether_there_is_any_key(database: Database) -> None:
    async def is_any() -> bool:
        async with database.autocommit() as session:
            return await TokenService(session, operator="server").any()

    assert not await is_any()
    await create(database)
    assert await is_any()
    await revoke(database, "warehouse")
    assert not await is_any()


async def test_its_use_is_written_down_once_a_minute(database: Database) -> None:
    key = (await create(database)).key.get_secret_value()
    await holder_of(database, key)
    first = await last_used(database)
    await holder_of(database, key)
    assert first is not None
    assert await last_used(database) == first
    async with database.session() as session, session.begin():
        await session.execute(text("UPDATE api_tokens SET last_used_at = now() - interval '61 s'"))
    await holder_of(database, key)
    second = await last_used(database)
    assert second is not None
    assert second > first


async def test_the_use_of_a_revoked_key_is_not_written_down(database: Database) -> None:
    key = (await create(database)).key.get_secret_value()
    await revoke(database, "warehouse")
    await holder_of(database, key)
    assert await last_used(database) is None


async def test_a_check_is_one_round_trip(database: Database, database_url: str) -> None:
    key = (await create(database)).key.get_secret_value()
    async with PgProxy(database_url) as proxy, Database(proxy.url) as far:
        await holder_of(far, key)
        with proxy.counting() as trips:
            assert await holder_of(far, key) == "warehouse"
    assert trips.total == 1
