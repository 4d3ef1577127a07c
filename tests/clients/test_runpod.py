from __future__ import annotations

import asyncio
import base64
import re
from collections.abc import AsyncIterator, Callable
from typing import TYPE_CHECKING

import pytest
from pydantic import SecretStr

from fototui.clients.runpod import MAX_BODY_BYTES, RunPodService
from fototui.clients.runpod_wire import RunPodHealth, RunPodJob, UnusableResultError
from fototui.domain.errors import (
    AccountError,
    ConfigurationError,
    OutsideError,
    PermanentError,
    ResultGoneError,
    TransientError,
)
from fototui.domain.options import ColoringOptions
from fototui.domain.statuses import RunPodJobStatus

if TYPE_CHECKING:
    from tests.clients.conftest import Claim, Picture, RawServer, Service

JOB = "60902e6c-08a1-426e-9cb9-9eaec90f5e2b-u1"
KEY = "rpa_very_secret"


def _runpod(url: str, *, request_seconds: float = 20.0) -> RunPodService:
    return RunPodService(
        f"{url}/v2/",
        "colour1",
        SecretStr(KEY),
        poll_interval=0.01,
        request_seconds=request_seconds,
    )


@pytest.fixture
async def runpod(service: Service) -> AsyncIterator[RunPodService]:
    async with _runpod(service.url) as made:
        yield made


async def _submit(runpod: RunPodService, image: bytes = b"photo") -> str:
    return await runpod.submit(image, ColoringOptions(2.5, 6), timeout_seconds=600)


# --- submitting --------------------------------------------------------------------------------


@pytest.mark.quick
async def test_a_submission_is_what_the_worker_expects(
    runpod: RunPodService, service: Service
) -> None:
    service.will({"id": JOB, "status": "IN_QUEUE"})
    assert await _submit(runpod) == JOB
    [request] = service.received
    assert (request.method, request.path) == ("POST", "/v2/colour1/run")
    assert request.headers["authorization"] == f"Bearer {KEY}"
    assert request.headers["content-type"] == "application/json"
    assert request.json == {
        "input": {
            "image": base64.b64encode(b"photo").decode(),
            "megapixels": 2.5,
            "steps": 6,
        },
        "policy": {"executionTimeout": 600_000},
    }


async def test_a_photo_too_big_is_refused_before_it_is_sent(
    runpod: RunPodService, service: Service
) -> None:
    service.will({"id": JOB})
    with pytest.raises(PermanentError, match="too big for RunPod"):
        await _submit(runpod, bytes(7_500_000))
    assert service.received == []
    await _submit(runpod, bytes(7_499_000))
    assert len(service.received[0].body) <= MAX_BODY_BYTES


@pytest.mark.parametrize(
    "answer",
    [
        "",
        "<html>welcome</html>",
        "[]",
        "null",
        {},
        {"id": None},
        {"id": 7},
        {"id": ""},
        {"id": "../../x"},
        {"id": "x" * 101},
        "[" * 100_000,
    ],
)
async def test_an_answer_without_a_job_id_is_ambiguous(
    runpod: RunPodService, service: Service, answer: object
) -> None:
    service.will(answer)
    with pytest.raises(TransientError, match="without a job id") as caught:
        await _submit(runpod)
    assert caught.value.ambiguous


@pytest.mark.parametrize(
    ("status", "kind", "sentence"),
    [
        (400, PermanentError, "HTTP 400: so it is"),
        (413, PermanentError, "HTTP 413"),
        (422, PermanentError, "HTTP 422"),
        (401, AccountError, "RUNPOD_API_KEY"),
        (403, AccountError, "RUNPOD_API_KEY"),
        (402, AccountError, "credit"),
        (404, AccountError, "RUNPOD_ENDPOINT_ID"),
        (302, AccountError, "RUNPOD_API_URL"),
        (429, TransientError, "fewer requests"),
        (500, TransientError, "problem of its own"),
        (503, TransientError, "problem of its own"),
    ],
)
async def test_refusals_of_a_submission(
    runpod: RunPodService,
    service: Service,
    status: int,
    kind: type[OutsideError],
    sentence: str,
) -> None:
    service.will("so it is", status=status)
    with pytest.raises(kind, match=sentence) as caught:
        await _submit(runpod)
    assert (caught.value.service, caught.value.status) == ("RunPod", status)
    assert KEY not in str(caught.value)
    if isinstance(caught.value, TransientError):
        assert not caught.value.ambiguous


async def test_too_many_requests_tell_how_long_to_wait(
    runpod: RunPodService, service: Service
) -> None:
    service.will("", status=429, Retry_After="13")
    with pytest.raises(TransientError) as caught:
        await _submit(runpod)
    assert caught.value.retry_after == 13


async def test_an_answer_that_never_comes_is_ambiguous(raw_server: RawServer) -> None:
    async def cut(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        del writer
        await reader.readuntil(b"\r\n\r\n")

    async with raw_server(cut) as url, _runpod(url) as runpod:
        with pytest.raises(TransientError) as caught:
            await _submit(runpod)
    assert caught.value.ambiguous


# --- results -----------------------------------------------------------------------------------


def _completed(output: object) -> dict[str, object]:
    return {
        "id": JOB,
        "status": "COMPLETED",
        "delayTime": 1200,
        "executionTime": 34_567,
        "output": output,
        "workerId": "w1",
    }


@pytest.mark.parametrize(
    "shape",
    [
        lambda b64: {"image": b64},
        lambda b64: {"image": f"data:image/png;base64,{b64}"},
        lambda b64: {"output": {"image": b64}},
        lambda b64: {"images": [{"filename": "a.png", "type": "base64", "data": b64}]},
        lambda b64: {"images": [{"image": b64}]},
        lambda b64: [{"image": b64}],
        lambda b64: [{"output": {"image": b64}}],
        lambda b64: {"image_url": f"data:image/png;base64,{b64}"},
        lambda b64: {"image": None, "image_url": f"data:image/png;base64,{b64}"},
        lambda b64: {"image": b64, "seed": 7, "errors": []},
        lambda b64: {"image": "\n".join(re.findall(".{1,76}", b64))},
    ],
)
async def test_every_known_shape_of_a_result_is_read(
    runpod: RunPodService, service: Service, picture: Picture, shape: Callable[[str], object]
) -> None:
    png = picture()
    service.will(_completed(shape(base64.b64encode(png).decode())))
    job = await runpod.status(JOB)
    assert service.received[0].path == f"/v2/colour1/status/{JOB}"
    assert job == RunPodJob(
        JOB, RunPodJobStatus.COMPLETED, image=png, execution_ms=34567, delay_ms=1200
    )
    assert png.hex()[:40] not in repr(job)


@pytest.mark.parametrize("state", ["FAILED", "CANCELLED", "TIMED_OUT", "IN_PROGRESS"])
async def test_the_times_of_a_job_are_read_in_any_state(
    runpod: RunPodService, service: Service, state: str
) -> None:
    service.will({"status": state, "executionTime": 2345.6, "delayTime": 0})
    job = await runpod.status(JOB)
    assert (job.execution_ms, job.delay_ms) == (2346, 0)


async def test_a_result_that_cannot_be_used_was_still_worked_on(
    runpod: RunPodService, service: Service
) -> None:
    service.will(_completed({"surprise": 42}))
    with pytest.raises(UnusableResultError) as caught:
        await runpod.status(JOB)
    assert (caught.value.seen.execution_ms, caught.value.seen.delay_ms) == (34567, 1200)


@pytest.mark.parametrize("time", [None, True, "12", -1, [7], {}, 1e300, 10**40, 8 * 24 * 3600_000])
async def test_a_time_that_is_none_is_not_known(
    runpod: RunPodService, service: Service, time: object
) -> None:
    service.will({"status": "FAILED", "executionTime": time, "delayTime": time})
    job = await runpod.status(JOB)
    assert (job.execution_ms, job.delay_ms) == (None, None)


@pytest.mark.parametrize("kind", ["JPEG", "WEBP"])
async def test_results_of_other_kinds_become_png(
    runpod: RunPodService, service: Service, picture: Picture, kind: str
) -> None:
    service.will(_completed({"image": base64.b64encode(picture(kind=kind)).decode()}))
    job = await runpod.status(JOB)
    assert job.image is not None
    assert job.image.startswith(b"\x89PNG")


@pytest.mark.parametrize(
    ("output", "sentence"),
    [
        (None, "it is empty"),
        ({}, "it is empty"),
        ({"picture": "x", "seed": 1}, "keys found: picture, seed"),
        ({"image": 7}, "keys found: image"),
        ({"images": []}, "keys found: images"),
        ({"images": [{"type": "hologram", "data": "x"}]}, "keys found: images"),
        ([{"b": 1, "a": 2}], "keys found in its list: a, b"),
        ([], "it is empty"),
        ([{}], "it is a list"),
        ("aGVsbG8=", "it is a str"),
        (7, "it is a int"),
        ({"error": "CUDA out of memory\x1b[2J"}, r"it says: CUDA out of memory\[2J"),
        ({"image": "not base64!"}, "not valid base64"),
        ({"image": "ž"}, "not valid base64"),
        ({"image": ""}, "not a picture that can be used"),
        ({"image": "aGVsbG8="}, "not a picture that can be used"),
        ({"image_url": "data:text/plain;base64,aGVsbG8="}, "not a picture that can be used"),
        ({"output": {"output": {"output": {"output": {"output": {"image": "x"}}}}}}, "output"),
        ({"image": "ftp://example.com/x.png"}, "not valid base64"),
    ],
)
async def test_a_result_without_a_picture_is_permanent_and_names_what_it_has(
    runpod: RunPodService, service: Service, output: object, sentence: str
) -> None:
    service.will(_completed(output))
    with pytest.raises(PermanentError, match=sentence):
        await runpod.status(JOB)


async def test_a_damaged_or_huge_picture_is_permanent(
    runpod: RunPodService, service: Service, picture: Picture, claim: Claim
) -> None:
    for data in (picture(noise=True)[:-500], claim(8_001, 8_000), picture(kind="GIF")):
        service.answers.clear()
        service.will(_completed({"image": base64.b64encode(data).decode()}))
        with pytest.raises(PermanentError, match="not a picture that can be used"):
            await runpod.status(JOB)


# --- results that lie elsewhere ----------------------------------------------------------------


async def test_a_result_may_lie_at_an_address_of_the_same_host(
    runpod: RunPodService, service: Service, picture: Picture
) -> None:
    url = f"{service.url}/bucket/a.png?X-Amz-Signature=abc"
    service.will(_completed({"images": [{"filename": "a.png", "type": "s3_url", "data": url}]}))
    service.will(picture())
    job = await runpod.status(JOB)
    assert job.image == picture()
    assert service.received[1].path == "/bucket/a.png"


async def test_our_key_is_not_shown_to_the_place_of_a_result(
    runpod: RunPodService, service: Service, picture: Picture
) -> None:
    service.will(_completed({"image_url": f"{service.url}/a.png"}), picture(kind="WEBP"))
    job = await runpod.status(JOB)
    assert job.image is not None
    assert job.image.startswith(b"\x89PNG")
    assert "authorization" not in service.received[1].headers


async def test_plain_http_elsewhere_is_refused(
    runpod: RunPodService, service: Service, elsewhere: Service, picture: Picture
) -> None:
    elsewhere.will(picture())
    for url in (f"{elsewhere.url}/a.png", "http://169.254.169.254/latest/", "http://[::1"):
        service.answers.clear()
        service.will(_completed({"image_url": url}))
        with pytest.raises(PermanentError, match="not https"):
            await runpod.status(JOB)
    assert elsewhere.received == []


@pytest.mark.parametrize(
    ("status", "kind"),
    [(403, ResultGoneError), (404, ResultGoneError), (302, ResultGoneError), (503, TransientError)],
)
async def test_a_result_that_cannot_be_fetched(
    runpod: RunPodService, service: Service, status: int, kind: type[OutsideError]
) -> None:
    service.will(_completed({"image_url": f"{service.url}/a.png"}))
    service.will("<Error/>", status=status)
    with pytest.raises(kind):
        await runpod.status(JOB)


async def test_a_fetched_result_must_be_a_picture(runpod: RunPodService, service: Service) -> None:
    service.will(_completed({"image_url": f"{service.url}/a.png"}), "hello")
    with pytest.raises(PermanentError, match="not a picture that can be used"):
        await runpod.status(JOB)


# --- states and failures -----------------------------------------------------------------------


@pytest.mark.parametrize(
    ("state", "status"),
    [
        ("IN_QUEUE", RunPodJobStatus.IN_QUEUE),
        ("IN_PROGRESS", RunPodJobStatus.IN_PROGRESS),
        ("RUNNING", RunPodJobStatus.IN_PROGRESS),
    ],
)
async def test_states_under_way(
    runpod: RunPodService, service: Service, state: str, status: RunPodJobStatus
) -> None:
    service.will({"id": JOB, "status": state, "delayTime": "soon", "output": "half", "error": ""})
    assert await runpod.status(JOB) == RunPodJob(JOB, status)


@pytest.mark.parametrize("state", ["FAILED", "CANCELLED", "TIMED_OUT"])
@pytest.mark.parametrize(
    ("fields", "error"),
    [
        ({"error": "out of memory\n\x1b[31m at line 3"}, "out of memory [31m at line 3"),
        (
            {"error": '{"error_type": "<class \'ValueError\'>", "error_message": "bad image"}'},
            "ValueError: bad image",
        ),
        (
            {
                "error": '{"error_type": "<class \'torch.cuda.OutOfMemoryError\'>",'
                ' "error_message": "no room", "error_traceback": "Traceback"}'
            },
            "OutOfMemoryError: no room",
        ),
        ({"error": '{"error_message": "only this"}'}, "only this"),
        ({"error": {"error_type": "E", "error_message": "as an object"}}, "E: as an object"),
        ({"error": {"message": "another key"}}, "another key"),
        ({"error": {"code": 5}}, '{"code": 5}'),
        ({"error": '"quoted"'}, '"quoted"'),
        ({"error": "[" * 50_000}, "[" * 499 + "…"),
        ({"output": {"error": "told in the output"}}, "told in the output"),
        ({"output": {"image": "x"}}, None),
        ({"error": ""}, None),
        ({}, None),
    ],
)
async def test_failures_tell_why(
    runpod: RunPodService,
    service: Service,
    state: str,
    fields: dict[str, object],
    error: str | None,
) -> None:
    service.will({"id": JOB, "status": state, **fields})
    job = await runpod.status(JOB)
    assert job == RunPodJob(JOB, RunPodJobStatus(state), error=error)
    assert job.status.is_final


@pytest.mark.parametrize("answer", ["", "busy", "[]", {}, {"status": "DANCING"}, {"status": None}])
async def test_an_unreadable_status_is_transient(
    runpod: RunPodService, service: Service, answer: object
) -> None:
    service.will(answer)
    with pytest.raises(TransientError, match="cannot be read") as caught:
        await runpod.status(JOB)
    assert not caught.value.ambiguous


async def test_an_unknown_job_is_gone(runpod: RunPodService, service: Service) -> None:
    service.will("job not found", status=404)
    with pytest.raises(ResultGoneError, match="generate the colouring again"):
        await runpod.status(JOB)


@pytest.mark.parametrize(
    ("status", "kind"),
    [(400, PermanentError), (401, AccountError), (402, AccountError), (429, TransientError)],
)
async def test_refusals_of_a_status(
    runpod: RunPodService, service: Service, status: int, kind: type[OutsideError]
) -> None:
    service.will("", status=status)
    with pytest.raises(kind):
        await runpod.status(JOB)


@pytest.mark.parametrize("job_id", ["", "..", "a/b", "a?b", "a b", "x" * 101])
async def test_a_job_id_cannot_change_the_address(
    runpod: RunPodService, service: Service, job_id: str
) -> None:
    service.will({"status": "IN_QUEUE"})
    for call in (runpod.status(job_id), runpod.cancel(job_id)):
        with pytest.raises(PermanentError, match="not a RunPod job id"):
            await call
    assert service.received == []


# --- cancelling and health ---------------------------------------------------------------------


@pytest.mark.parametrize("status", [200, 400, 404, 409])
async def test_cancelling_a_job_that_is_over_is_fine(
    runpod: RunPodService, service: Service, status: int
) -> None:
    service.will({"id": JOB, "status": "CANCELLED"}, status=status)
    await runpod.cancel(JOB)
    [request] = service.received
    assert (request.method, request.path) == ("POST", f"/v2/colour1/cancel/{JOB}")


@pytest.mark.parametrize(("status", "kind"), [(401, AccountError), (500, TransientError)])
async def test_cancelling_may_fail(
    runpod: RunPodService, service: Service, status: int, kind: type[OutsideError]
) -> None:
    service.will("", status=status)
    with pytest.raises(kind):
        await runpod.cancel(JOB)


async def test_health_is_read(runpod: RunPodService, service: Service) -> None:
    service.will(
        {
            "jobs": {"completed": 5, "failed": 4, "inProgress": 3, "inQueue": 2, "retried": 1},
            "workers": {"idle": 6, "running": 7, "throttled": 8},
        }
    )
    assert await runpod.health() == RunPodHealth(
        completed=5, failed=4, in_progress=3, in_queue=2, retried=1, idle=6, running=7
    )
    assert service.received[0].path == "/v2/colour1/health"


async def test_health_may_be_sparse(runpod: RunPodService, service: Service) -> None:
    service.will({"jobs": {}, "workers": {"idle": 1}})
    assert await runpod.health() == RunPodHealth(idle=1)


@pytest.mark.parametrize(
    "answer",
    ["", "ok", [], {}, {"jobs": 5, "workers": 1}, {"jobs": {"failed": "x"}, "workers": {}}],
)
async def test_a_health_answer_that_is_none(
    runpod: RunPodService, service: Service, answer: object
) -> None:
    service.will(answer)
    with pytest.raises(TransientError, match="RUNPOD_API_URL"):
        await runpod.health()


async def test_a_wrong_endpoint_is_told_by_name(runpod: RunPodService, service: Service) -> None:
    service.will("not found", status=404)
    with pytest.raises(AccountError, match="RUNPOD_ENDPOINT_ID"):
        await runpod.health()


@pytest.mark.parametrize(
    ("url", "endpoint", "key", "sentence"),
    [
        ("api.runpod.ai/v2", "a1", "k", "RUNPOD_API_URL"),
        ("https://api.runpod.ai/v2", "", "k", "RUNPOD_ENDPOINT_ID"),
        ("https://api.runpod.ai/v2", "a/b", "k", "RUNPOD_ENDPOINT_ID"),
        ("https://api.runpod.ai/v2", "a1", "", "RUNPOD_API_KEY"),
    ],
)
def test_wrong_settings_are_told_by_name(url: str, endpoint: str, key: str, sentence: str) -> None:
    with pytest.raises(ConfigurationError, match=sentence):
        RunPodService(url, endpoint, SecretStr(key))
