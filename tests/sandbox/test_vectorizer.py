"""The imitated Vectorizer.ai, asked over HTTP."""

import asyncio
import io
from collections.abc import Awaitable, Callable, Mapping
from typing import Any
from xml.etree import ElementTree as ET

import httpx
import pytest
from PIL import Image
from pydantic import SecretStr
from starlette.types import ASGIApp

from fototui.domain.options import ColoringOptions
from fototui.sandbox.outcomes import Latency, Outcome, Script, Turn
from fototui.sandbox.pictures.generator import GeneratorKind, create_generator
from fototui.sandbox.pictures.lineart import line_art
from fototui.sandbox.samples import sample_photos
from fototui.sandbox.vectorizer.app import AT_ONCE, create_vectorizer

Serve = Callable[[ASGIApp], Awaitable[httpx.AsyncClient]]
OPTIONS = {
    "output.shape_stacking": "stacked",
    "output.group_by": "color",
    "output.parameterized_shapes.flatten": "true",
}


def small_png(shade: int = 0) -> bytes:
    buffer = io.BytesIO()
    Image.new("L", (8, 8), shade).save(buffer, "PNG")
    return buffer.getvalue()


class Vectorizer:
    """A client of one imitated Vectorizer.ai."""

    def __init__(self, http: httpx.AsyncClient, script: Script) -> None:
        self.http = http
        self.script = script

    async def call(
        self, image: bytes | None = None, options: Mapping[str, str] | None = None
    ) -> httpx.Response:
        files = {"image": ("image.png", image or small_png(), "image/png")}
        data = {**OPTIONS, **(options or {})}
        return await self.http.post("/api/v1/vectorize", files=files, data=data)


@pytest.fixture
async def start(serve: Serve) -> Callable[..., Awaitable[Vectorizer]]:
    async def start(
        script: Script | None = None, kind: GeneratorKind = GeneratorKind.QUICK
    ) -> Vectorizer:
        script = script or Script()
        app = create_vectorizer(
            script,
            key=SecretStr("vk"),
            secret=SecretStr("vs"),
            generator=create_generator(kind),
        )
        http = await serve(app)
        http.auth = httpx.BasicAuth("vk", "vs")
        return Vectorizer(http, script)

    return start


Start = Callable[..., Awaitable[Vectorizer]]


def assert_error(answer: httpx.Response, status: int, code: int) -> None:
    assert answer.status_code == status
    error: dict[str, Any] = answer.json()["error"]
    assert (error["status"], error["code"]) == (status, code)
    assert error["message"]
    assert set(answer.json()) == {"error"}
    assert float(answer.headers["X-Credits-Charged"]) == 0


async def test_makes_a_real_svg_and_charges_for_it(start: Start) -> None:
    vectorizer = await start(kind=GeneratorKind.LINEART)
    page = line_art(sample_photos()[0].data, ColoringOptions(0.5))
    answer = await vectorizer.call(page)
    assert answer.status_code == 200
    assert answer.headers["Content-Type"] == "image/svg+xml"
    assert answer.headers["X-Credits-Charged"] == "1.0"
    assert "X-Credits-Calculated" not in answer.headers
    assert "X-Image-Token" not in answer.headers
    assert ET.fromstring(answer.content).get("viewBox")
    account = (await vectorizer.http.get("/api/v1/account")).json()
    assert set(account) == {"subscriptionPlan", "subscriptionState", "credits"}
    assert account["credits"] == 999
    counts = vectorizer.script.counts
    assert (counts.requests, counts.submitted, counts.completed) == (1, 1, 1)


async def test_a_test_call_is_free_and_a_retained_one_has_a_token(start: Start) -> None:
    vectorizer = await start()
    answer = await vectorizer.call(options={"mode": "test", "policy.retention_days": "3"})
    assert answer.headers["X-Credits-Charged"] == "0.0"
    assert answer.headers["X-Credits-Calculated"] == "1.0"
    assert answer.headers["X-Image-Token"] in vectorizer.script.counts.jobs
    assert (await vectorizer.http.get("/api/v1/account")).json()["credits"] == 1000


async def test_options_change_the_result(start: Start) -> None:
    vectorizer = await start()
    one = await vectorizer.call()
    two = await vectorizer.call(options={"output.shape_stacking": "cutouts"})
    three = await vectorizer.call(options={"output.group_by": "none"})
    assert len({one.text, two.text, three.text}) == 3
    assert (await vectorizer.call()).text == one.text
    counts = vectorizer.script.counts
    assert (counts.submitted, counts.duplicates) == (4, 1)


async def test_refuses_options_that_it_does_not_know(start: Start) -> None:
    vectorizer = await start()
    for name, value in [
        ("output.shape_stacking", "none"),
        ("output.group_by", "colour"),
        ("output.parameterized_shapes.flatten", "yes"),
        ("mode", "draft"),
        ("policy.retention_days", "31"),
        ("policy.retention_days", "-1"),
        ("processing.max_colors", "257"),
        ("processing.max_colours", "2"),
        ("output.file_format", "pdf"),
    ]:
        answer = await vectorizer.call(options={name: value})
        assert_error(answer, 400, 1019)
        assert name in answer.json()["error"]["message"]
    assert vectorizer.script.counts.submitted == 0


async def test_refuses_what_is_no_picture(start: Start) -> None:
    vectorizer = await start()
    assert_error(await vectorizer.call(b"no picture"), 400, 1006)
    assert_error(await vectorizer.http.post("/api/v1/vectorize", data=OPTIONS), 400, 1005)
    assert_error(
        await vectorizer.http.post("/api/v1/vectorize", files={"image": (None, "text")}), 400, 1005
    )
    buffer = io.BytesIO()
    Image.new("1", (6000, 6000)).save(buffer, "PNG")
    assert_error(await vectorizer.call(buffer.getvalue()), 400, 1006)
    assert_error(await vectorizer.call(b"x" * 30_000_001), 413, 413)
    assert vectorizer.script.counts.submitted == 0


async def test_asks_for_key_and_secret(start: Start) -> None:
    vectorizer = await start()
    for user, password in (("", ""), ("vk", "wrong"), ("wrong", "vs")):
        vectorizer.http.auth = httpx.BasicAuth(user, password)
        assert_error(await vectorizer.call(), 401, 1002)
        assert_error(await vectorizer.http.get("/api/v1/account"), 401, 1002)
    assert vectorizer.script.counts.requests == 0


async def test_takes_five_calls_at_once(start: Start) -> None:
    vectorizer = await start(Script(latency=Latency(run=0.5)))
    answers = await asyncio.gather(*(vectorizer.call(small_png(n)) for n in range(AT_ONCE)))
    assert {answer.status_code for answer in answers} == {200}
    assert vectorizer.script.counts.max_concurrent == AT_ONCE
    answers = await asyncio.gather(*(vectorizer.call(small_png(n)) for n in range(AT_ONCE + 2)))
    refused = [answer for answer in answers if answer.status_code != 200]
    assert len(refused) == 2
    for answer in refused:
        assert_error(answer, 429, 1015)
    counts = vectorizer.script.counts
    assert counts.submitted == 2 * AT_ONCE
    assert counts.max_concurrent > AT_ONCE
    assert (await vectorizer.call()).status_code == 200


async def test_calls_fail_as_planned(start: Start) -> None:
    vectorizer = await start()
    for outcome, status, code in [
        (Outcome.FAILED, 400, 1006),
        (Outcome.CANCELLED, 503, -10),
        (Outcome.TIMED_OUT, 400, 1017),
        (Outcome.RATE_LIMITED, 429, 1015),
        (Outcome.UNAVAILABLE, 503, -3),
        (Outcome.UNAUTHORIZED, 401, 1002),
        (Outcome.UNPAID, 402, 1011),
        (Outcome.GONE, 404, 1000),
    ]:
        special = Turn(outcome=outcome, status=500, code=1, message="so", retry_after=9)
        vectorizer.script.next(outcome, special)
        answer = await vectorizer.call()
        assert_error(answer, status, code)
        assert "Retry-After" not in answer.headers
        answer = await vectorizer.call()
        assert_error(answer, 500, 1)
        assert answer.headers["Retry-After"] == "9"
        assert answer.json()["error"]["message"] == "so"
    assert vectorizer.script.counts.completed == 0
    assert (await vectorizer.call()).status_code == 200


async def test_answers_are_spoilt_as_planned(start: Start) -> None:
    vectorizer = await start()
    vectorizer.script.next(Outcome.GARBAGE, Outcome.BAD_RESULT)
    answer = await vectorizer.call()
    assert (answer.status_code, answer.text[:6]) == (200, "<html>")
    answer = await vectorizer.call()
    assert answer.headers["Content-Type"] == "image/svg+xml"
    with pytest.raises(ET.ParseError):
        ET.fromstring(answer.content)
    vectorizer.script.next(Turn(outcome=Outcome.SLOW, seconds=1))
    with pytest.raises(httpx.ReadTimeout):
        await vectorizer.http.post(
            "/api/v1/vectorize", files={"image": small_png()}, data=OPTIONS, timeout=0.3
        )


async def test_a_cut_before_is_not_charged_and_a_cut_after_is(start: Start) -> None:
    vectorizer = await start()
    vectorizer.script.next(Outcome.CUT_BEFORE, Outcome.CUT_AFTER)
    with pytest.raises(httpx.TransportError):
        await vectorizer.call()
    assert vectorizer.script.counts.submitted == 0
    with pytest.raises(httpx.TransportError):
        await vectorizer.call()
    assert vectorizer.script.counts.completed == 1
    assert (await vectorizer.http.get("/api/v1/account")).json()["credits"] == 999
