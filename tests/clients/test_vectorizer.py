from __future__ import annotations

import asyncio
import base64
import re
from collections.abc import AsyncIterator
from email.message import MIMEPart
from email.parser import BytesParser
from email.policy import HTTP
from typing import TYPE_CHECKING

import pytest
from pydantic import SecretStr

from fototui.clients.vectorizer import (
    VectorizerAccount,
    VectorizerApiService,
    VectorizerMode,
)
from fototui.clients.vectorizer_wire import VectorizerResult
from fototui.domain.errors import (
    AccountError,
    ConfigurationError,
    InvalidInputError,
    OutsideError,
    PermanentError,
    ResultGoneError,
    TransientError,
)
from fototui.domain.options import GroupBy, ShapeStacking, SvgOptions

if TYPE_CHECKING:
    from tests.clients.conftest import Claim, Picture, RawServer, Received, Service

SVG = b'<?xml version="1.0" encoding="UTF-8"?>\n<svg xmlns="http://www.w3.org/2000/svg"></svg>\n'
SECRET = "very_secret"


def _vectorizer(url: str, *, read_seconds: float = 20.0) -> VectorizerApiService:
    return VectorizerApiService(url, "vk123", SecretStr(SECRET), read_seconds=read_seconds)


@pytest.fixture
async def vectorizer(service: Service) -> AsyncIterator[VectorizerApiService]:
    async with _vectorizer(f"{service.url}/api/v1") as made:
        yield made


@pytest.fixture(scope="session")
def png(picture: Picture) -> bytes:
    return picture()


def _parts(request: Received) -> dict[str, MIMEPart]:
    """The parts of a multipart request by name, read by the standard library."""
    head = b"Content-Type: " + request.headers["content-type"].encode() + b"\r\n\r\n"
    message = BytesParser(policy=HTTP).parsebytes(head + request.body)
    return {
        str(part.get_param("name", header="content-disposition")): part
        for part in message.iter_parts()
    }


def _error(status: int, code: int, message: str = "so it is") -> dict[str, object]:
    return {"error": {"status": status, "code": code, "message": message}, "dataReceived": None}


async def _failure(vectorizer: VectorizerApiService, png: bytes) -> OutsideError:
    with pytest.raises(OutsideError) as caught:
        await vectorizer.vectorize(png, SvgOptions())
    assert caught.value.service == "Vectorizer.ai"
    assert SECRET not in str(caught.value)
    return caught.value


# --- what is sent ------------------------------------------------------------------------------


@pytest.mark.quick
async def test_a_call_sends_the_picture_and_the_known_options(
    vectorizer: VectorizerApiService, service: Service, png: bytes
) -> None:
    service.will(SVG, X_Credits_Charged="1.0")
    assert await vectorizer.vectorize(png, SvgOptions()) == VectorizerResult(SVG, 1.0)
    [request] = service.received
    assert (request.method, request.path) == ("POST", "/api/v1/vectorize")
    credentials = base64.b64encode(f"vk123:{SECRET}".encode()).decode()
    assert request.headers["authorization"] == f"Basic {credentials}"
    parts = _parts(request)
    image = parts.pop("image")
    assert image.get_filename() == "image.png"
    assert image.get_content_type() == "image/png"
    assert image.get_payload(decode=True) == png
    assert {name: str(part.get_payload()).strip() for name, part in parts.items()} == {
        "output.shape_stacking": "stacked",
        "output.group_by": "color",
        "output.parameterized_shapes.flatten": "true",
        "mode": "production",
        "policy.retention_days": "0",
        "processing.max_colors": "0",
    }


async def test_options_are_sent_as_they_are_chosen(
    vectorizer: VectorizerApiService, service: Service, picture: Picture
) -> None:
    service.will(SVG, X_Credits_Charged="0", X_Credits_Calculated="1.1", X_Image_Token="tok")
    result = await vectorizer.vectorize(
        picture(kind="JPEG"),
        SvgOptions(ShapeStacking.CUTOUTS, GroupBy.LAYER),
        mode=VectorizerMode.TEST,
        retention_days=30,
        max_colors=256,
    )
    assert result == VectorizerResult(SVG, 0.0, "tok")
    parts = _parts(service.received[0])
    image = parts.pop("image")
    assert (image.get_filename(), image.get_content_type()) == ("image.jpg", "image/jpeg")
    assert {name: str(part.get_payload()).strip() for name, part in parts.items()} == {
        "output.shape_stacking": "cutouts",
        "output.group_by": "layer",
        "output.parameterized_shapes.flatten": "true",
        "mode": "test",
        "policy.retention_days": "30",
        "processing.max_colors": "256",
    }


@pytest.mark.parametrize("suffix", ["", "/", "/vectorize", "/vectorize/"])
async def test_the_address_may_name_the_call_or_not(
    service: Service, png: bytes, suffix: str
) -> None:
    service.will(SVG)
    async with _vectorizer(f"{service.url}/api/v1{suffix}") as vectorizer:
        await vectorizer.vectorize(png, SvgOptions())
    assert service.received[0].path == "/api/v1/vectorize"


@pytest.mark.parametrize(
    "options", [{"retention_days": -1}, {"retention_days": 31}, {"max_colors": 257}]
)
async def test_options_out_of_range_are_refused(
    vectorizer: VectorizerApiService, service: Service, png: bytes, options: dict[str, int]
) -> None:
    service.will(SVG)
    with pytest.raises(InvalidInputError, match="choose a number"):
        await vectorizer.vectorize(png, SvgOptions(), **options)  # type: ignore[arg-type]  # ints
    assert service.received == []


async def test_pictures_beyond_the_limits_are_not_sent(
    vectorizer: VectorizerApiService, service: Service, png: bytes, claim: Claim
) -> None:
    service.will(SVG)
    cases = [
        (claim(8193, 4097), "33.6 megapixels"),
        (png + bytes(30_000_000), "takes 30 MB"),
        (b"", "cannot be read"),
        (b"hello", "cannot be read"),
    ]
    for image, sentence in cases:
        with pytest.raises(PermanentError, match=sentence):
            await vectorizer.vectorize(image, SvgOptions())
    assert service.received == []
    await vectorizer.vectorize(claim(8192, 4096), SvgOptions())
    assert len(service.received) == 1


# --- what comes back ---------------------------------------------------------------------------


@pytest.mark.parametrize(
    "svg",
    [
        b"<svg></svg>",
        b"\xef\xbb\xbf<svg viewBox='0 0 1 1'></svg>",
        b"<!-- made by hand --><!DOCTYPE svg PUBLIC '-//W3C//DTD SVG 1.1//EN' 'x'>\n<svg></svg>\n",
    ],
)
async def test_an_svg_may_begin_in_many_ways(
    vectorizer: VectorizerApiService, service: Service, png: bytes, svg: bytes
) -> None:
    service.will(svg, X_Credits_Charged="none")
    result = await vectorizer.vectorize(png, SvgOptions())
    assert (result.svg, result.credits_charged) == (svg, None)


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"<html>welcome</html>",
        b"{}",
        b"%PDF-1.7",
        b"<html><svg></svg></html>",
        b"<svgs></svgs>",
        SVG[:-8],
        b"<!-- <svg></svg>",
    ],
)
async def test_an_answer_that_is_no_svg_is_transient(
    vectorizer: VectorizerApiService, service: Service, png: bytes, body: bytes
) -> None:
    service.will(body)
    error = await _failure(vectorizer, png)
    assert isinstance(error, TransientError)
    assert error.ambiguous
    assert "not a whole SVG" in str(error)


async def test_a_hostile_answer_does_not_keep_us_busy(
    vectorizer: VectorizerApiService, service: Service, png: bytes
) -> None:
    service.will(b"<!---->" * 9_000 + b"</svg>")
    assert "not a whole SVG" in str(await _failure(vectorizer, png))


@pytest.mark.parametrize(
    ("status", "code", "kind", "sentence"),
    [
        (400, 1005, PermanentError, "400, 1005: so it is"),
        (400, 1006, PermanentError, "400, 1006: so it is"),
        (400, 1019, PermanentError, "400, 1019: so it is"),
        (413, 1007, PermanentError, "413, 1007"),
        (401, 1001, AccountError, "VECTORIZER_API_KEY"),
        (401, 1002, AccountError, "VECTORIZER_API_KEY"),
        (401, 1003, AccountError, "VECTORIZER_API_KEY"),
        (401, 1004, AccountError, "VECTORIZER_API_KEY"),
        (403, 1, AccountError, "VECTORIZER_API_KEY"),
        (402, 1008, AccountError, "no API subscription"),
        (402, 1010, AccountError, "past due"),
        (402, 1011, AccountError, "no credits left"),
        (402, 4711, AccountError, "look at the account"),
        (404, 4711, AccountError, "VECTORIZER_URL"),
        (302, 4711, AccountError, "VECTORIZER_URL"),
        (400, 1017, TransientError, "out of time"),
        (429, 1015, TransientError, "fewer calls"),
        (500, -1, TransientError, "500, -1: so it is"),
        (503, -3, TransientError, "503, -3: so it is"),
        (503, -10, TransientError, "503, -10: so it is"),
    ],
)
async def test_errors_are_told_apart_by_status_and_code(
    vectorizer: VectorizerApiService,
    service: Service,
    png: bytes,
    status: int,
    code: int,
    kind: type[OutsideError],
    sentence: str,
) -> None:
    service.will(_error(status, code), status=status)
    error = await _failure(vectorizer, png)
    assert type(error) is kind
    assert error.status == status
    assert re.search(sentence, str(error))


@pytest.mark.parametrize(
    ("status", "kind"),
    [(400, PermanentError), (401, AccountError), (402, AccountError), (502, TransientError)],
)
async def test_errors_without_json_are_told_by_status(
    vectorizer: VectorizerApiService,
    service: Service,
    png: bytes,
    status: int,
    kind: type[OutsideError],
) -> None:
    service.will("<h1>no\x1b[2J</h1>", status=status)
    error = await _failure(vectorizer, png)
    assert type(error) is kind
    assert f"HTTP {status}: <h1>no[2J</h1>" in str(error)


async def test_out_of_time_is_tried_again_in_a_minute(
    vectorizer: VectorizerApiService, service: Service, png: bytes
) -> None:
    service.will(_error(400, 1017), status=400)
    error = await _failure(vectorizer, png)
    assert isinstance(error, TransientError)
    assert error.retry_after == 60


async def test_pauses_grow_while_calls_are_refused_and_begin_anew_after_a_success(
    vectorizer: VectorizerApiService, service: Service, png: bytes
) -> None:
    async def pause() -> float | None:
        service.will(_error(429, 1015), status=429)
        error = await _failure(vectorizer, png)
        assert isinstance(error, TransientError)
        return error.retry_after

    assert [await pause() for _ in range(3)] == [5, 10, 15]
    assert [await pause() for _ in range(12)][-1] == 60
    service.reset().will(SVG)
    await vectorizer.vectorize(png, SvgOptions())
    service.reset()
    assert await pause() == 5


async def test_the_service_may_tell_how_long_to_wait(
    vectorizer: VectorizerApiService, service: Service, png: bytes
) -> None:
    for status in (429, 503):
        service.reset().will(_error(status, 1), status=status, Retry_After="17")
        error = await _failure(vectorizer, png)
        assert isinstance(error, TransientError)
        assert error.retry_after == 17


async def test_silence_ends_a_call(raw_server: RawServer, png: bytes) -> None:
    done = asyncio.Event()

    async def silent(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        del reader, writer
        await done.wait()

    async with raw_server(silent) as url, _vectorizer(url, read_seconds=0.1) as vectorizer:
        error = await _failure(vectorizer, png)
        done.set()
    assert isinstance(error, TransientError)
    assert error.ambiguous


async def test_an_svg_cut_off_by_the_network_is_transient(
    raw_server: RawServer, png: bytes
) -> None:
    async def half(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readuntil(b"\r\n\r\n")
        writer.write(b"HTTP/1.1 200 OK\r\nContent-Length: 1000\r\n\r\n<svg>")
        await writer.drain()
        writer.write_eof()
        await reader.read()

    async with raw_server(half) as url, _vectorizer(url) as vectorizer:
        error = await _failure(vectorizer, png)
    assert isinstance(error, TransientError)
    assert error.ambiguous


# --- the account -------------------------------------------------------------------------------


async def test_the_account_is_read(vectorizer: VectorizerApiService, service: Service) -> None:
    service.will(
        {"subscriptionPlan": "api_500", "subscriptionState": "active", "credits": 423.5, "new": 1}
    )
    account = await vectorizer.account()
    assert account == VectorizerAccount(plan="api_500", state="active", credits=423.5)
    assert (service.received[0].method, service.received[0].path) == ("GET", "/api/v1/account")


@pytest.mark.parametrize("body", ["", "[]", {}, {"credits": "many"}])
async def test_an_account_answer_that_is_none(
    vectorizer: VectorizerApiService, service: Service, body: object
) -> None:
    service.will(body)
    with pytest.raises(TransientError, match="VECTORIZER_URL"):
        await vectorizer.account()


async def test_a_refused_key_shows_in_the_account_too(
    vectorizer: VectorizerApiService, service: Service
) -> None:
    service.will(_error(401, 1002), status=401)
    with pytest.raises(AccountError, match="VECTORIZER_API_SECRET"):
        await vectorizer.account()


@pytest.mark.parametrize(
    ("url", "key", "secret", "sentence"),
    [
        ("api.vectorizer.ai", "k", "s", "VECTORIZER_URL"),
        ("https://api.vectorizer.ai/api/v1", "", "s", "VECTORIZER_API_KEY"),
        ("https://api.vectorizer.ai/api/v1", "k", "", "VECTORIZER_API_SECRET"),
    ],
)
def test_wrong_settings_are_told_by_name(url: str, key: str, secret: str, sentence: str) -> None:
    with pytest.raises(ConfigurationError, match=sentence):
        VectorizerApiService(url, key, SecretStr(secret))


# --- what is kept there --------------------------------------------------------------------------


async def test_a_cut_answer_whose_beginning_came_tells_where_the_rest_is(
    raw_server: RawServer, png: bytes
) -> None:
    async def cut(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readuntil(b"\r\n\r\n")
        writer.write(
            b"HTTP/1.1 200 OK\r\nContent-Length: 1000\r\nX-Credits-Charged: 1.0\r\n"
            b"X-Image-Token: tok\r\n\r\n<svg>"
        )
        await writer.drain()
        writer.write_eof()
        await reader.read()

    async with raw_server(cut) as url, _vectorizer(url) as vectorizer:
        result = await vectorizer.vectorize(png, SvgOptions(), retention_days=1)
    assert result == VectorizerResult(None, 1.0, image_token="tok")


async def test_half_an_svg_tells_where_the_whole_one_is(
    vectorizer: VectorizerApiService, service: Service, png: bytes
) -> None:
    service.will(SVG[:-8], X_Credits_Charged="1.0", X_Image_Token="tok")
    result = await vectorizer.vectorize(png, SvgOptions(), retention_days=1)
    assert result == VectorizerResult(None, 1.0, image_token="tok")


async def test_a_token_that_nobody_could_remember_is_none(
    vectorizer: VectorizerApiService, service: Service, png: bytes
) -> None:
    service.will(SVG, X_Image_Token="t" * 101)
    result = await vectorizer.vectorize(png, SvgOptions(), retention_days=1)
    assert result.image_token is None


async def test_a_kept_svg_is_fetched_by_its_token(
    vectorizer: VectorizerApiService, service: Service
) -> None:
    service.will(SVG, X_Credits_Charged="0.1")
    options = SvgOptions(ShapeStacking.CUTOUTS, GroupBy.LAYER)
    assert await vectorizer.download("tok", options) == VectorizerResult(
        SVG, 0.1, image_token="tok"
    )
    [request] = service.received
    assert (request.method, request.path) == ("POST", "/api/v1/download")
    assert {name: str(part.get_payload()).strip() for name, part in _parts(request).items()} == {
        "image.token": "tok",
        "output.shape_stacking": "cutouts",
        "output.group_by": "layer",
        "output.parameterized_shapes.flatten": "true",
    }


@pytest.mark.parametrize("status", [400, 404, 410])
async def test_what_is_not_kept_any_more_is_gone(
    vectorizer: VectorizerApiService, service: Service, status: int
) -> None:
    service.will(_error(status, 1), status=status)
    with pytest.raises(ResultGoneError):
        await vectorizer.download("tok", SvgOptions())


@pytest.mark.parametrize(("status", "kind"), [(401, AccountError), (503, TransientError)])
async def test_a_download_that_is_refused_says_why(
    vectorizer: VectorizerApiService, service: Service, status: int, kind: type[OutsideError]
) -> None:
    service.will(_error(status, 1), status=status)
    with pytest.raises(kind):
        await vectorizer.download("tok", SvgOptions())
