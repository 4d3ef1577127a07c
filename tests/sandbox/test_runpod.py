"""The imitated RunPod, asked over HTTP."""

import asyncio
import base64
import io
import json
import time
from collections.abc import Awaitable, Callable
from typing import Any

import httpx
import pytest
from PIL import Image
from pydantic import SecretStr
from starlette.types import ASGIApp

from fototui.sandbox.outcomes import Latency, Outcome, Script, Turn
from fototui.sandbox.pictures.generator import GeneratorKind, create_generator
from fototui.sandbox.runpod.app import BODY_LIMIT, create_runpod
from fototui.sandbox.runpod.jobs import ResultShape
from fototui.sandbox.samples import sample_photos
from tests.waiting import PATIENCE, in_time

Serve = Callable[[ASGIApp], Awaitable[httpx.AsyncClient]]
PHOTO = sample_photos()[1].data
KEY = SecretStr("rp-key")


class RunPod:
    """A client of one imitated RunPod."""

    def __init__(self, http: httpx.AsyncClient, script: Script) -> None:
        self.http = http
        self.script = script

    async def run(self, photo: bytes = PHOTO, **more: object) -> httpx.Response:
        given = {"image": base64.b64encode(photo).decode(), "megapixels": 0.5, "steps": 4}
        return await self.http.post("/v2/ep/run", json={"input": given, **more})

    async def submit(self, photo: bytes = PHOTO, **more: object) -> str:
        answer = (await self.run(photo, **more)).raise_for_status().json()
        assert set(answer) == {"id", "status"}
        assert answer["status"] == "IN_QUEUE"
        return str(answer["id"])

    async def status(self, job: str) -> httpx.Response:
        return await self.http.get(f"/v2/ep/status/{job}")

    async def until(self, job: str, *states: str) -> dict[str, Any]:
        """Ask until the job is in one of the states; tells the last answer."""
        async with in_time():
            while True:
                answer = (await self.status(job)).raise_for_status().json()
                if answer["status"] in states:
                    return dict(answer)
                assert answer["status"] in {"IN_QUEUE", "IN_PROGRESS"}
                await asyncio.sleep(0.005)

    async def lost(self, job: str) -> httpx.Response:
        """Ask until the answer is an error; tells it."""
        async with in_time():
            while True:
                answer = await self.status(job)
                if answer.is_error:
                    return answer
                await asyncio.sleep(0.01)

    async def ended(self, job: str) -> dict[str, Any]:
        return await self.until(job, "COMPLETED", "FAILED", "CANCELLED", "TIMED_OUT")

    async def post(self, path: str) -> httpx.Response:
        return await self.http.post(f"/v2/ep/{path}")


@pytest.fixture
async def start(serve: Serve) -> Callable[..., Awaitable[RunPod]]:
    async def start(
        script: Script | None = None, kind: GeneratorKind = GeneratorKind.QUICK, **options: Any
    ) -> RunPod:
        script = script or Script()
        app = create_runpod(script, api_key=KEY, generator=create_generator(kind), **options)
        http = await serve(app)
        http.headers["Authorization"] = f"Bearer {KEY.get_secret_value()}"
        return RunPod(http, script)

    return start


Start = Callable[..., Awaitable[RunPod]]


def assert_picture(png: bytes) -> None:
    with Image.open(io.BytesIO(png)) as image:
        assert image.format == "PNG"
        image.verify()


# --- the way of a job --------------------------------------------------------------------------


async def test_a_job_passes_its_states_in_time_and_brings_a_real_picture(start: Start) -> None:
    runpod = await start(Script(latency=Latency(queue=1, run=1)), kind=GeneratorKind.LINEART)
    began = time.monotonic()
    job = await runpod.submit()
    assert (await runpod.status(job)).json() == {"id": job, "status": "IN_QUEUE"}
    answer = await runpod.until(job, "IN_PROGRESS")
    assert time.monotonic() - began >= 1
    assert set(answer) == {"id", "status", "delayTime", "workerId"}
    answer = await runpod.ended(job)
    assert time.monotonic() - began >= 2
    assert set(answer) == {"id", "status", "delayTime", "workerId", "executionTime", "output"}
    assert answer["delayTime"] >= 1000
    assert answer["executionTime"] >= 1000
    png = base64.b64decode(answer["output"]["image"])
    with Image.open(io.BytesIO(png)) as image:
        assert image.width * image.height == pytest.approx(500_000, rel=0.1)
    counts = runpod.script.counts
    assert (counts.requests, counts.submitted, counts.completed, counts.failed) == (1, 1, 1, 0)
    assert counts.polls >= 3
    assert list(counts.jobs) == [job]


async def test_results_come_in_every_shape_seen_in_the_wild(start: Start) -> None:
    for shape in ResultShape:
        runpod = await start(result=shape)
        output = (await runpod.ended(await runpod.submit()))["output"]
        match shape:
            case ResultShape.IMAGE:
                data = output["image"]
            case ResultShape.NESTED:
                data = output["output"]["image"]
            case ResultShape.LIST:
                data = output[0]["image"]
            case ResultShape.DATA_URL:
                data = output["image_url"].removeprefix("data:image/png;base64,")
            case _:
                [image] = output["images"]
                assert image["type"] == shape.removeprefix("images_")
                data = image["data"]
        if shape is ResultShape.IMAGES_S3_URL:
            async with httpx.AsyncClient(timeout=PATIENCE) as anyone:
                assert_picture((await anyone.get(data)).raise_for_status().content)
        else:
            assert_picture(base64.b64decode(data, validate=True))


async def test_results_are_kept_for_the_retention_only(start: Start) -> None:
    runpod = await start(retention=1.0)
    job = await runpod.submit()
    await runpod.ended(job)
    assert (await runpod.lost(job)).status_code == 404


async def test_a_job_older_than_its_ttl_is_gone_in_whatever_state(start: Start) -> None:
    runpod = await start(Script(latency=Latency(queue=60)))
    job = await runpod.submit(policy={"ttl": 1000})
    assert (await runpod.status(job)).status_code == 200
    assert (await runpod.lost(job)).status_code == 404
    assert (await runpod.post(f"cancel/{job}")).status_code == 404


async def test_a_job_that_runs_longer_than_allowed_is_timed_out(start: Start) -> None:
    runpod = await start(Script(latency=Latency(run=60)))
    answer = await runpod.ended(await runpod.submit(policy={"executionTimeout": 50}))
    assert (answer["status"], answer["error"]) == ("TIMED_OUT", "job timed out")
    assert runpod.script.counts.timed_out == 1


async def test_a_job_can_be_cancelled(start: Start) -> None:
    runpod = await start()
    for state, latency in {"IN_QUEUE": Latency(queue=60), "IN_PROGRESS": Latency(run=60)}.items():
        runpod.script.latency = latency
        job = await runpod.submit()
        await runpod.until(job, state)
        answer = await runpod.post(f"cancel/{job}")
        assert answer.json() == {"id": job, "status": "CANCELLED"}
        assert (await runpod.ended(job))["status"] == "CANCELLED"
        await runpod.post(f"cancel/{job}")
    assert runpod.script.counts.cancelled == 2


async def test_only_a_failed_job_can_be_retried(start: Start) -> None:
    runpod = await start()
    runpod.script.next(Outcome.FAILED, Outcome.COMPLETED)
    failed, completed = await runpod.submit(), await runpod.submit()
    await runpod.ended(failed)
    await runpod.ended(completed)
    assert (await runpod.post(f"retry/{completed}")).status_code == 400
    assert (await runpod.post(f"retry/{failed}")).json() == {"id": failed, "status": "IN_QUEUE"}
    assert "error" not in await runpod.until(failed, "COMPLETED")
    counts = runpod.script.counts
    assert (counts.submitted, counts.retried, counts.failed, counts.completed) == (2, 1, 1, 2)


async def test_health_counts_jobs(start: Start) -> None:
    runpod = await start()
    runpod.script.next(Outcome.FAILED)
    await runpod.ended(await runpod.submit())
    runpod.script.latency = Latency(queue=60)
    await runpod.submit()
    answer = (await runpod.http.get("/v2/ep/health")).json()
    assert answer["jobs"] == {
        "completed": 0,
        "failed": 1,
        "inProgress": 0,
        "inQueue": 1,
        "retried": 0,
    }
    assert set(answer["workers"]) == {"idle", "running"}


# --- what is refused ---------------------------------------------------------------------------


async def test_asks_for_the_key(start: Start) -> None:
    runpod = await start()
    job = await runpod.submit()
    for header in ("", "Bearer wrong", KEY.get_secret_value()):
        runpod.http.headers["Authorization"] = header
        assert (await runpod.run()).status_code == 401
        for path in (f"status/{job}", "health"):
            assert (await runpod.http.get(f"/v2/ep/{path}")).status_code == 401
        for path in (f"cancel/{job}", f"retry/{job}"):
            assert (await runpod.post(path)).status_code == 401
    assert runpod.script.counts.requests == 1


async def test_refuses_bodies_over_ten_megabytes(start: Start) -> None:
    runpod = await start()
    answer = await runpod.run(b"x" * (BODY_LIMIT * 3 // 4))
    assert answer.status_code == 413
    assert runpod.script.counts.submitted == 0
    nearly = b"x" * (BODY_LIMIT * 3 // 4 - 1000)
    assert (await runpod.run(nearly)).status_code == 200
    runpod.http.headers["Authorization"] = "Bearer wrong"
    assert (await runpod.run(nearly)).status_code == 401


async def test_refuses_what_is_no_submission(start: Start) -> None:
    runpod = await start()
    for body in ("", "[]", "{}", '{"input": {}}', '{"input": 1}', "nonsense"):
        assert (await runpod.http.post("/v2/ep/run", content=body)).status_code == 400, body
    assert runpod.script.counts.submitted == 0


async def test_unknown_jobs_are_not_found(start: Start) -> None:
    runpod = await start()
    assert (await runpod.status("nobody")).status_code == 404
    assert (await runpod.post("cancel/nobody")).status_code == 404
    assert (await runpod.post("retry/nobody")).status_code == 404


async def test_bad_input_fails_the_job(start: Start) -> None:
    runpod = await start()
    photo = base64.b64encode(PHOTO).decode()
    cases: list[tuple[dict[str, object], str]] = [
        ({"image": "!!"}, "Error"),
        ({"image": base64.b64encode(b"no picture").decode()}, "InvalidInputError"),
        ({"picture": "x"}, "KeyError"),
        ({"image": photo, "steps": 99}, "InvalidInputError"),
        ({"image": photo, "steps": "many"}, "ValidationError"),
    ]
    for given, kind in cases:
        answer = (await runpod.http.post("/v2/ep/run", json={"input": given})).json()
        ended = await runpod.ended(answer["id"])
        assert ended["status"] == "FAILED"
        assert json.loads(ended["error"])["error_type"] == kind


# --- scripted outcomes -------------------------------------------------------------------------


async def test_jobs_end_as_planned(start: Start) -> None:
    runpod = await start()
    for outcome, state in {
        Outcome.FAILED: "FAILED",
        Outcome.CANCELLED: "CANCELLED",
        Outcome.TIMED_OUT: "TIMED_OUT",
        Outcome.BAD_RESULT: "COMPLETED",
    }.items():
        runpod.script.next(outcome)
        answer = await runpod.ended(await runpod.submit())
        assert answer["status"] == state
        assert ("error" in answer) is (state in {"FAILED", "TIMED_OUT"})
        assert answer.get("output") == ({"surprise": 42} if state == "COMPLETED" else None)
    assert (await runpod.ended(await runpod.submit()))["output"]["image"]


async def test_requests_are_refused_as_planned(start: Start) -> None:
    runpod = await start()
    for number, (outcome, status) in enumerate(
        {
            Outcome.RATE_LIMITED: 429,
            Outcome.UNAVAILABLE: 503,
            Outcome.UNAUTHORIZED: 401,
            Outcome.UNPAID: 402,
        }.items()
    ):
        special = Turn(outcome=outcome, status=599, message="so", retry_after=7)
        runpod.script.next(outcome, special)
        answer = await runpod.run()
        assert (answer.status_code, answer.headers.get("Retry-After")) == (status, None)
        answer = await runpod.run()
        assert (answer.status_code, answer.text) == (599, "so")
        assert answer.headers["Retry-After"] == "7"
        assert runpod.script.counts.submitted == number
        job = await runpod.submit()
        runpod.script.next_polls(outcome)
        assert (await runpod.status(job)).status_code == status
        await runpod.ended(job)


async def test_a_cut_before_is_not_accepted_and_a_cut_after_is(start: Start) -> None:
    runpod = await start()
    runpod.script.next(Outcome.CUT_BEFORE, Outcome.CUT_AFTER)
    with pytest.raises(httpx.TransportError):
        await runpod.run()
    assert runpod.script.counts.submitted == 0
    with pytest.raises(httpx.TransportError):
        await runpod.run()
    assert runpod.script.counts.submitted == 1
    [job] = runpod.script.counts.jobs
    runpod.script.next_polls(Outcome.CUT_BEFORE, Outcome.CUT_AFTER)
    for _ in range(2):
        with pytest.raises(httpx.TransportError):
            await runpod.status(job)
    await runpod.ended(job)


async def test_garbage_slowness_and_forgotten_jobs(start: Start) -> None:
    runpod = await start()
    runpod.script.next(Outcome.GARBAGE, Turn(outcome=Outcome.SLOW, seconds=0.3), Outcome.GONE)
    answer = await runpod.run()
    assert (answer.status_code, answer.headers["Content-Type"]) == (200, "text/html; charset=utf-8")
    began = time.monotonic()
    job = await runpod.submit()
    assert time.monotonic() - began >= 0.3
    forgotten = await runpod.submit()
    assert (await runpod.status(forgotten)).status_code == 404
    runpod.script.next_polls(Outcome.GARBAGE, Outcome.GONE)
    assert (await runpod.status(job)).text.startswith("<html>")
    assert (await runpod.status(job)).status_code == 404
    assert (await runpod.ended(job))["status"] == "COMPLETED"
    counts = runpod.script.counts
    assert (counts.submitted, counts.duplicates) == (3, 2)


async def test_counts_tell_a_second_submission_of_the_same(start: Start) -> None:
    runpod = await start()
    other = sample_photos()[2].data
    await asyncio.gather(runpod.run(), runpod.run(), runpod.run(other))
    given = {"image": base64.b64encode(PHOTO).decode(), "megapixels": 0.5, "steps": 5}
    await runpod.http.post("/v2/ep/run", json={"input": given})
    counts = runpod.script.counts
    assert sorted(counts.payloads.values()) == [1, 1, 2]
    assert (counts.submitted, counts.duplicates) == (4, 1)
    assert (
        sorted(counts.jobs.values()).count(max(counts.payloads, key=counts.payloads.__getitem__))
        == 2
    )


async def test_dozens_of_jobs_run_beside_each_other(start: Start) -> None:
    runpod = await start(Script(latency=Latency(run=1.0)))
    jobs = await asyncio.gather(*(runpod.submit() for _ in range(60)))
    await asyncio.gather(*(runpod.ended(job) for job in jobs[:5]))
    assert runpod.script.counts.max_concurrent > 20
