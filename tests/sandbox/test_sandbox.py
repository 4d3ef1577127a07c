"""The script, its control surface, and both services under one address."""

import asyncio
import base64
import subprocess
import sys
from collections.abc import Awaitable, Callable

import httpx
import pytest
from pydantic import SecretStr
from starlette.types import ASGIApp, Message

from fototui.net.asgi import serving
from fototui.sandbox.app import SandboxSettings, create_sandbox
from fototui.sandbox.outcomes import Latency, Outcome, Script, Turn, payload_key
from fototui.sandbox.pictures.generator import GeneratorKind
from fototui.sandbox.samples import sample_photos
from tests.waiting import PATIENCE, until

Serve = Callable[[ASGIApp], Awaitable[httpx.AsyncClient]]


def settings(runpod: Script | None = None) -> SandboxSettings:
    return SandboxSettings(
        runpod_key=SecretStr("rk"),
        vectorizer_key=SecretStr("vk"),
        vectorizer_secret=SecretStr("vs"),
        generator=GeneratorKind.QUICK,
        runpod=runpod or Script(),
    )


async def submit(client: httpx.AsyncClient) -> httpx.Response:
    photo = base64.b64encode(sample_photos()[0].data).decode()
    return await client.post(
        "/runpod/v2/any/run",
        json={"input": {"image": photo}},
        headers={"Authorization": "Bearer rk"},
    )


def outcomes(script: Script, number: int) -> list[Outcome]:
    return [script.submission().outcome for _ in range(number)]


def test_numbers_come_before_the_queue_and_the_queue_before_chance() -> None:
    script = Script(rates={Outcome.UNAVAILABLE: 1.0})
    script.nth(3, Outcome.UNPAID)
    script.next(Outcome.FAILED, Outcome.CANCELLED, Turn(outcome=Outcome.GONE))
    assert outcomes(script, 5) == [
        Outcome.FAILED,
        Outcome.CANCELLED,
        Outcome.UNPAID,
        Outcome.GONE,
        Outcome.UNAVAILABLE,
    ]
    script.rates.clear()
    assert outcomes(script, 1) == [Outcome.COMPLETED]
    assert script.counts.requests == 6


def test_chance_keeps_to_its_rates_and_repeats_with_its_seed() -> None:
    rates = {Outcome.FAILED: 0.2, Outcome.UNAVAILABLE: 0.1}
    one = outcomes(Script(rates=rates, seed=5), 2000)
    assert one == outcomes(Script(rates=rates, seed=5), 2000)
    assert one != outcomes(Script(rates=rates, seed=6), 2000)
    assert one.count(Outcome.FAILED) == pytest.approx(400, rel=0.2)
    assert one.count(Outcome.UNAVAILABLE) == pytest.approx(200, rel=0.2)
    script = Script(poll_rates={Outcome.CUT_BEFORE: 1.0})
    assert script.poll().outcome is Outcome.CUT_BEFORE


def test_latency_varies_within_its_spread() -> None:
    script = Script(latency=Latency(queue=10, run=100, spread=0.5), seed=1)
    queue = [script.queue_seconds() for _ in range(200)]
    run = [script.run_seconds() for _ in range(200)]
    assert 5 <= min(queue) < 6
    assert 14 < max(queue) <= 15
    assert 50 <= min(run) < max(run) <= 150


def test_a_status_request_cannot_end_as_only_work_can() -> None:
    with pytest.raises(ValueError, match="cannot be failed, timed_out"):
        Script().next_polls(Outcome.FAILED, Outcome.GONE, Outcome.TIMED_OUT)


def test_payload_keys_tell_pictures_and_options_apart() -> None:
    keys = {
        payload_key(b"a", {"steps": 4, "megapixels": 1}),
        payload_key(b"a", {"steps": 5, "megapixels": 1}),
        payload_key(b"b", {"steps": 4, "megapixels": 1}),
    }
    assert len(keys) == 3
    assert payload_key(b"a", {"megapixels": 1, "steps": 4}) in keys


async def test_both_services_are_under_one_address(serve: Serve) -> None:
    given = settings()
    client = await serve(create_sandbox(given))
    answer = (await submit(client)).raise_for_status().json()
    await until(lambda: given.runpod.counts.completed == 1)
    status = await client.get(
        f"/runpod/v2/any/status/{answer['id']}", headers={"Authorization": "Bearer rk"}
    )
    png = base64.b64decode(status.json()["output"]["image"])
    svg = await client.post("/vectorizer/api/v1/vectorize", files={"image": png}, auth=("vk", "vs"))
    assert svg.text.startswith("<svg")
    assert (given.runpod.counts.submitted, given.vectorizer.counts.submitted) == (1, 1)
    for path in ("/runpod/counts", "/vectorizer/counts"):
        counts = (await client.get(path)).json()
        assert (counts["submitted"], counts["completed"], counts["duplicates"]) == (1, 1, 0)
    assert (await client.get("/runpod/counts")).json()["jobs"].keys() == {answer["id"]}


async def test_stopping_it_ends_all_jobs() -> None:
    given = settings(runpod=Script(latency=Latency(run=60)))
    async with (
        serving(create_sandbox(given)) as url,
        httpx.AsyncClient(base_url=url, timeout=PATIENCE) as client,
    ):
        await submit(client)
        assert any("sandbox job" in task.get_name() for task in asyncio.all_tasks())
    assert not any("sandbox job" in task.get_name() for task in asyncio.all_tasks())


async def test_a_client_that_leaves_while_it_is_read_is_no_error() -> None:
    async def receive() -> Message:
        return {"type": "http.disconnect"}

    async def send(message: Message) -> None:
        del message  # nobody is there

    scope = {
        "type": "http",
        "method": "POST",
        "path": "/runpod/script",
        "root_path": "",
        "query_string": b"",
        "headers": [(b"content-length", b"10")],
    }
    await create_sandbox(settings())(scope, receive, send)


async def test_other_processes_plan_outcomes_over_http(serve: Serve) -> None:
    given = settings()
    client = await serve(create_sandbox(given))
    plan = {
        "next": ["rate_limited", {"outcome": "unavailable", "status": 500, "retry_after": 3}],
        "nth": {"3": "unpaid"},
        "latency": {"queue": 60},
    }
    assert (await client.post("/runpod/script", json=plan)).status_code == 204
    answers = [await submit(client) for _ in range(4)]
    assert [answer.status_code for answer in answers] == [429, 500, 402, 200]
    assert answers[1].headers["Retry-After"] == "3"
    assert given.runpod.latency == Latency(queue=60)
    await client.post("/runpod/script", json={"rates": {"unauthorized": 1}, "poll_rates": {}})
    assert (await submit(client)).status_code == 401
    assert given.runpod.latency == Latency(queue=60), "what is not named stays"
    await client.post("/runpod/script", json={"rates": {}})
    assert (await submit(client)).status_code == 200
    assert given.vectorizer.counts.requests == 0


async def test_a_plan_that_is_not_understood_changes_nothing(serve: Serve) -> None:
    client = await serve(create_sandbox(settings()))
    for plan in (
        "",
        '{"nxt": []}',
        '{"next": ["no such"]}',
        '{"nth": {"x": 1}}',
        '{"next": ["failed"], "next_polls": ["failed"], "rates": {"unpaid": 1}}',
    ):
        answer = await client.post("/runpod/script", content=plan)
        assert answer.status_code == 400
        assert answer.text
    assert (await submit(client)).status_code == 200


def test_quick_results_do_not_load_opencv() -> None:
    code = (
        "import sys, fototui.sandbox.app, fototui.sandbox.pictures.generator as g;"
        "g.create_generator(g.GeneratorKind.QUICK); print('cv2' in sys.modules)"
    )
    answer = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=True
    )
    assert answer.stdout.strip() == "False"
