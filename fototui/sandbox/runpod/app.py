"""RunPod's serverless API v2, imitated over HTTP.

Paths, fields and limits are those of RunPod's documentation of serverless endpoints; the bodies of
its 401, 404 and 429 are undocumented, so they are plain text here.
"""

import asyncio
import hmac
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from typing import TypeAlias

from pydantic import SecretStr, ValidationError
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, PlainTextResponse, Response
from starlette.routing import Route

from fototui.domain.statuses import RunPodJobStatus
from fototui.sandbox.outcomes import Outcome, Script, Turn
from fototui.sandbox.pictures.generator import Generator, GeneratorKind, create_generator
from fototui.sandbox.runpod.jobs import Job, JobBoard, ResultShape, Submission
from fototui.sandbox.wire import control_routes, disturbed, hang_up, read_body, retry_header

# "10 MB" in the documentation; the smaller reading of it is the safer one to test against.
BODY_LIMIT = 10_000_000
RETENTION_SECONDS = 30 * 60.0

_Handler: TypeAlias = Callable[[Request], Awaitable[Response]]

_REFUSALS = {
    Outcome.RATE_LIMITED: (429, "Too Many Requests"),
    Outcome.UNAVAILABLE: (503, "no healthy upstream"),
    Outcome.UNAUTHORIZED: (401, "Unauthorized"),
    Outcome.UNPAID: (402, "Payment Required"),
}


def create_runpod(
    script: Script,
    *,
    api_key: SecretStr,
    generator: Generator | None = None,
    retention: float = RETENTION_SECONDS,
    result: ResultShape = ResultShape.IMAGE,
) -> Starlette:
    """Imitate RunPod: run, status, cancel, retry and health under `/v2/{endpoint}`.

    Every endpoint id is served. `POST /script` and `GET /counts` plan outcomes and read counts.

    Args:
        script: What happens to requests, and what is counted.
        api_key: The bearer token to ask for.
        generator: Draws the pictures; real line art where none is given.
        retention: Seconds for which a result is kept.
        result: Shape of the output.

    Returns:
        The app; its lifespan owns the jobs.
    """
    generator = generator or create_generator(GeneratorKind.LINEART)
    board = JobBoard(script, generator, retention=retention, result=result)
    api = _Api(script, board, api_key)

    @asynccontextmanager
    async def lifespan(_: Starlette) -> AsyncIterator[None]:
        try:
            yield
        finally:
            await board.close()

    return Starlette(
        lifespan=lifespan,
        routes=[
            Route("/v2/{endpoint}/run", api.guarded(api.run), methods=["POST"]),
            Route("/v2/{endpoint}/status/{id}", api.guarded(api.status)),
            Route("/v2/{endpoint}/cancel/{id}", api.guarded(api.cancel), methods=["POST"]),
            Route("/v2/{endpoint}/retry/{id}", api.guarded(api.retry), methods=["POST"]),
            Route("/v2/{endpoint}/health", api.guarded(api.health)),
            Route("/files/{id}.png", api.file),
            *control_routes(script),
        ],
    )


class _Api:
    """The requests."""

    def __init__(self, script: Script, board: JobBoard, api_key: SecretStr) -> None:
        self._script = script
        self._board = board
        self._authorization = f"Bearer {api_key.get_secret_value()}".encode()

    def guarded(self, handler: _Handler) -> _Handler:
        """Ask for the key first."""

        async def ask(request: Request) -> Response:
            given = request.headers.get("authorization", "").encode()
            if not hmac.compare_digest(given, self._authorization):
                return PlainTextResponse("Unauthorized", status_code=401)
            return await handler(request)

        return ask

    async def run(self, request: Request) -> Response:
        body = await read_body(request, limit=BODY_LIMIT)
        turn = self._script.submission()
        if (refusal := await _refusal(request, turn)) is not None:
            return refusal
        if body is None:
            return PlainTextResponse("request body is larger than 10MB", status_code=413)
        try:
            submission, key = await asyncio.to_thread(_understood, body)
        except ValidationError as error:
            return PlainTextResponse(f"bad request: {error.error_count()} errors", status_code=400)
        job = self._board.submit(submission, key, turn, f"{request.base_url}files")
        return await disturbed(request, turn, JSONResponse(job.brief()))

    async def status(self, request: Request) -> Response:
        turn = self._script.poll()
        if (refusal := await _refusal(request, turn)) is not None:
            return refusal
        job = self._job(request)
        if job is None or turn.outcome is Outcome.GONE:
            return _not_found()
        return await disturbed(request, turn, JSONResponse(job.full()))

    async def cancel(self, request: Request) -> Response:
        if (job := self._job(request)) is None:
            return _not_found()
        await self._board.cancel(job)
        return JSONResponse(job.brief())

    async def retry(self, request: Request) -> Response:
        if (job := self._job(request)) is None:
            return _not_found()
        if not job.can_be_retried:
            return PlainTextResponse(f"a job that is {job.status} cannot be retried", 400)
        self._board.retry(job)
        return JSONResponse(job.brief())

    async def health(self, _: Request) -> Response:
        counts = self._script.counts
        running = self._board.number_of(RunPodJobStatus.IN_PROGRESS)
        jobs = {
            "completed": counts.completed,
            "failed": counts.failed + counts.timed_out,
            "inProgress": running,
            "inQueue": self._board.number_of(RunPodJobStatus.IN_QUEUE),
            "retried": counts.retried,
        }
        return JSONResponse({"jobs": jobs, "workers": {"idle": 1, "running": running}})

    async def file(self, request: Request) -> Response:
        job = self._job(request)
        return Response(job.png, media_type="image/png") if job and job.png else _not_found()

    def _job(self, request: Request) -> Job | None:
        return self._board.find(request.path_params["id"])


def _understood(body: bytes) -> tuple[Submission, str]:
    submission = Submission.model_validate_json(body)
    return submission, submission.key()


async def _refusal(request: Request, turn: Turn) -> Response | None:
    """The answer to a request that is not accepted; None where it is."""
    if turn.outcome is Outcome.CUT_BEFORE:
        return await hang_up(request)
    if turn.outcome not in _REFUSALS:
        return None
    status, words = _REFUSALS[turn.outcome]
    return PlainTextResponse(
        turn.message or words, status_code=turn.status or status, headers=retry_header(turn)
    )


def _not_found() -> Response:
    return PlainTextResponse("job not found", status_code=404)
