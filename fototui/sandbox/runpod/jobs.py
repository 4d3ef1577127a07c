"""The jobs of the imitated RunPod: their states over time, and how long they are kept."""

import asyncio
import base64
import json
import uuid
from dataclasses import dataclass
from enum import StrEnum

from pydantic import BaseModel, Field, JsonValue, TypeAdapter

from fototui.domain.options import ColoringOptions
from fototui.domain.statuses import RunPodJobStatus
from fototui.sandbox.outcomes import Outcome, Script, Turn, payload_key
from fototui.sandbox.pictures.generator import Generator

_OPTIONS = TypeAdapter(ColoringOptions)
# A worker takes more than operators may ask for today: old versions were asked for with more.
_MOST_MEGAPIXELS = 16
_MOST_STEPS = 100


class ResultShape(StrEnum):
    """Shapes of a worker's `output`, as seen in the wild."""

    IMAGE = "image"
    NESTED = "nested"
    IMAGES_BASE64 = "images_base64"
    IMAGES_S3_URL = "images_s3_url"
    LIST = "list"
    DATA_URL = "data_url"

    def output(self, png: bytes, file_url: str) -> JsonValue:
        """Wrap a picture.

        Args:
            png: The picture.
            file_url: Where it can be fetched.
        """
        text = base64.b64encode(png).decode()
        match self:
            case ResultShape.IMAGE:
                return {"image": text}
            case ResultShape.NESTED:
                return {"output": {"image": text}}
            case ResultShape.IMAGES_BASE64:
                return {"images": [{"filename": "out.png", "type": "base64", "data": text}]}
            case ResultShape.IMAGES_S3_URL:
                return {"images": [{"filename": "out.png", "type": "s3_url", "data": file_url}]}
            case ResultShape.LIST:
                return [{"image": text}]
            case ResultShape.DATA_URL:
                return {"image_url": f"data:image/png;base64,{text}"}


class Policy(BaseModel):
    """Limits that a submission sets, in milliseconds."""

    execution_timeout: float = Field(default=600_000, gt=0, alias="executionTimeout")
    ttl: float = Field(default=86_400_000, gt=0)


class Submission(BaseModel):
    """Body of `/run`."""

    input: dict[str, JsonValue] = Field(min_length=1)
    policy: Policy = Policy()

    def key(self) -> str:
        """Name the photo with its options, see `payload_key`."""
        options = {name: value for name, value in self.input.items() if name != "image"}
        return payload_key(str(self.input.get("image", "")).encode(), options)


@dataclass(slots=True, kw_only=True)
class Job:
    """One job; times are of the event loop's clock, in seconds."""

    id: str
    submission: Submission
    turn: Turn
    file_url: str
    submitted_at: float
    status: RunPodJobStatus = RunPodJobStatus.IN_QUEUE
    started_at: float | None = None
    ended_at: float | None = None
    png: bytes = b""
    output: JsonValue = None
    error: str | None = None
    work: asyncio.Task[None] | None = None

    @property
    def can_be_retried(self) -> bool:
        """Whether RunPod's `/retry` takes it."""
        return self.status in {RunPodJobStatus.FAILED, RunPodJobStatus.TIMED_OUT}

    def brief(self) -> dict[str, JsonValue]:
        """The answer to `/run`, `/cancel` and `/retry`."""
        return {"id": self.id, "status": self.status.value}

    def full(self) -> dict[str, JsonValue]:
        """The answer to `/status`."""
        answer = self.brief()
        if self.started_at is not None:
            answer["delayTime"] = round(1000 * (self.started_at - self.submitted_at))
            answer["workerId"] = "sandbox"
            if self.ended_at is not None:
                answer["executionTime"] = round(1000 * (self.ended_at - self.started_at))
        if self.output is not None:
            answer["output"] = self.output
        if self.error is not None:
            answer["error"] = self.error
        return answer


class JobBoard:
    """All jobs of one imitated RunPod.

    Args:
        script: Plans how jobs end and how long they take, and counts them.
        generator: Draws the pictures.
        retention: Seconds for which a result is kept.
        result: Shape of the output.
    """

    def __init__(
        self, script: Script, generator: Generator, *, retention: float, result: ResultShape
    ) -> None:
        self._script = script
        self._generator = generator
        self._retention = retention
        self._result = result
        self._jobs: dict[str, Job] = {}
        self._tasks: set[asyncio.Task[None]] = set()

    def submit(self, submission: Submission, key: str, turn: Turn, files_url: str) -> Job:
        """Accept a submission.

        Args:
            submission: What was sent.
            key: Its `Submission.key`.
            turn: How it shall end.
            files_url: Address under which `{id}.png` can be fetched.

        Returns:
            The job, in the queue.
        """
        job_id = f"{uuid.uuid4()}-e1"
        job = Job(
            id=job_id,
            submission=submission,
            turn=turn,
            file_url=f"{files_url}/{job_id}.png",
            submitted_at=_now(),
        )
        self._script.tally.accept(job.id, key)
        if turn.outcome is not Outcome.GONE:
            self._jobs[job.id] = job
            self._start(job)
        return job

    def find(self, job_id: str) -> Job | None:
        """Look a job up, if it is still kept."""
        self._forget_old()
        return self._jobs.get(job_id)

    def number_of(self, status: RunPodJobStatus) -> int:
        """How many kept jobs are in a state."""
        return sum(job.status is status for job in self._jobs.values())

    async def cancel(self, job: Job) -> None:
        """Cancel a job that has not ended."""
        if job.work is not None:
            await _stopped({job.work})
        if not job.status.is_final:
            self._end(job, RunPodJobStatus.CANCELLED)

    def retry(self, job: Job) -> None:
        """Run a failed job again; this time it ends well if it can."""
        self._script.tally.count("retried")
        job.turn = Turn(outcome=Outcome.COMPLETED)
        job.status, job.error = RunPodJobStatus.IN_QUEUE, None
        job.submitted_at, job.started_at, job.ended_at = _now(), None, None
        self._start(job)

    async def close(self) -> None:
        """End all work and wait until it has ended."""
        await _stopped(self._tasks)
        self._jobs.clear()

    def _start(self, job: Job) -> None:
        job.work = asyncio.create_task(self._work(job), name=f"sandbox job {job.id}")
        self._tasks.add(job.work)
        job.work.add_done_callback(self._tasks.discard)

    async def _work(self, job: Job) -> None:
        queue, run = self._script.queue_seconds(), self._script.run_seconds()
        await asyncio.sleep(queue)
        job.status, job.started_at = RunPodJobStatus.IN_PROGRESS, _now()
        self._script.tally.enter()
        try:
            async with asyncio.timeout(job.submission.policy.execution_timeout / 1000):
                await asyncio.sleep(run)
                await self._finish(job)
        except TimeoutError:
            self._end(job, RunPodJobStatus.TIMED_OUT, error="job timed out")
        except Exception as error:  # noqa: BLE001  # whatever a worker dies of fails its job only
            words = {"error_type": type(error).__name__, "error_message": str(error)}
            self._end(job, RunPodJobStatus.FAILED, error=json.dumps(words))
        finally:
            self._script.tally.leave()

    async def _finish(self, job: Job) -> None:
        match job.turn.outcome:
            case Outcome.FAILED:
                error = job.turn.message or "CUDA out of memory"
                self._end(job, RunPodJobStatus.FAILED, error=error)
            case Outcome.CANCELLED:
                self._end(job, RunPodJobStatus.CANCELLED)
            case Outcome.TIMED_OUT:
                self._end(job, RunPodJobStatus.TIMED_OUT, error="job timed out")
            case Outcome.BAD_RESULT:
                job.output = {"surprise": 42}
                self._end(job, RunPodJobStatus.COMPLETED)
            case _:
                job.png = await self._draw(job.submission.input)
                job.output = self._result.output(job.png, job.file_url)
                self._end(job, RunPodJobStatus.COMPLETED)

    async def _draw(self, given: dict[str, JsonValue]) -> bytes:
        photo = await asyncio.to_thread(base64.b64decode, str(given["image"]), validate=True)
        match given.get("megapixels"), given.get("steps"):
            case int() | float() as size, int(steps) if (
                size <= _MOST_MEGAPIXELS and steps <= _MOST_STEPS
            ):
                options = ColoringOptions.stored(size, steps)
            case _:
                options = _OPTIONS.validate_python(
                    {name: given[name] for name in ("megapixels", "steps") if name in given}
                )
        return await self._generator.coloring(photo, options)

    def _end(self, job: Job, status: RunPodJobStatus, *, error: str | None = None) -> None:
        job.status, job.error, job.ended_at = status, error, _now()
        self._script.tally.count(status.value.lower())

    def _forget_old(self) -> None:
        """Forget results older than the retention, and jobs older than their ttl."""
        now = _now()
        for job in list(self._jobs.values()):
            kept_until = job.submitted_at + job.submission.policy.ttl / 1000
            if job.ended_at is not None:
                kept_until = min(kept_until, job.ended_at + self._retention)
            if now >= kept_until:
                del self._jobs[job.id]
                if job.work is not None:
                    job.work.cancel()


def _now() -> float:
    return asyncio.get_running_loop().time()


async def _stopped(tasks: set[asyncio.Task[None]]) -> None:
    for task in tasks:
        task.cancel()
    await asyncio.gather(*tasks, return_exceptions=True)
