"""RunPod's serverless endpoint, which draws the colourings."""

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import replace
from functools import cached_property
from typing import Literal

import httpx
from pydantic import SecretStr

from fototui.clients.runpod_wire import (
    SERVICE,
    RunPodHealth,
    RunPodJob,
    UnusableResultError,
    as_png,
    is_job_id,
    read_health,
    read_job,
    read_job_id,
    run_body,
)
from fototui.domain.errors import (
    AccountError,
    ConfigurationError,
    OutsideError,
    PermanentError,
    ResultGoneError,
    TransientError,
)
from fototui.domain.options import ColoringOptions
from fototui.domain.sentences import Sentence
from fototui.domain.statuses import RunPodJobStatus
from fototui.domain.text import clean_line
from fototui.log import get_logger
from fototui.net.client import open_client
from fototui.net.closing import Closing
from fototui.net.exchange import Answer, credential, exchange, megabytes, passing_error, web_address

log = get_logger(__name__)

# RunPod docs, "Send API requests": the body of /run may have 10 MB.
MAX_BODY_BYTES = 10_000_000

# A result in base64; the biggest colouring has 8 megapixels.
_MAX_ANSWER_BYTES = 64_000_000
_MAX_RESULT_BYTES = 48_000_000

# Polling begins at a fifth of the interval and grows by half; what waits in a queue for long may
# wait for a worker to boot, so it is asked less often.
_FIRST_PAUSE = 0.2
_GROWTH = 1.5
_QUEUE_FACTOR = 3.0
_LONGEST_FAILURE_PAUSE = 30.0

# What /cancel answers for a job that is over; undocumented, so every plain refusal counts.
_NOTHING_TO_CANCEL = frozenset({400, 404, 409, 410})


class RunPodService(Closing):
    """One endpoint of RunPod, over one long-lived HTTP client.

    All calls raise `TransientError` (network, 429, 5xx) and `AccountError` (401, 402, 403).

    Args:
        api_url: Base address, `https://api.runpod.ai/v2`.
        endpoint_id: The endpoint's id.
        api_key: API key.
        poll_interval: Seconds between two looks at a job at work, once the first ones are past.
        request_seconds: Longest time for one request, its answer included.

    Raises:
        ConfigurationError: The key or the endpoint's id is missing or has the wrong form.
    """

    def __init__(
        self,
        api_url: str,
        endpoint_id: str,
        api_key: SecretStr,
        *,
        poll_interval: float = 3.0,
        request_seconds: float = 120.0,
    ) -> None:
        if not is_job_id(endpoint_id):
            raise ConfigurationError(
                "RUNPOD_ENDPOINT_ID is {value}; it is a short word such as a1b2c3d4e5.",
                value=repr(endpoint_id),
            )
        self._base = web_address(f"{api_url.rstrip('/')}/{endpoint_id}/", "RUNPOD_API_URL")
        # Not the client's own header: results are fetched from strangers through the same client.
        self._headers = {"Authorization": f"Bearer {credential(api_key, 'RUNPOD_API_KEY')}"}
        self._poll_interval = poll_interval
        self._request_seconds = request_seconds

    @cached_property
    def _client(self) -> httpx.AsyncClient:
        # Made when first used: what all certificates take is nothing for an engine without jobs.
        seconds = self._request_seconds
        return open_client(
            lambda: httpx.AsyncClient(
                timeout=httpx.Timeout(min(30.0, seconds), write=min(60.0, seconds)),
                limits=httpx.Limits(max_connections=64, max_keepalive_connections=16),
            )
        )

    async def submit(
        self, image: bytes, options: ColoringOptions, *, timeout_seconds: float
    ) -> str:
        """Hand a photo in.

        RunPod knows no idempotency key: when the error is `ambiguous`, a job may be running.

        Args:
            image: The prepared photo.
            options: What to make of it.
            timeout_seconds: How long a worker may work on it.

        Returns:
            RunPod's id of the job.

        Raises:
            PermanentError: The photo is too big, or RunPod refuses the request.
        """
        body = await asyncio.to_thread(run_body, image, options, timeout_seconds=timeout_seconds)
        if len(body) > MAX_BODY_BYTES:
            raise PermanentError(
                "The photo is too big for RunPod ({size} MB of {limit} MB at most); it has to be "
                "scaled down before.",
                service=SERVICE,
                size=megabytes(len(body)),
                limit=megabytes(MAX_BODY_BYTES),
            )
        answer = await self._ask("POST", "run", body)
        if not answer.is_success:
            raise _refusal(answer)
        job_id = read_job_id(answer.body)
        if job_id is None:
            raise TransientError(
                "RunPod answered without a job id ({answer}); it is not known whether the job "
                "runs.",
                service=SERVICE,
                status=answer.status,
                answer=answer.summary,
                ambiguous=True,
            )
        return job_id

    async def status(self, job_id: str) -> RunPodJob:
        """Look at a job, and take its result along when it is complete.

        Args:
            job_id: RunPod's id.

        Raises:
            ResultGoneError: RunPod does not know the job any more (after about 30 minutes).
            UnusableResultError: The job completed without a picture that can be read.
        """
        answer = await self._ask("GET", f"status/{_checked(job_id)}")
        if answer.status == 404:
            raise ResultGoneError(
                "RunPod no longer knows job {job}; generate the colouring again.",
                service=SERVICE,
                status=404,
                job=job_id,
            )
        if not answer.is_success:
            raise _refusal(answer)
        job, address = await asyncio.to_thread(read_job, job_id, answer.body)
        if address is None:
            return job
        try:
            return replace(job, image=await self._download(address))
        except PermanentError as error:
            raise UnusableResultError(error.sentence, seen=job) from error

    async def cancel(self, job_id: str) -> None:
        """Stop a job; one that is over or unknown is fine.

        Args:
            job_id: RunPod's id.
        """
        answer = await self._ask("POST", f"cancel/{_checked(job_id)}")
        if not answer.is_success and answer.status not in _NOTHING_TO_CANCEL:
            raise _refusal(answer)

    async def health(self) -> RunPodHealth:
        """Jobs and workers of the endpoint."""
        answer = await self._ask("GET", "health")
        if not answer.is_success:
            raise _refusal(answer)
        health = read_health(answer.body)
        if health is None:
            raise TransientError(
                "RunPod's health answer cannot be read ({answer}); check RUNPOD_API_URL.",
                service=SERVICE,
                status=answer.status,
                answer=answer.summary,
            )
        return health

    async def wait(
        self,
        job_id: str,
        *,
        timeout_seconds: float,
        on_status: Callable[[RunPodJob], Awaitable[None]],
    ) -> RunPodJob:
        """Look at a job again and again until it is over.

        Looks that fail for a passing reason are repeated, later and later.

        Args:
            job_id: RunPod's id.
            timeout_seconds: How long to wait; the job is looked at at least once.
            on_status: Awaited with the job at the first look and at every change of its status.

        Returns:
            The job in its final status.

        Raises:
            TransientError: The time ran out.
            ResultGoneError: RunPod does not know the job.
        """
        clock = asyncio.get_running_loop().time
        deadline = clock() + timeout_seconds
        seen: RunPodJobStatus | None = None
        looks = failures = 0
        while True:
            try:
                job = await self.status(job_id)
            except TransientError as error:
                failures += 1
                pause = _failure_pause(self._poll_interval, failures, error.retry_after)
                log.warning("RunPod could not be asked", job=job_id, fault=str(error))
            else:
                failures = 0
                if job.status is not seen:
                    seen, looks = job.status, 0
                    await on_status(job)
                if job.status.is_final:
                    return job
                pause = polling_pause(self._poll_interval, looks, job.status)
                looks += 1
            left = deadline - clock()
            if left <= 0:
                raise _timed_out(job_id, timeout_seconds, seen)
            await asyncio.sleep(min(pause, left))

    async def aclose(self) -> None:
        """Close the connections."""
        if "_client" in vars(self):
            await self._client.aclose()

    async def _ask(
        self, method: Literal["GET", "POST"], path: str, body: bytes | None = None
    ) -> Answer:
        headers = self._headers
        if body is not None:
            headers = {**headers, "Content-Type": "application/json"}
        request = self._client.build_request(
            method, self._base.join(path), headers=headers, content=body
        )
        return await exchange(
            self._client,
            request,
            service=SERVICE,
            max_bytes=_MAX_ANSWER_BYTES,
            seconds=self._request_seconds,
        )

    async def _download(self, address: str) -> bytes:
        """Fetch a result that the worker put elsewhere, without our key.

        Plain http is followed only to RunPod's own address, as a stand-in on this machine has.
        """
        try:
            url = httpx.URL(address)
        except httpx.InvalidURL:
            url = httpx.URL()
        if url.scheme != "https" and _origin(url) != _origin(self._base):
            raise PermanentError(
                "RunPod's result lies at an address that is not https; let the worker use an "
                "https bucket.",
                service=SERVICE,
            )
        answer = await exchange(
            self._client,
            self._client.build_request("GET", url),
            service=SERVICE,
            max_bytes=_MAX_RESULT_BYTES,
            seconds=self._request_seconds,
        )
        if answer.is_passing:
            raise passing_error(answer, SERVICE)
        if not answer.is_success:
            raise ResultGoneError(
                "RunPod's result is not at its address any more (HTTP {status}); generate the "
                "colouring again.",
                service=SERVICE,
                status=answer.status,
            )
        return await asyncio.to_thread(as_png, answer.body)


def _origin(url: httpx.URL) -> tuple[str, str, int | None]:
    return url.scheme, url.host, url.port


def _checked(job_id: str) -> str:
    if not is_job_id(job_id):
        raise PermanentError(
            "{job} is not a RunPod job id; generate the colouring again.",
            service=SERVICE,
            job=repr(clean_line(job_id, limit=100)),
        )
    return job_id


def polling_pause(interval: float, looks: int, status: RunPodJobStatus) -> float:
    """Seconds until the next look at a job.

    Args:
        interval: The usual pause, in seconds.
        looks: Looks so far that found it in the same status, but the first one.
        status: That status.
    """
    ceiling = interval * (_QUEUE_FACTOR if status is RunPodJobStatus.IN_QUEUE else 1.0)
    # The exponent is bounded: a float power would overflow in a job that waits for days.
    return min(interval * _FIRST_PAUSE * _GROWTH ** min(looks, 20), ceiling)


def _failure_pause(interval: float, failures: int, retry_after: float | None) -> float:
    """Seconds until the next look after so many failed ones."""
    if retry_after is not None:
        return retry_after
    return min(interval * 2.0 ** min(failures - 1, 20), max(interval, _LONGEST_FAILURE_PAUSE))


def _refusal(answer: Answer) -> OutsideError:
    """What a plain refusal means; bodies are undocumented, so the status alone decides."""
    if answer.is_passing:
        return passing_error(answer, SERVICE)
    match answer.status:
        case 401 | 403:
            advice = Sentence.make("RunPod refuses the API key; check RUNPOD_API_KEY")
        case 402:
            advice = Sentence.make("RunPod's account is out of credit; top it up")
        case 404:
            advice = Sentence.make("RunPod knows no such endpoint; check RUNPOD_ENDPOINT_ID")
        case status if 300 <= status < 400:
            advice = Sentence.make("RunPod is somewhere else; check RUNPOD_API_URL")
        case status:
            return PermanentError(
                "RunPod refused the request ({answer}); see whether the worker takes the options.",
                service=SERVICE,
                status=status,
                answer=answer.summary,
            )
    refusal = Sentence.joined((advice, Sentence.plain(f"({answer.summary}).")))
    return AccountError(refusal, service=SERVICE, status=answer.status)


def _timed_out(job_id: str, seconds: float, seen: RunPodJobStatus | None) -> TransientError:
    if seen is None:
        return TransientError(
            "RunPod told nothing of job {job} for {seconds} s; see whether the network is right.",
            service=SERVICE,
            job=job_id,
            seconds=seconds,
        )
    return TransientError(
        "RunPod did not finish job {job} within {seconds} s (last state: {state}); see whether the "
        "endpoint has workers.",
        service=SERVICE,
        job=job_id,
        seconds=seconds,
        state=seen,
    )
