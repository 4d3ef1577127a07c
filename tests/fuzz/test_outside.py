"""Whatever comes from outside, it is read, or refused in a sentence."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import TYPE_CHECKING

import httpx
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from pydantic import SecretStr

from fototui.clients.photo_routes import Route
from fototui.clients.photos import inspect_photo, peek_photo, prepare_photo
from fototui.clients.runpod_wire import read_health, read_job, read_job_id
from fototui.clients.shopify import order_of, read_delivery
from fototui.clients.shopify.answer import Envelope, read_answer
from fototui.clients.shopify.wire import OrdersData
from fototui.clients.unpacking import UnpackError, unpack
from fototui.clients.vectorizer import VectorizerApiService
from fototui.config.settings import Proxy, load_settings
from fototui.db.database import Database
from fototui.domain.errors import ConfigurationError, FototuiError
from fototui.domain.events import parse_event
from fototui.domain.options import SvgOptions
from fototui.domain.text import clean
from fototui.mercure.address import hub_address
from fototui.mercure.event_stream import EventStream
from fototui.net.client import open_client
from fototui.net.exchange import Answer, web_address
from fototui.net.ssrf import read_address, redirected
from fototui.pictures.decoding import decode
from tests.fuzz.mutation import any_json_of, any_line_of, any_of, files

if TYPE_CHECKING:
    from tests.clients.conftest import Service

few = settings(
    max_examples=60,
    deadline=None,
    derandomize=True,  # the same ones on every machine
    suppress_health_check=[HealthCheck.too_slow, HealthCheck.function_scoped_fixture],
)


fewer = settings(few, max_examples=15)  # each takes its time


@contextmanager
def sentences() -> Iterator[None]:
    """A refusal is one of ours, and its words are safe to show."""
    words: str | None = None
    try:
        yield
    except FototuiError as error:
        words = str(error)
    assert words is None or (words and words == clean(words))


@few
@given(body=any_json_of("webhooks"), topic=st.sampled_from(["orders/create", "products/update"]))
def test_webhooks(body: bytes, topic: str) -> None:
    with sentences():
        delivery = read_delivery({"X-Shopify-Topic": topic}, body)
        if delivery.order is not None:
            # What is kept of it can be stored, and says the same again.
            json.dumps(delivery.payload, allow_nan=False).encode()
            assert order_of(delivery.payload) == delivery.order


@few
@given(body=any_json_of("graphql"), status=st.sampled_from([200, 200, 401, 429, 500]))
def test_answers_of_shopify(body: bytes, status: int) -> None:
    with sentences():
        data, _ = read_answer(Answer(status, httpx.Headers(), body), Envelope[OrdersData])
        for order in (data.orders and data.orders.nodes) or ():
            if order and order.shopify_id:
                lines = (order.line_items and order.line_items.nodes) or ()
                order.as_order(order.shopify_id, order.shipping_line, lines)


@few
@given(body=any_json_of("runpod"))
def test_answers_of_runpod(body: bytes) -> None:
    with sentences():
        read_job_id(body)
        read_health(body)
        read_job("a1-e1", body)


@fewer
@given(
    body=any_json_of("vectorizer") | any_of("svg"),
    status=st.sampled_from([200, 400, 402, 404, 429, 500]),
    charged=st.sampled_from(["1.0", "nan", "inf", "-1", "x", ""]),
)
def test_answers_of_vectorizer(service: Service, body: bytes, status: int, charged: str) -> None:
    picture = (files("photos")[0].parent / "plain.png").read_bytes()

    async def ask() -> None:
        async with VectorizerApiService(service.url, "key", SecretStr("secret")) as client:
            with sentences():
                await client.account()
            with sentences():
                result = await client.vectorize(picture, SvgOptions())
                assert result.credits_charged is None or 0 <= result.credits_charged < 1e9

    service.reset().will(body, status=status, X_Credits_Charged=charged)
    asyncio.run(ask())


@few
@given(text=any_of("streams"), cut=st.integers(0, 200))
def test_hub_streams(text: bytes, cut: int) -> None:
    stream = EventStream()
    for chunk in (text[:cut], text[cut:]):
        for event in stream.feed(chunk):
            parse_event(event.data)


@few
@given(data=any_of("photos"))
def test_photos(data: bytes) -> None:
    for read in (peek_photo, inspect_photo, decode):
        with sentences():
            read(data)
    with sentences():
        prepare_photo(data, min_size=64)


@fewer
@given(data=any_of("svg"))
def test_svgs(data: bytes) -> None:
    with sentences():
        assert max(decode(data).size) == 2048


@few
@given(body=any_of("photos"), packing=st.sampled_from(["gzip", "deflate", "gzip, deflate", "br"]))
def test_packed_bodies(body: bytes, packing: str) -> None:
    with suppress(UnpackError):
        assert len(unpack(body, packing, 100_000)) <= 100_000


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "config.toml").touch()
    monkeypatch.setenv("FOTOTUI_CONFIG", str(tmp_path / "config.toml"))
    return tmp_path


@few
@given(text=any_of("config"), is_env=st.booleans())
def test_config_files(folder: Path, text: bytes, is_env: bool) -> None:
    (folder / "config.toml").write_bytes(b"" if is_env else text)
    (folder / ".env").write_bytes(text if is_env else b"")
    with sentences():
        load_settings()


@few
@given(text=any_line_of("addresses/photos.txt"), location=any_line_of("addresses/photos.txt"))
def test_addresses_of_photos(text: str, location: str) -> None:
    with sentences():
        str(redirected(read_address(text), location))


@fewer
@given(text=any_line_of("addresses/proxies.txt"), port=st.integers(1, 65535))
def test_proxies(monkeypatch: pytest.MonkeyPatch, text: str, port: int) -> None:
    with sentences():
        route = Route.through(Proxy(host=text, port=port), idle_seconds=1)
        asyncio.run(route.aclose())
    with monkeypatch.context() as patch:
        patch.setenv("ALL_PROXY", text.replace("\0", ""))
        asyncio.run(open_client(httpx.AsyncClient).aclose())


@few
@given(text=any_line_of("addresses/databases.txt"))
def test_addresses_of_databases(folder: Path, text: str) -> None:
    with sentences():
        given_url = load_settings(database_url=text).database_url
        assert given_url is not None
        assert Database(given_url).address  # connects to nothing yet


ADDRESSES = ("shopify_store_url", "runpod_api_url", "vectorizer_url", "s3_endpoint", "mercure_url")


@few
@given(text=any_line_of("addresses/services.txt"), name=st.sampled_from(ADDRESSES))
def test_addresses_of_services(folder: Path, text: str, name: str) -> None:
    for read in (hub_address, lambda text: web_address(text, name.upper())):
        with sentences():
            read(text)
    words = "give a full address"
    try:
        load_settings(**{name: text})
    except ConfigurationError as error:
        words = str(error)
    assert "give a full address" in words  # the program's own, which tell nothing of the value
