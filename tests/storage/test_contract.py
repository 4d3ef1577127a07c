"""What every storage must do, run over a directory and two real S3 servers."""

import asyncio
import hashlib
import random

import pytest

from fototui.domain.errors import InvalidInputError, PermanentError
from fototui.storage.base import FileMissingError, Storage
from fototui.storage.keys import incoming_key

KEY = "01ARZ3NDEKTSV4RRFFQ69G5FAV/7/image_1.jpg"


async def _keys(storage: Storage, prefix: str = "") -> list[str]:
    return sorted([key async for key in storage.list_keys(prefix)])


async def test_what_is_put_is_what_is_got(storage: Storage) -> None:
    data = b"a photo"
    ref = await storage.put(KEY, data, content_type="image/jpeg", original_filename="dovolená.jpg")

    assert ref.key == KEY
    assert ref.content_type == "image/jpeg"
    assert ref.size == len(data)
    assert ref.sha256 == hashlib.sha256(data).hexdigest()
    assert ref.original_filename == "dovolená.jpg"
    assert ref.etag
    assert '"' not in ref.etag
    assert ref.bucket
    assert await storage.get(KEY) == data
    assert await storage.head(KEY) == ref


async def test_a_stored_file_is_put_in_its_place(storage: Storage) -> None:
    await storage.put(KEY, b"an older one", content_type="image/jpeg")
    incoming = incoming_key("png")
    stored = await storage.put(
        incoming, b"a photo", content_type="image/png", original_filename="dovolená.jpg"
    )
    placed = await storage.put_in_place(stored, KEY)
    assert placed.key == KEY
    assert (placed.content_type, placed.original_filename) == ("image/png", "dovolená.jpg")
    assert await storage.get(KEY) == b"a photo"
    assert await storage.head(KEY) == placed
    await storage.delete(incoming)
    assert await _keys(storage) == [KEY]
    with pytest.raises(FileMissingError):
        await storage.put_in_place(stored, KEY)
    assert await storage.get(KEY) == b"a photo"
    with pytest.raises(InvalidInputError):
        await storage.put_in_place(placed, "../escaped")


async def test_a_file_without_a_name_has_none(storage: Storage) -> None:
    ref = await storage.put(KEY, b"x", content_type="image/png")
    assert ref.original_filename is None
    assert await storage.head(KEY) == ref


async def test_original_names_survive(storage: Storage) -> None:
    for name in (
        "Žluťoučký kůň 😀.jpg",
        "100%25 & + ? #.png",
        "写真.jpg",
        'a "quoted" name.jpg',
        "=?utf-8?q?trick?=.jpg",
    ):
        ref = await storage.put(KEY, b"x", content_type="image/png", original_filename=name)
        assert ref.original_filename == name
        assert await storage.head(KEY) == ref


async def test_an_original_name_is_cleaned_and_bounded(storage: Storage) -> None:
    name = "\x1b[31mred\r\nX-Evil: 1\u202e.jpg" + "ž" * 3000
    ref = await storage.put(KEY, b"x", content_type="image/png", original_filename=name)
    assert ref.original_filename is not None
    assert ref.original_filename.startswith("[31mred X-Evil: 1.jpg")
    assert len(ref.original_filename) <= 500
    assert await storage.head(KEY) == ref


async def test_keys_with_odd_characters_work(storage: Storage) -> None:
    for key in (
        *("with space/a b.png", "ž/ř.png", "a+b&c=d/e?f#g.png"),
        *("100%/%41.png", "'q'/~t;,:@.png"),
    ):
        ref = await storage.put(key, b"odd", content_type="image/png")
        assert await storage.get(key) == b"odd"
        assert await storage.head(key) == ref
        assert await _keys(storage) == [key]
        await storage.delete(key)
        assert await storage.head(key) is None


async def test_a_later_file_replaces_an_earlier_one(storage: Storage) -> None:
    await storage.put(KEY, b"one", content_type="image/jpeg", original_filename="one.jpg")
    ref = await storage.put(KEY, b"second", content_type="image/webp")
    assert await storage.get(KEY) == b"second"
    assert await storage.head(KEY) == ref
    assert (ref.content_type, ref.original_filename) == ("image/webp", None)


async def test_an_empty_file_is_a_file(storage: Storage) -> None:
    ref = await storage.put(KEY, b"", content_type="image/png")
    assert ref.size == 0
    assert await storage.get(KEY) == b""
    assert await storage.head(KEY) == ref


async def test_a_missing_file_is_told_as_such(storage: Storage) -> None:
    assert await storage.head(KEY) is None
    with pytest.raises(FileMissingError) as caught:
        await storage.get(KEY)
    assert caught.value.key == KEY
    assert caught.value.code == "file_missing"


async def test_a_folder_is_no_file(storage: Storage) -> None:
    await storage.put(KEY, b"x", content_type="image/jpeg")
    folder = KEY.rsplit("/", 1)[0]
    assert await storage.head(folder) is None
    with pytest.raises(FileMissingError):
        await storage.get(folder)


async def test_delete_removes_and_forgives(storage: Storage) -> None:
    await storage.put(KEY, b"x", content_type="image/jpeg")
    await storage.delete(KEY)
    assert await storage.head(KEY) is None
    await storage.delete(KEY)
    await storage.delete("never/was/there.png")
    assert await _keys(storage) == []


async def test_listing_is_by_prefix(storage: Storage) -> None:
    keys = ["a/1/image_1.png", "a/1/image_2.png", "a/10/image_1.png", "b/1/image_1.png"]
    for key in keys:
        await storage.put(key, b"x", content_type="image/png")
    assert await _keys(storage) == keys
    assert await _keys(storage, "a/1/") == keys[:2]
    assert await _keys(storage, "a/1") == keys[:3]
    assert await _keys(storage, "c") == []


async def test_a_big_file_passes(storage: Storage) -> None:
    data = random.Random(7).randbytes(30_000_000)
    ref = await storage.put(KEY, data, content_type="image/png")
    assert ref.size == len(data)
    assert await storage.get(KEY) == data
    assert await storage.head(KEY) == ref


async def test_a_reader_may_set_a_limit(storage: Storage) -> None:
    await storage.put(KEY, b"12345", content_type="image/png")
    assert await storage.get(KEY, max_bytes=5) == b"12345"
    with pytest.raises(PermanentError, match="bigger than 4 bytes"):
        await storage.get(KEY, max_bytes=4)


async def test_many_calls_at_once_are_fine(storage: Storage) -> None:
    keys = [f"many/{number}.png" for number in range(20)]
    await asyncio.gather(
        *(storage.put(key, key.encode(), content_type="image/png") for key in keys)
    )
    assert await asyncio.gather(*map(storage.get, keys)) == [key.encode() for key in keys]


async def test_a_check_passes_and_leaves_nothing(storage: Storage) -> None:
    await storage.check()
    assert await _keys(storage) == []


async def test_keys_that_escape_are_refused_by_every_call(storage: Storage) -> None:
    for key in (
        *("", "/etc/passwd", "../x", "a/../../x", "a//b"),
        *("a/", "a\\..\\b", "a\0b", "a/.hidden"),
    ):
        calls = [
            storage.put(key, b"x", content_type="image/png"),
            storage.get(key),
            storage.head(key),
            storage.delete(key),
            storage.url(key),
        ]
        for call in calls:
            with pytest.raises(InvalidInputError):
                await call
        assert await _keys(storage) == []


async def test_files_are_listed_with_their_times_and_below_their_prefix(storage: Storage) -> None:
    for key in ("a/b/1.png", "a/b2.png", "ab.png", "c/1.png"):
        await storage.put(key, b"x", content_type="image/png")
    for prefix, keys in {
        "": ["a/b/1.png", "a/b2.png", "ab.png", "c/1.png"],
        "a": ["a/b/1.png", "a/b2.png", "ab.png"],
        "a/": ["a/b/1.png", "a/b2.png"],
        "a/b": ["a/b/1.png", "a/b2.png"],
        "none/": [],
    }.items():
        files = [file async for file in storage.list_files(prefix)]
        assert sorted(file.key for file in files) == keys
        assert all(file.stored_at.utcoffset() is not None for file in files)
