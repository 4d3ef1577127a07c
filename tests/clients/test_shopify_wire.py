"""What an order's fields mean, whichever way they come."""

from __future__ import annotations

import unicodedata
from datetime import UTC, datetime

import pytest

from fototui.clients.shopify import MissingOrderError, order_of
from fototui.clients.shopify.wire import GraphOrder, Line, read_time
from fototui.domain.shop import ShopItem, ShopPhoto
from tests.logs import capture_logs

ONE = "https://cdn.example/1.jpg"
TWO = "https://cdn.example/2.jpg"


def _item(*attributes: tuple[str, object], **fields: object) -> ShopItem:
    """A line item read in both wordings, which have to agree."""
    listed = [{"key": key, "value": value} for key, value in attributes]
    line = {"id": 11, "title": "Omalovánka", **fields}
    graph = {**line, "id": "gid://shopify/LineItem/11", "customAttributes": listed}
    if "variant_title" in graph:
        graph["variantTitle"] = graph.pop("variant_title")
    properties = [{"name": key, "value": value} for key, value in attributes]
    order = order_of({"id": 7, "line_items": [{**line, "properties": properties}]})
    [item] = order.items
    assert Line.model_validate(graph).as_item(11) == item
    return item


def _photos(*attributes: tuple[str, object]) -> tuple[tuple[int, str | None], ...]:
    return tuple((photo.position, photo.url) for photo in _item(*attributes).photos)


# --- photos ------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("name", "position"),
    [
        ("Fotka 1", 1),
        ("Fotka 12", 12),
        ("fotka 3", 3),
        ("  Fotka   4 ", 4),
        ("Fotka (4)-2", 2),
        ("Fotka (4) - 2", 2),
        ("Fotka (40)-31", 31),
        ("Fotka\u200b 5", 5),
        ("Fotka", None),
        ("Fotka 0", None),
        ("Fotka -1", None),
        ("Fotka (4)", None),
        ("Fotka 1.5", None),
        ("Fotka 99999", None),
        ("Fotka (9999999999)-1", None),
        ("Fotka " + "9" * 5_000, None),
        ("_Fotka 1", None),
        ("Moje Fotka 1", None),
        ("Počet fotek", None),
    ],
)
def test_a_photo_s_position_is_in_its_name(name: str, position: int | None) -> None:
    assert _photos((name, ONE)) == (() if position is None else ((position, ONE),))


def test_photos_stand_by_their_position() -> None:
    names = [f"Fotka {number}" for number in (10, 9, 2, 1)]
    assert [position for position, _ in _photos(*((name, ONE) for name in names))] == [1, 2, 9, 10]


def test_two_photos_for_one_page_the_first_is_taken() -> None:
    with capture_logs() as logs:
        assert _photos(("Fotka (4)-2", ONE), ("Fotka 2", TWO)) == ((2, ONE),)
    assert {(log["line_item"], log["position"]) for log in logs} == {(11, 2)}
    assert _photos(("Fotka 2", TWO), ("Fotka (4)-2", ONE)) == ((2, TWO),)


def test_what_is_no_photo_does_not_take_the_page_of_one() -> None:
    with capture_logs() as logs:
        assert _photos(
            ("Fotka (4)-2", "bude doplněno"), ("Fotka 2", ONE), ("Fotka (4)-2", ONE)
        ) == ((2, ONE),)
    assert logs == []


@pytest.mark.parametrize(
    ("value", "url"),
    [
        (ONE, ONE),
        ("HTTP://cdn.example/1.jpg", "HTTP://cdn.example/1.jpg"),
        # Whether it is fetched is the download's matter.
        ("http://169.254.169.254/latest", "http://169.254.169.254/latest"),
        ("https://cdn.example/fotka 1.jpg?x=č", "https://cdn.example/fotka 1.jpg?x=č"),
        ("https://a.example/?from=https://b.example", "https://a.example/?from=https://b.example"),
        (f"  {ONE}\n", ONE),
        ("//cdn.example/1.jpg", ONE),
        (f'<a href="{ONE}?a=1&amp;b=2">fotka</a>', f"{ONE}?a=1&b=2"),
        (f"Tady je: {ONE}. Díky!", ONE),
        (f"{ONE}\n{ONE}", ONE),
        ([ONE], ONE),
        ({"url": ONE}, ONE),
    ],
)
def test_a_photo_s_address_is_found(value: object, url: str) -> None:
    assert _photos(("Fotka 1", value)) == ((1, url),)


@pytest.mark.parametrize(
    "value",
    [
        "file:///etc/passwd",
        "ftp://cdn.example/1.jpg",
        "javascript:alert(1)",
        "data:image/png;base64,AAAA",
        "cdn.example/1.jpg",
        "https://",
        "https:///1.jpg",
        "https://[::1",
        "https://cdn.example:port/1.jpg",
        "https://cdn.example/" + "x" * 9_000,
        "nahraju později",
        7,
    ],
)
def test_what_is_no_address_is_a_photo_with_the_reason(value: object) -> None:
    [photo] = _item(("Fotka 1", value)).photos
    assert (photo.position, photo.url) == (1, None)
    assert "no address that can be fetched" in str(photo.problem)
    assert str(value)[:20] in str(photo.problem)


def test_two_addresses_for_one_page_are_no_address() -> None:
    [photo] = _item(("Fotka 1", f"{ONE}\n{TWO}")).photos
    assert photo.url is None
    assert "there are 2 addresses" in str(photo.problem)


@pytest.mark.parametrize("value", ["", None, True, [], {}])
def test_a_page_left_empty_has_no_photo(value: object) -> None:
    item = _item(("Fotka 1", value))
    assert item.photos == ()
    assert item.is_photo_book


# --- a line item's other fields ----------------------------------------------------------------


@pytest.mark.parametrize("form", ["NFC", "NFD"])
def test_dedication_and_layout(form: str) -> None:
    def name(text: str) -> str:
        return unicodedata.normalize(form, text)  # type: ignore[arg-type]  # both are forms

    item = _item(
        (name("Věnování"), " Pro Aničku\r\nod babičky\x1b[31m "),
        (name("Rozvržení"), "na\nvýšku"),
        (name("Věnování"), "druhé"),
    )
    assert item.dedication == "Pro Aničku\nod babičky[31m"
    assert item.layout == "na výšku"
    assert item.photos == ()


def test_an_empty_dedication_is_none() -> None:
    item = _item(("Věnování", "  "), ("Rozvržení", None))
    assert (item.dedication, item.layout) == (None, None)


@pytest.mark.parametrize(
    ("title", "variant", "expected"),
    [
        ("Omalovánka", "A4", "Omalovánka - A4"),
        ("Omalovánka", None, "Omalovánka"),
        ("Omalovánka", "Default Title", "Omalovánka"),
        ("Omalovánka - A4", "A4", "Omalovánka - A4"),
        ("Omalovánka A4", "4", "Omalovánka A4 - 4"),
        ("A4", "A4", "A4"),
        (None, "A4", "A4"),
        (None, None, "—"),
        ("\x00\u202e", "\n", "—"),
        ("Oma\nlovánka\x9b", "A\t4", "Oma lovánka - A 4"),
    ],
)
def test_title_and_variant_are_one(title: str | None, variant: str | None, expected: str) -> None:
    assert _item(title=title, variant_title=variant).title == expected


def test_a_long_title_is_cut() -> None:
    title = _item(title="x" * 10_000, variant_title="y" * 10_000).title
    assert len(title) == 500


@pytest.mark.parametrize(
    ("quantity", "expected"),
    [
        (3, 3),
        (0, 0),
        (-5, 0),
        (10**30, 100_000),
        ("12", 12),
        ("-12", 0),
        (None, 1),
        ("many", 1),
        (2.5, 1),
        (True, 1),
        ([], 1),
    ],
)
def test_quantities_are_within_reason(quantity: object, expected: int) -> None:
    assert _item(quantity=quantity).quantity == expected


# --- an order's fields -------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        (7, 7),
        ("7", 7),
        (" 7 ", 7),
        ("gid://shopify/Order/7", 7),
        (2**63 - 1, 2**63 - 1),
        (2**63, None),
        (10**4_000, None),
        (0, None),
        (-7, None),
        ("", None),
        ("7x", None),
        ("٧", None),
        ("gid://shopify/Order/", None),
        (7.0, None),
        (True, None),
        (None, None),
        ([7], None),
    ],
)
def test_ids(value: object, expected: int | None) -> None:
    assert GraphOrder.model_validate({"id": value}).shopify_id == expected
    assert GraphOrder.model_validate({"legacyResourceId": value}).shopify_id == expected
    if expected is None:
        with pytest.raises(MissingOrderError):
            order_of({"id": value})
    else:
        assert order_of({"id": value}).shopify_id == expected


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        ("2026-11-20T10:00:00Z", datetime(2026, 11, 20, 10, tzinfo=UTC)),
        ("2026-11-20T11:00:00+01:00", datetime(2026, 11, 20, 10, tzinfo=UTC)),
        ("2026-11-20T10:00:00.123456789Z", datetime(2026, 11, 20, 10, 0, 0, 123456, tzinfo=UTC)),
        ("2026-11-20T10:00:00", datetime(2026, 11, 20, 10, tzinfo=UTC)),
        ("0001-01-01T00:00:00+14:00", None),
        ("0001-01-01T00:00:00Z", None),
        ("9999-12-31T23:59:59Z", None),
        ("9999-12-31T23:59:59-14:00", None),
        ("2026-13-45", None),
        ("yesterday", None),
        ("", None),
        (None, None),
        (1_700_000_000, None),
    ],
)
def test_times(value: object, expected: datetime | None) -> None:
    assert read_time(value) == expected
    assert order_of({"id": 7, "created_at": value}).created_at == expected


@pytest.mark.parametrize(
    ("customer", "expected"),
    [
        ({"first_name": "Eva", "last_name": "Malá"}, "Eva Malá"),
        ({"first_name": None, "last_name": " Malá "}, "Malá"),
        ({"first_name": "Eva\n", "last_name": ""}, "Eva"),
        ({"first_name": None, "last_name": None}, None),
        ({}, None),
        (None, None),
    ],
)
def test_names(customer: object, expected: str | None) -> None:
    assert order_of({"id": 7, "customer": customer}).customer == expected


def test_an_order_s_own_texts() -> None:
    order = order_of(
        {
            "id": 7,
            "name": " #1270\x1b ",
            "email": "\u202eeva@example.com",
            "financial_status": "partially_refunded",
            "shipping_lines": [None, {"title": None}, {"title": "Zásilkovna"}, {"title": "jiná"}],
        }
    )
    assert (order.number, order.email) == ("#1270", "eva@example.com")
    assert (order.payment_status, order.shipping_method) == ("PARTIALLY_REFUNDED", "Zásilkovna")


def test_line_items_that_cannot_be_told_apart_are_left_out() -> None:
    lines = [None, {"title": "bez čísla"}, {"id": 1, "title": "prvé"}, {"id": 1, "title": "znovu"}]
    with capture_logs() as logs:
        order = order_of({"id": 7, "line_items": lines})
    assert [(item.shopify_id, item.title) for item in order.items] == [(1, "prvé")]
    assert [log["order"] for log in logs] == [7, 7]


@pytest.mark.parametrize(
    "properties",
    [
        [{"name": "Fotka 1", "value": ONE}, None, 7, "x", []],
        {"Fotka 1": ONE},
        [["Fotka 1", ONE]],
        [["Fotka 1", ONE], ["a"], []],
        {"name": "Fotka 1", "value": ONE},
    ],
)
def test_properties_in_any_shape_are_read(properties: object) -> None:
    [item] = order_of({"id": 7, "line_items": [{"id": 1, "properties": properties}]}).items
    assert item.photos == (ShopPhoto(1, ONE),)


ODD: tuple[object, ...] = ("none", "", 7, 1.5, True, None, {}, [], [[]], [None], [7], {"a": 1})


@pytest.mark.parametrize("odd", ODD, ids=repr)
def test_one_field_of_another_shape_loses_no_order(odd: object) -> None:
    for name in ("line_items", "customer", "shipping_lines", "name", "email", "created_at"):
        order = order_of({"id": 7, name: odd, "cancelled_at": odd, "financial_status": odd})
        assert order.shopify_id == 7
    [item] = order_of({"id": 7, "line_items": [{"id": 1, "properties": odd}]}).items
    assert item.photos == ()


def test_what_is_told_in_another_shape_is_read() -> None:
    order = order_of(
        {
            "id": 7,
            "customer": [{"first_name": "Eva"}],
            "shipping_lines": {"title": "Zásilkovna"},
            "line_items": {"0": {"id": 1, "title": "A"}, "1": {"id": 2, "title": "B"}},
        }
    )
    assert (order.customer, order.shipping_method) == ("Eva", "Zásilkovna")
    assert [item.title for item in order.items] == ["A", "B"]


@pytest.mark.parametrize(
    ("quantities", "left"),
    [
        ({"quantity": 3}, 3),
        ({"quantity": 3, "current_quantity": None}, 3),
        ({"quantity": 3, "current_quantity": 1}, 1),
        ({"quantity": 1, "current_quantity": 0}, 0),
    ],
)
def test_what_is_left_of_a_line_counts(quantities: dict[str, object], left: int) -> None:
    payload = {"id": 7, "line_items": [{"id": 1, **quantities}]}
    assert [item.quantity for item in order_of(payload).items] == [left]
    names = {"current_quantity": "currentQuantity"}
    graph = {names.get(name, name): value for name, value in quantities.items()}
    assert Line.model_validate(graph).as_item(1).quantity == left


def test_when_it_was_cancelled() -> None:
    moment = "2026-11-20T12:00:00+01:00"
    told = order_of({"id": 7, "cancelled_at": moment}).cancelled_at
    assert told == datetime(2026, 11, 20, 11, tzinfo=UTC)
    assert GraphOrder.model_validate({"cancelledAt": moment}).cancelled_at == told
    assert order_of({"id": 7, "cancelled_at": None}).cancelled_at is None


def test_a_photo_is_as_written() -> None:
    address = "https://cdn.example/a%20b.jpg?sig=%2B&x=[1]"
    assert _item(("Fotka 1", address)).photos == (ShopPhoto(1, address),)
