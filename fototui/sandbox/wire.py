"""What the imitated services share over HTTP: disturbed answers, and the control surface."""

import asyncio
from dataclasses import asdict

from pydantic import BaseModel, ConfigDict, ValidationError
from starlette.requests import Request
from starlette.responses import HTMLResponse, JSONResponse, PlainTextResponse, Response
from starlette.routing import Route

from fototui.sandbox.outcomes import Latency, Outcome, Script, Turn


async def read_body(request: Request, limit: int) -> bytes | None:
    """Read a request's body to its end, but keep only one that is not too large.

    Args:
        request: The request.
        limit: Most bytes to keep.

    Returns:
        The body; None where it is larger than the limit.
    """
    body = bytearray()
    size = 0
    async for chunk in request.stream():
        size += len(chunk)
        if size <= limit:
            body += chunk
    return bytes(body) if size <= limit else None


async def hang_up(request: Request) -> Response:
    """Close the connection under a request without answering it.

    Args:
        request: The request, of an app that uvicorn serves.

    Returns:
        A response for the framework's sake; it is never sent.
    """
    # ASGI knows no way to hang up; uvicorn's receive is a method of the object that has the socket.
    transport = getattr(getattr(request.receive, "__self__", None), "transport", None)
    if not isinstance(transport, asyncio.Transport):
        raise TypeError("only an app served by uvicorn can hang up")
    transport.abort()
    while not await request.is_disconnected():  # noqa: ASYNC110  # ASGI offers no event for it
        await asyncio.sleep(0)
    return Response()


async def disturbed(request: Request, turn: Turn, answer: Response) -> Response:
    """Hand out an answer to an accepted request, unless the turn spoils it.

    Args:
        request: The request.
        turn: What is planned for it.
        answer: What it is answered if all goes well.

    Returns:
        The answer to send.
    """
    match turn.outcome:
        case Outcome.GARBAGE:
            return HTMLResponse("<html><body><h1>It works!</h1></body></html>")
        case Outcome.CUT_AFTER:
            return await hang_up(request)
        case Outcome.SLOW:
            await asyncio.sleep(turn.seconds)
    return answer


def retry_header(turn: Turn) -> dict[str, str]:
    """The Retry-After header that a turn asks for, if it does."""
    return {} if turn.retry_after is None else {"Retry-After": str(turn.retry_after)}


class _Plan(BaseModel):
    """What `POST /script` understands; the names are those of `Script`."""

    model_config = ConfigDict(extra="forbid")

    next: list[Outcome | Turn] = []
    next_polls: list[Outcome | Turn] = []
    nth: dict[int, Outcome | Turn] = {}
    rates: dict[Outcome, float] | None = None
    poll_rates: dict[Outcome, float] | None = None
    latency: Latency | None = None

    def apply(self, script: Script) -> None:
        script.next_polls(*self.next_polls)
        script.next(*self.next)
        for number, turn in self.nth.items():
            script.nth(number, turn)
        script.rates = script.rates if self.rates is None else self.rates
        script.poll_rates = script.poll_rates if self.poll_rates is None else self.poll_rates
        script.latency = self.latency or script.latency


def control_routes(script: Script) -> list[Route]:
    """Make the routes by which other processes plan outcomes and read counts.

    `POST /script` takes JSON such as `{"next": ["failed", {"outcome": "unavailable", "status":
    500}], "rates": {"rate_limited": 0.1}, "latency": {"queue": 1, "run": 2}}`; `GET /counts` gives
    the fields of `Counts` and `duplicates`.

    Args:
        script: What they act on.

    Returns:
        The routes.
    """

    async def plan(request: Request) -> Response:
        try:
            _Plan.model_validate_json(await request.body()).apply(script)
        except (ValidationError, ValueError) as error:
            return PlainTextResponse(str(error), status_code=400)
        return Response(status_code=204)

    async def counts(_: Request) -> Response:
        seen = script.counts
        return JSONResponse({**asdict(seen), "duplicates": seen.duplicates})

    return [Route("/script", plan, methods=["POST"]), Route("/counts", counts)]
