"""What RunPod's serverless API sends and takes (v2): pure readers and writers of its JSON.

Parsing a result of many megabytes keeps the processor busy; call `read_job` in a thread.
"""

import base64
import binascii
import json
import re
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import NoReturn

from pydantic import BaseModel, ConfigDict, ValidationError
from pydantic_core import from_json

from fototui.domain.errors import InvalidInputError, PermanentError, TransientError
from fototui.domain.options import ColoringOptions
from fototui.domain.sentences import Sentence
from fototui.domain.statuses import RunPodJobStatus
from fototui.domain.text import clean_line

SERVICE = "RunPod"

# What the database has room for; the id also becomes part of an address.
_JOB_ID = re.compile(r"[A-Za-z0-9_-]{1,100}")

# How a worker's Python names the class of an exception.
_CLASS_NAME = re.compile(r"<class '(?:\w+\.)*(\w+)'>")

# A week, which is RunPod's own limit of a job's life.
_LONGEST_MS = 7 * 24 * 3600 * 1000

# `output` inside `output`, and a list around it: deeper than that nothing was seen.
_DEEPEST = 4


@dataclass(frozen=True, slots=True)
class RunPodJob:
    """A job as RunPod sees it.

    Args:
        id: RunPod's id.
        status: Its state; RUNNING is told as IN_PROGRESS.
        image: The result, a PNG; only when COMPLETED.
        error: Why it failed, one safe line; only when FAILED, TIMED_OUT or CANCELLED, and where
            RunPod says it.
        execution_ms: How long a worker was at it, in milliseconds; RunPod charges for that.
        delay_ms: How long it waited for one.
    """

    id: str
    status: RunPodJobStatus
    image: bytes | None = field(default=None, repr=False)
    error: str | None = None
    execution_ms: int | None = None
    delay_ms: int | None = None


class UnusableResultError(PermanentError):
    """A job completed, and was charged for, without a picture that can be used.

    Args:
        text: Sentence for the operator.
        seen: The job.
    """

    def __init__(self, text: str | Sentence, /, *, seen: RunPodJob) -> None:
        super().__init__(text, service=SERVICE)
        self.seen = seen


class RunPodHealth(BaseModel):
    """Jobs and workers of an endpoint; what RunPod does not tell counts as 0.

    Args:
        completed: Jobs completed.
        failed: Jobs failed.
        in_progress: Jobs at work.
        in_queue: Jobs waiting.
        retried: Jobs tried again.
        idle: Workers waiting.
        running: Workers at work.
    """

    model_config = ConfigDict(frozen=True)

    completed: int = 0
    failed: int = 0
    in_progress: int = 0
    in_queue: int = 0
    retried: int = 0
    idle: int = 0
    running: int = 0


class _Status(BaseModel):
    status: RunPodJobStatus
    output: object = None
    error: object = None
    executionTime: object = None  # noqa: N815 - RunPod's own name
    delayTime: object = None  # noqa: N815 - RunPod's own name


def run_body(image: bytes, options: ColoringOptions, *, timeout_seconds: float) -> bytes:
    """Body of `/run`.

    Args:
        image: The prepared photo.
        options: What to make of it.
        timeout_seconds: How long a worker may work on it.
    """
    return json.dumps(
        {
            "input": {
                "image": base64.b64encode(image).decode(),
                "megapixels": options.megapixels,
                "steps": options.steps,
            },
            "policy": {"executionTimeout": round(timeout_seconds * 1000)},
        }
    ).encode()


def read_job_id(body: bytes) -> str | None:
    """Job id in the answer to `/run`; None where there is none."""
    try:
        answer = from_json(body)
    except ValueError:
        return None
    job_id = answer.get("id") if isinstance(answer, dict) else None
    return job_id if isinstance(job_id, str) and is_job_id(job_id) else None


def is_job_id(job_id: str) -> bool:
    """Whether a text has the form of a job id."""
    return _JOB_ID.fullmatch(job_id) is not None


def read_job(job_id: str, body: bytes) -> tuple[RunPodJob, str | None]:
    """Read the answer to `/status`.

    Args:
        job_id: The job that was asked for.
        body: The answer.

    Returns:
        The job, and the address of its result where the result lies elsewhere.

    Raises:
        TransientError: The answer is none of RunPod's.
        UnusableResultError: The job completed without a picture that we can read.
    """
    try:
        answer = _Status.model_validate_json(body)
    except ValidationError:
        text = clean_line(body[:1000].decode("utf-8", "replace"), limit=200)
        raise TransientError(
            "RunPod's answer about job {job} cannot be read ({answer}); it is asked again later.",
            service=SERVICE,
            job=job_id,
            answer=text or "–",
        ) from None
    status = answer.status
    if status is RunPodJobStatus.RUNNING:
        status = RunPodJobStatus.IN_PROGRESS
    failed = status.is_final and status is not RunPodJobStatus.COMPLETED
    job = RunPodJob(
        id=job_id,
        status=status,
        error=_read_error(answer.error, answer.output) if failed else None,
        execution_ms=_read_time(answer.executionTime),
        delay_ms=_read_time(answer.delayTime),
    )
    if status is not RunPodJobStatus.COMPLETED:
        return job, None
    try:
        image, address = _read_result(answer.output)
    except PermanentError as error:
        raise UnusableResultError(error.sentence, seen=job) from error
    return replace(job, image=image), address


def read_health(body: bytes) -> RunPodHealth | None:
    """Read the answer to `/health`; None where it is none of RunPod's."""
    try:
        answer = from_json(body)
        jobs, workers = answer["jobs"], answer["workers"]
        return RunPodHealth(
            completed=jobs.get("completed", 0),
            failed=jobs.get("failed", 0),
            in_progress=jobs.get("inProgress", 0),
            in_queue=jobs.get("inQueue", 0),
            retried=jobs.get("retried", 0),
            idle=workers.get("idle", 0),
            running=workers.get("running", 0),
        )
    except (ValueError, LookupError, TypeError, AttributeError):
        return None


def as_png(data: bytes) -> bytes:
    """Make a PNG of a result.

    Raises:
        PermanentError: It is no picture.
    """
    from fototui.clients.photos import to_png  # Pillow, which only a result needs

    try:
        return to_png(data)
    except InvalidInputError as error:
        raise PermanentError(
            "RunPod's result is not a picture that can be used: {error} Look at the worker's log.",
            service=SERVICE,
            error=error.sentence,
        ) from error


def _read_time(value: object) -> int | None:
    """A time in milliseconds; what is none, or longer than a job can take, is not known."""
    if isinstance(value, bool) or not isinstance(value, int | float):
        return None
    return round(value) if 0 <= value <= _LONGEST_MS else None


def _read_result(output: object) -> tuple[bytes | None, str | None]:
    value = _find_image(output)
    if value is None:
        _refuse(output)
    if value.startswith(("https://", "http://")):
        return None, value
    if value.startswith("data:"):
        value = value.partition(",")[2]
    try:
        data = base64.b64decode("".join(value.split()), validate=True)
    except (binascii.Error, ValueError):
        raise PermanentError(
            "RunPod's result is not valid base64; look at the worker's log.", service=SERVICE
        ) from None
    return as_png(data), None


def _find_image(output: object, depth: int = 0) -> str | None:
    """Find the picture in any of the shapes that workers are known to use."""
    if depth > _DEEPEST:
        return None
    match output:
        case {"image": str(value)} | {"image_url": str(value)}:
            return value
        case {"type": "base64" | "s3_url", "data": str(value)}:
            return value
        case {"images": [first, *_]} | {"output": first} | [first, *_]:
            return _find_image(first, depth + 1)
        case _:
            return None


def _refuse(output: object) -> NoReturn:
    match output:
        case {"error": str(text)} if text:
            found = Sentence.make("it says: {text}", text=clean_line(text, limit=300))
        case Mapping() if output:
            found = Sentence.make("keys found: {names}", names=_names(output))
        case [{**first}, *_] if first:
            found = Sentence.make("keys found in its list: {names}", names=_names(first))
        case None | {} | []:
            found = Sentence.make("it is empty")
        case _:
            found = Sentence.make("it is a {type}", type=type(output).__name__)
    raise PermanentError(
        "RunPod's result holds no picture ({found}); see that RUNPOD_ENDPOINT_ID names the "
        "colouring worker, and what it returns.",
        service=SERVICE,
        found=found,
    )


def _names(keys: Mapping[object, object]) -> str:
    return clean_line(", ".join(sorted(map(str, keys))), limit=200)


def _read_error(error: object, output: object) -> str | None:
    """Why a job failed: a text, or a JSON text or object with a type and a message, or nothing."""
    if error is None and isinstance(output, Mapping):
        error = output.get("error")
    if isinstance(error, str):
        text = error
        try:
            error = from_json(text)
        except ValueError:
            return clean_line(text) or None
    if isinstance(error, Mapping):
        kind = error.get("error_type")
        message = error.get("error_message") or error.get("message") or error.get("error")
        if isinstance(message, str):
            name = _CLASS_NAME.sub(r"\1", kind) + ": " if isinstance(kind, str) else ""
            return clean_line(name + message)
    return None if error is None else clean_line(json.dumps(error, ensure_ascii=False))
