from __future__ import annotations

import asyncio
import base64
import time
from collections.abc import AsyncIterator
from typing import TYPE_CHECKING

import pytest
from pydantic import SecretStr

from fototui.clients.runpod import RunPodService, polling_pause
from fototui.clients.runpod_wire import RunPodJob
from fototui.domain.errors import (
    AccountError,
    OutsideError,
    PermanentError,
    ResultGoneError,
    TransientError,
)
from fototui.domain.statuses import RunPodJobStatus
from tests.waiting import PATIENCE

if TYPE_CHECKING:
    from tests.clients.conftest import Picture, RawServer, Service

JOB = "60902e6c-u1"


class Seen(list[RunPodJobStatus]):
    """The statuses that `wait` told of."""

    async def __call__(self, job: RunPodJob) -> None:
        self.append(job.status)


def _runpod(url: str) -> RunPodService:
    return RunPodService(url, "colour1", SecretStr("key"), poll_interval=0.01, request_seconds=20)


@pytest.fixture
async def runpod(service: Service) -> AsyncIterator[RunPodService]:
    async with _runpod(service.url) as made:
        yield made


def _states(*states: str) -> list[dict[str, object]]:
    return [{"id": JOB, "status": state} for state in states]


async def test_every_change_is_told_once_until_the_result_is_there(
    runpod: RunPodService, service: Service, picture: Picture
) -> None:
    service.will(*_states("IN_QUEUE", "IN_QUEUE", "RUNNING", "IN_PROGRESS", "RUNNING"))
    b64 = base64.b64encode(picture()).decode()
    service.will({"id": JOB, "status": "COMPLETED", "output": {"image": b64}})
    seen = Seen()
    job = await runpod.wait(JOB, timeout_seconds=20, on_status=seen)
    assert seen == ["IN_QUEUE", "IN_PROGRESS", "COMPLETED"]
    assert job.image == picture()
    assert len(service.received) == 6


@pytest.mark.parametrize("state", ["FAILED", "CANCELLED", "TIMED_OUT"])
async def test_a_job_that_ends_badly_is_returned(
    runpod: RunPodService, service: Service, state: str
) -> None:
    service.will(*_states("IN_PROGRESS", state))
    seen = Seen()
    job = await runpod.wait(JOB, timeout_seconds=20, on_status=seen)
    assert (job.status, job.image) == (state, None)
    assert seen == ["IN_PROGRESS", state]


async def test_looks_that_fail_are_repeated(runpod: RunPodService, service: Service) -> None:
    service.will(*_states("IN_QUEUE"))
    service.will("oops", status=500)
    service.will("not json")
    service.will("", status=429, Retry_After="0.02")
    service.will("", status=524)
    service.will(*_states("IN_QUEUE", "FAILED"))
    seen = Seen()
    await runpod.wait(JOB, timeout_seconds=20, on_status=seen)
    assert seen == ["IN_QUEUE", "FAILED"]
    assert len(service.received) == 7


async def test_broken_connections_are_no_end(raw_server: RawServer) -> None:
    tries = 0

    async def cut(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        nonlocal tries
        tries += 1
        await reader.readuntil(b"\r\n\r\n")
        if tries == 3:
            body = b'{"id": "x", "status": "FAILED", "error": "at last"}'
            writer.write(b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n%b" % (len(body), body))
            await writer.drain()
            await reader.read()

    async with raw_server(cut) as url, _runpod(url) as runpod:
        job = await runpod.wait(JOB, timeout_seconds=20, on_status=Seen())
    assert (job.error, tries) == ("at last", 3)


async def test_retry_after_is_honoured(runpod: RunPodService, service: Service) -> None:
    service.will("", status=429, Retry_After="0.4")
    service.will(*_states("FAILED"))
    started = time.monotonic()
    await runpod.wait(JOB, timeout_seconds=20, on_status=Seen())
    assert time.monotonic() - started >= 0.4


async def test_retry_after_does_not_outlast_the_time(
    runpod: RunPodService, service: Service
) -> None:
    service.will("", status=429, Retry_After="3000")
    service.will(*_states("FAILED"))
    await runpod.wait(JOB, timeout_seconds=3, on_status=Seen())
    assert len(service.received) == 2


@pytest.mark.parametrize(
    ("status", "kind"),
    [(404, ResultGoneError), (401, AccountError), (402, AccountError), (400, PermanentError)],
)
async def test_what_does_not_pass_ends_the_wait(
    runpod: RunPodService, service: Service, status: int, kind: type[OutsideError]
) -> None:
    service.will(*_states("IN_PROGRESS"))
    service.will("", status=status)
    with pytest.raises(kind):
        await runpod.wait(JOB, timeout_seconds=20, on_status=Seen())
    assert len(service.received) == 2


async def test_a_result_that_cannot_be_read_ends_the_wait(
    runpod: RunPodService, service: Service
) -> None:
    service.will({"id": JOB, "status": "COMPLETED", "output": {"text": "hello"}})
    with pytest.raises(PermanentError, match="keys found: text"):
        await runpod.wait(JOB, timeout_seconds=20, on_status=Seen())


@pytest.mark.parametrize(
    ("status", "body", "sentence"),
    [(200, {"status": "IN_QUEUE"}, "last state: IN_QUEUE"), (503, "", "told nothing of job")],
)
async def test_the_time_runs_out(
    runpod: RunPodService, service: Service, status: int, body: object, sentence: str
) -> None:
    service.will(body, status=status)
    with pytest.raises(TransientError, match=sentence) as caught:
        await runpod.wait(JOB, timeout_seconds=0.1, on_status=Seen())
    assert not caught.value.ambiguous
    assert service.received


async def test_a_job_is_looked_at_even_when_no_time_is_left(
    runpod: RunPodService, service: Service
) -> None:
    service.will(*_states("FAILED"))
    job = await runpod.wait(JOB, timeout_seconds=-5, on_status=Seen())
    assert job.status is RunPodJobStatus.FAILED


async def test_what_the_listener_raises_ends_the_wait(
    runpod: RunPodService, service: Service
) -> None:
    service.will(*_states("IN_QUEUE"))

    async def lost(job: RunPodJob) -> None:
        raise LookupError(job.id)

    with pytest.raises(LookupError, match=JOB):
        await runpod.wait(JOB, timeout_seconds=20, on_status=lost)


async def test_a_wait_can_be_cancelled(runpod: RunPodService, service: Service) -> None:
    service.will(*_states("IN_QUEUE"))
    told = asyncio.Event()

    async def tell(job: RunPodJob) -> None:
        del job
        told.set()

    task = asyncio.create_task(runpod.wait(JOB, timeout_seconds=20, on_status=tell))
    await asyncio.wait_for(told.wait(), PATIENCE)
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task


def test_looks_come_soon_at_first_and_seldom_in_a_long_queue() -> None:
    def pauses(status: RunPodJobStatus) -> list[float]:
        return [round(polling_pause(3.2, looks, status), 2) for looks in range(9)]

    assert pauses(RunPodJobStatus.IN_PROGRESS) == [0.64, 0.96, 1.44, 2.16, 3.2, 3.2, 3.2, 3.2, 3.2]
    assert pauses(RunPodJobStatus.IN_QUEUE) == [0.64, 0.96, 1.44, 2.16, 3.24, 4.86, 7.29, 9.6, 9.6]
    assert polling_pause(3.0, 10**9, RunPodJobStatus.IN_QUEUE) == 9
