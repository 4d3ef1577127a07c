from __future__ import annotations

import base64
import hashlib
import hmac
import json
from datetime import UTC, datetime

import pytest
from hypothesis import example, given
from hypothesis import strategies as st
from pydantic import SecretStr
from starlette.datastructures import Headers

from fototui.clients.shopify import (
    Delivery,
    MalformedWebhookError,
    MissingOrderError,
    is_genuine,
    order_of,
    read_delivery,
)
from fototui.domain.errors import InvalidInputError
from fototui.domain.shop import ShopItem, ShopOrder, ShopPhoto

SECRET = SecretStr("shpss_one")
OTHER = SecretStr("shpss_two")

ORDER = {
    "id": 5_512_345_678_901,
    "admin_graphql_api_id": "gid://shopify/Order/5512345678901",
    "name": "#1270",
    "created_at": "2026-11-20T11:00:00+01:00",
    "email": "eva@example.com",
    "customer": {"id": 1, "first_name": "Eva", "last_name": "Malá", "phone": "+420 777 000 000"},
    "financial_status": "partially_paid",
    "shipping_lines": [{"title": "Zásilkovna", "price": "79.00"}],
    "billing_address": {"address1": "Nikde 1"},
    "line_items": [
        {
            "id": 11,
            "title": "Omalovánka",
            "variant_title": "A4",
            "quantity": 2,
            "price": "499.00",
            "properties": [
                {"name": "Věnování", "value": "Pro Aničku"},
                {"name": "Fotka (2)-1", "value": "https://cdn.example/1.jpg"},
                {"name": "Fotka (2)-2", "value": ""},
            ],
        }
    ],
}


def _signed(body: bytes, secret: SecretStr) -> str:
    key = secret.get_secret_value().encode()
    return base64.b64encode(hmac.new(key, body, hashlib.sha256).digest()).decode()


def _read(content: object, topic: str = "orders/create", **headers: str) -> Delivery:
    body = content if isinstance(content, bytes) else json.dumps(content).encode()
    named = {f"X-Shopify-{name.replace('_', '-')}": value for name, value in headers.items()}
    return read_delivery({"X-Shopify-Topic": topic, **named}, body)


# --- signatures --------------------------------------------------------------------------------


def test_a_signature_by_shopify_s_rule() -> None:
    # Computed once with `openssl dgst -sha256 -hmac hush -binary | base64`.
    signature = "H2U/SEYbRNpyMb2K3HUYu69pcSP2i4aiJUA14KwhhUY="
    assert is_genuine(b'{"id":7}', signature, [SecretStr("hush")])


def test_two_secrets_while_they_are_rotated() -> None:
    body = b'{"id": 7}'
    for secret in (SECRET, OTHER):
        assert is_genuine(body, _signed(body, secret), [SECRET, OTHER])
        assert is_genuine(body, f" {_signed(body, secret)} ", [OTHER, SECRET])
    assert not is_genuine(body, _signed(body, OTHER), [SECRET])


def test_white_space_around_a_secret_is_a_slip() -> None:
    assert is_genuine(b"{}", _signed(b"{}", SECRET), [SecretStr(" shpss_one\n")])


def test_another_body_is_not_genuine() -> None:
    signature = _signed(b'{"id": 7}', SECRET)
    for body in (b'{"id":7}', b'{"id": 8}', b"", b'{"id": 7}\n'):
        assert not is_genuine(body, signature, [SECRET, OTHER])


@pytest.mark.parametrize(
    "signature", [None, "", " ", "garbage", "ěšč\ud800", "=" * 44, "A" * 100_000]
)
def test_a_missing_or_senseless_signature_is_not_genuine(signature: str | None) -> None:
    assert not is_genuine(b"{}", signature, [SECRET, OTHER])


def test_a_signature_in_hexadecimal_is_not_shopify_s() -> None:
    digest = hmac.new(b"shpss_one", b"{}", hashlib.sha256).hexdigest()
    assert not is_genuine(b"{}", digest, [SECRET])


@pytest.mark.parametrize("empty", [SecretStr(""), SecretStr("  ")])
def test_an_empty_secret_admits_nobody(empty: SecretStr) -> None:
    forged = _signed(b"{}", SecretStr(""))
    assert not is_genuine(b"{}", forged, [empty])
    assert not is_genuine(b"{}", forged, [])
    assert is_genuine(b"{}", _signed(b"{}", SECRET), [empty, SECRET])


# --- deliveries --------------------------------------------------------------------------------


def test_a_delivery_is_read_whole() -> None:
    delivery = _read(
        ORDER,
        "Orders/Paid",
        Webhook_Id="b54557e4-bdd9-4b37-8a5f-bf7d70bcd043",
        Shop_Domain="foto.myshopify.com",
        Triggered_At="2026-11-20T10:00:01.123456789Z",
    )
    assert delivery.webhook_id == "b54557e4-bdd9-4b37-8a5f-bf7d70bcd043"
    assert (delivery.topic, delivery.shop) == ("orders/paid", "foto.myshopify.com")
    assert delivery.triggered_at == datetime(2026, 11, 20, 10, 0, 1, 123456, tzinfo=UTC)
    assert delivery.order == ShopOrder(
        shopify_id=5_512_345_678_901,
        number="#1270",
        created_at=datetime(2026, 11, 20, 10, tzinfo=UTC),
        email="eva@example.com",
        customer="Eva Malá",
        payment_status="PARTIALLY_PAID",
        shipping_method="Zásilkovna",
        items=(
            ShopItem(
                shopify_id=11,
                title="Omalovánka - A4",
                quantity=2,
                dedication="Pro Aničku",
                layout=None,
                photos=(ShopPhoto(1, "https://cdn.example/1.jpg"),),
            ),
        ),
    )


def test_only_what_is_needed_is_kept() -> None:
    delivery = _read(ORDER)
    kept = json.dumps(delivery.payload, ensure_ascii=False)
    for secret in ("+420", "Nikde", "499", "admin_graphql"):
        assert secret not in kept
    assert order_of(json.loads(kept)) == delivery.order
    assert delivery.payload["email"] == "eva@example.com"


def test_headers_in_any_case_and_of_any_kind() -> None:
    body = json.dumps(ORDER).encode()
    headers = {"x-shopify-topic": "orders/updated", "X-SHOPIFY-WEBHOOK-ID": "abc"}
    delivery = read_delivery(headers, body)
    assert (delivery.topic, delivery.webhook_id) == ("orders/updated", "abc")
    assert read_delivery(Headers(headers), body) == delivery


@pytest.mark.parametrize("given_id", [None, "", "  ", "a b", "č", "\x1b[0m", "x" * 201])
def test_a_missing_webhook_id_is_made_of_the_body(given_id: str | None) -> None:
    headers = {} if given_id is None else {"Webhook_Id": given_id}
    made = _read(ORDER, **headers).webhook_id
    assert made.startswith("sha256:")
    assert made == _read(ORDER).webhook_id
    assert made != _read(ORDER, "orders/updated").webhook_id
    assert made != _read({**ORDER, "id": 8}).webhook_id


@pytest.mark.parametrize("triggered", ["", "soon", "2026-99-99", "0001-01-01T00:00:00+14:00"])
def test_a_bad_time_is_none(triggered: str) -> None:
    delivery = _read(ORDER, Triggered_At=triggered)
    assert delivery.triggered_at is None
    assert delivery.order is not None


@pytest.mark.parametrize(
    "topic", ["", "products/update", "orders/edited", "orders/delete", "app/uninstalled", "\x1b"]
)
@pytest.mark.parametrize("content", [ORDER, {}, [], None, 7, "text"])
def test_other_topics_tell_nothing(topic: str, content: object) -> None:
    delivery = _read(content, topic)
    assert (delivery.order, delivery.payload) == (None, {})


@pytest.mark.parametrize("topic", ["orders/create", "orders/updated", "orders/paid"])
@pytest.mark.parametrize(
    "content", [{}, {"id": None}, {"id": "x"}, {"id": -1}, {"id": 2**63}, {"id": []}]
)
def test_an_order_without_an_id_is_missing(topic: str, content: object) -> None:
    with pytest.raises(MissingOrderError) as caught:
        _read(content, topic)
    assert caught.value.code == "missing_order"


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"{",
        b'{"id": 7,}',
        b"\xff\xfe\x00",
        b"[" * 200_000,
        b'{"id":' * 200_000,
        b'{"id": ' + b"9" * 10_000 + b"}",
        b"[]",
        b"null",
        b'"orders"',
    ],
)
def test_a_malformed_body(body: bytes) -> None:
    with pytest.raises(MalformedWebhookError) as caught:
        _read(body)
    assert caught.value.code == "malformed"
    assert isinstance(caught.value, InvalidInputError)


def test_a_cut_emoji_does_not_lose_an_order() -> None:
    delivery = _read(b'{"id": 7, "name": "#12\\ud83d70\\u0000", "email": "\\ud800"}')
    assert delivery.order is not None
    assert (delivery.order.number, delivery.order.email) == ("#1270", None)
    json.dumps(delivery.payload, ensure_ascii=False).encode()


# --- any body ----------------------------------------------------------------------------------

_texts = st.text(st.characters(exclude_categories=()), max_size=20)
_scalars = st.one_of(
    st.none(),
    st.booleans(),
    st.integers(-(10**25), 10**25),
    st.floats(),
    _texts,
    st.sampled_from(["https://cdn.example/1.jpg", "http://[", "https://a\u0000b", "2026-11-20"]),
)
_names = st.sampled_from(["Fotka 1", "Fotka (4)-1", "Fotka 2", "Věnování", "Rozvržení"])


def _objects(**fields: st.SearchStrategy[object]) -> st.SearchStrategy[object]:
    made = st.fixed_dictionaries({}, optional=fields)
    return st.one_of(made, made, made, _scalars)


def _lists(of: st.SearchStrategy[object]) -> st.SearchStrategy[object]:
    return st.one_of(st.lists(of, max_size=4), _scalars)


_properties = _lists(_objects(name=_names | _scalars, value=_scalars))
_orders = _objects(
    id=st.integers(1, 2**63 - 1) | _scalars,
    name=_scalars,
    created_at=_scalars,
    email=_scalars,
    financial_status=_scalars,
    customer=_objects(first_name=_scalars, last_name=_scalars),
    shipping_lines=_lists(_objects(title=_scalars)),
    line_items=_lists(
        _objects(
            id=st.integers(1, 5) | _scalars,
            title=_scalars,
            variant_title=_scalars,
            quantity=_scalars,
            properties=_properties,
        )
    ),
)
_anything = st.recursive(
    _scalars, lambda inner: st.lists(inner) | st.dictionaries(_texts, inner), max_leaves=10
)


@given(content=_orders | _anything, topic=st.sampled_from(["orders/create", "products/update"]))
@example(content={"id": 7, "line_items": [{"id": 1, "quantity": 10**25}]}, topic="orders/create")
def test_any_json_is_read_or_refused(content: object, topic: str) -> None:
    try:
        delivery = _read(content, topic)
    except (MalformedWebhookError, MissingOrderError):
        return
    if topic != "orders/create":
        assert delivery.order is None
        return
    assert delivery.order is not None
    # What is stored gives the same order again, and the database can hold it.
    stored = json.dumps(delivery.payload, ensure_ascii=False, allow_nan=False)
    assert b"\0" not in stored.encode()
    assert "\\u0000" not in stored
    assert order_of(json.loads(stored)) == delivery.order
    for item in delivery.order.items:
        positions = [photo.position for photo in item.photos]
        assert positions == sorted(set(positions))
        assert 0 <= item.quantity <= 100_000


@given(body=st.binary(max_size=60), signature=st.none() | _texts)
def test_any_bytes_are_refused(body: bytes, signature: str | None) -> None:
    assert not is_genuine(body, signature, [SECRET, OTHER])
    with pytest.raises(InvalidInputError) as caught:
        _read(body, "orders/create")
    assert caught.value.code in ("malformed", "missing_order")
