import os
from pathlib import PurePosixPath

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from ulid import ULID

from fototui.domain.errors import InvalidInputError
from fototui.storage.keys import OrderStoragePaths, book_key, check_key

ORDER = "01ARZ3NDEKTSV4RRFFQ69G5FAV"


def test_the_keys_are_those_of_the_shop() -> None:
    paths = OrderStoragePaths(ORDER, 7, 3)
    assert paths.photo("jpg") == f"{ORDER}/7/image_3.jpg"
    assert paths.coloring(2) == f"{ORDER}/7/coloring/v2/image_3.png"
    assert paths.svg(12) == f"{ORDER}/7/svg/v12/image_3.svg"


@pytest.mark.parametrize(
    "order_id",
    [
        "",
        "..",
        "../../../../../../../../etc",
        "#1270",
        ORDER.lower(),
        ORDER[:-1],
        ORDER + "A",
        "01ARZ3NDEKTSV4RRFFQ69G5FA/",
        "8ZZZZZZZZZZZZZZZZZZZZZZZZZ",
        "018d6f6f-8e4d-7c6a-a6b4-2c8d4f3e2a10",
    ],
)
def test_an_order_id_is_a_ulid(order_id: str) -> None:
    with pytest.raises(InvalidInputError, match="is not the ULID of an order"):
        OrderStoragePaths(order_id, 1, 1)


@pytest.mark.parametrize(("line_item_id", "position"), [(0, 1), (-1, 1), (1, 0), (1, -3)])
def test_parts_are_counted_from_one(line_item_id: int, position: int) -> None:
    with pytest.raises(InvalidInputError, match="counted from 1"):
        OrderStoragePaths(ORDER, line_item_id, position)


@pytest.mark.parametrize("version", [0, -1])
def test_versions_are_counted_from_one(version: int) -> None:
    paths = OrderStoragePaths(ORDER, 1, 1)
    with pytest.raises(InvalidInputError, match="version"):
        paths.coloring(version)
    with pytest.raises(InvalidInputError, match="version"):
        paths.svg(version)


@given(st.text())
def test_an_extension_never_escapes(ext: str) -> None:
    paths = OrderStoragePaths(ORDER, 1, 1)
    try:
        key = paths.photo(ext)
    except InvalidInputError:
        return
    assert PurePosixPath(key).parts == (ORDER, "1", f"image_1.{ext}")


@settings(max_examples=25)
@given(
    st.integers(min_value=0, max_value=2**128 - 1),
    st.integers(min_value=1),
    st.integers(min_value=1),
    st.integers(min_value=1),
)
def test_every_order_has_valid_and_distinct_keys(
    order: int, line_item: int, position: int, version: int
) -> None:
    paths = OrderStoragePaths(str(ULID.from_int(order)), line_item, position)
    keys = {paths.photo("png"), paths.coloring(version), paths.svg(version)}
    assert {check_key(key) for key in keys} == keys
    assert len(keys) == 3


# Dots, separators and drive letters far more often than chance would have them.
_tricky = st.lists(
    st.sampled_from(
        ["..", ".", "/", "\\", "a", "C:", "\0", "\n", " ", "%2e%2e", "~", "ž", "\ud800"]
    )
).map("".join)


@given(st.one_of(st.text(), _tricky))
def test_an_accepted_key_stays_below_its_root(key: str) -> None:
    try:
        check_key(key)
    except InvalidInputError as error:
        assert "storage key" in str(error)  # noqa: PT017 - both outcomes are looked at
        return
    root = "/srv/files"
    path = os.path.normpath(f"{root}/{key}")
    assert path == f"{root}/{key}"
    assert len(key.encode()) <= 1024


@pytest.mark.parametrize("key", ["a" * 1025, "ž" * 513, "a/" * 400 + "/b", "\ud800"])
def test_keys_that_no_store_takes_are_refused(key: str) -> None:
    with pytest.raises(InvalidInputError):
        check_key(key)


@pytest.mark.parametrize(
    ("number", "name"),
    [
        ("#1270", "1270"),
        ("#M1000", "M1000"),
        ("EXP-12/2026", "EXP-12-2026"),
        ("../..", "order"),
        ("Žluť 1", "lu-1"),
        ("x" * 500, "x" * 60),
        ("x" * 59 + "/y", "x" * 59),
        ("NUL", "order-NUL"),
        ("#aux.1", "order-aux.1"),
        ("com1", "order-com1"),
        ("CONRAD-1", "CONRAD-1"),
    ],
)
def test_a_book_is_called_by_its_order_s_number(number: str, name: str) -> None:
    key = book_key(ORDER, 7, 2, order_number=number, position=3)
    assert key == f"{ORDER}/7/book/v2/{name}-3.pdf"


@given(st.text())
def test_no_order_number_leads_a_book_out_of_its_place(number: str) -> None:
    key = check_key(book_key(ORDER, 7, 2, order_number=number, position=3))
    assert PurePosixPath(key).parent == PurePosixPath(ORDER) / "7" / "book" / "v2"


@pytest.mark.parametrize(("version", "position"), [(0, 1), (1, 0)])
def test_books_are_counted_from_one(version: int, position: int) -> None:
    with pytest.raises(InvalidInputError, match="counted from 1"):
        book_key(ORDER, 7, version, order_number="#1", position=position)
