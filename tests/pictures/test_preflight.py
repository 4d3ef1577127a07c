"""SVGs are checked beside the app: each content once, bounded, and never in anybody's way."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator

import pytest

from fototui.domain.files import S3ObjectRefData
from fototui.pictures.preflight import Preflight
from tests.books.conftest import PLAIN, drawing, svg
from tests.pictures.conftest import CountingStorage
from tests.waiting import in_time, until


@pytest.fixture
async def preflight(storage: CountingStorage) -> AsyncIterator[Preflight]:
    async with Preflight(storage) as opened:
        yield opened


async def put(storage: CountingStorage, key: str, data: bytes) -> S3ObjectRefData:
    return await storage.put(key, data, content_type="image/svg+xml")


def words(preflight: Preflight, ref: S3ObjectRefData) -> list[str]:
    found = preflight.known(ref)
    assert found is not None
    return [str(sentence) for sentence in found]


async def test_what_is_found_stays_for_the_content(
    preflight: Preflight, storage: CountingStorage
) -> None:
    empty = await put(storage, "a.svg", svg('<circle cx="90" cy="90" r="2"/>'))
    good = await put(storage, "b.svg", drawing("cat"))
    assert preflight.known(empty) is None
    for ref in (empty, good, empty):
        await preflight.check(ref)
    assert words(preflight, empty) == ["The page is nearly empty."]
    assert words(preflight, good) == []
    # The same content under another key is known; another content under the same key is not.
    assert preflight.known(empty.model_copy(update={"key": "c.svg"})) == preflight.known(empty)
    assert preflight.known(await put(storage, "a.svg", PLAIN)) is None
    assert storage.reads == {"a.svg": 1, "b.svg": 1}


@pytest.mark.parametrize("body", [b"<svg", b"no SVG at all"])
async def test_one_that_no_book_can_be_made_of_says_so(
    preflight: Preflight, storage: CountingStorage, body: bytes
) -> None:
    ref = await put(storage, "broken.svg", body)
    await preflight.check(ref)
    assert "SVG" in "".join(words(preflight, ref))


async def test_a_missing_file_is_looked_for_again(
    preflight: Preflight, storage: CountingStorage
) -> None:
    ref = await put(storage, "late.svg", PLAIN)
    await storage.delete(ref.key)
    await preflight.check(ref)
    assert preflight.known(ref) is None
    await put(storage, "late.svg", PLAIN)
    await preflight.check(ref)
    assert preflight.known(ref) == ()


async def test_a_check_outlives_its_asker_and_is_made_once(
    preflight: Preflight, storage: CountingStorage
) -> None:
    one, two = await put(storage, "one.svg", PLAIN), await put(storage, "two.svg", drawing("cat"))
    storage.gate.clear()
    gone = asyncio.create_task(preflight.check(one))
    await until(lambda: storage.reads["one.svg"])
    left = asyncio.create_task(preflight.check(two))
    gone.cancel()
    left.cancel()
    await asyncio.gather(gone, left, return_exceptions=True)
    again = [asyncio.create_task(preflight.check(one)) for _ in range(3)]
    storage.gate.set()
    async with in_time():
        await asyncio.gather(*again)
    assert preflight.known(one) == ()
    assert storage.reads == {"one.svg": 1}  # whom nobody waits for is not begun


async def test_leaving_waits_for_no_storage(storage: CountingStorage) -> None:
    ref = await put(storage, "one.svg", PLAIN)
    storage.gate.clear()
    async with in_time(), Preflight(storage) as preflight:
        asking = asyncio.create_task(preflight.check(ref))
        await until(lambda: storage.reads["one.svg"])
    with pytest.raises(asyncio.CancelledError):
        await asking
