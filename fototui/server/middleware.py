"""What every request meets before its route, and what is written down about it afterwards."""

import asyncio
import re
import time
from collections.abc import Mapping
from dataclasses import dataclass, field

from starlette.datastructures import Headers
from starlette.responses import Response
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from fototui.domain.errors import FototuiError
from fototui.log import get_logger
from fototui.server.auth import METRICS, OPEN_PATHS, WEBHOOK, admit
from fototui.server.context import ServerContext
from fototui.server.errors import (
    HeadersTooLargeError,
    RequestTimeoutError,
    TooLargeError,
    answer,
    answer_raised,
    answer_unexpected,
)

log = get_logger(__name__)

IMPORT = "/api/v1/orders/fetch-from-shopify"
# Whether the order is there is seen later: these are bounds only.
_PHOTO = re.compile(r"/api/v1/orders/[^/]+/(images/[^/]+/photo|line-items/[^/]+/photos)")

# Asked every few seconds by machines: not worth a line each.
_QUIET = (OPEN_PATHS | {METRICS}) - {WEBHOOK}


@dataclass(frozen=True, slots=True)
class RequestLimits:
    """What a request may cost.

    Args:
        seconds: Longest that one may take, its body's arrival included.
        headers: Most bytes of its path and headers.
        body: Most bytes of its body.
        seconds_of: Other times for some paths.
        body_of: Other sizes for some paths.
        photo_seconds: Longest that a photo's arrival and storing may take.
        photo_body: Most bytes of a photo.
    """

    seconds: float = 30.0
    # h11 has such a limit too, but only for what does not arrive all at once.
    headers: int = 16_384
    body: int = 64_000
    # An import asks the shop for page after page. Shopify gives a webhook up after 5 s.
    seconds_of: Mapping[str, float] = field(default_factory=lambda: {IMPORT: 300.0, WEBHOOK: 4.5})
    body_of: Mapping[str, int] = field(default_factory=lambda: {WEBHOOK: 2_000_000})
    photo_seconds: float = 120.0
    photo_body: int = 30_000_000

    def seconds_for(self, path: str) -> float:
        """Longest that a request to a path may take."""
        usual = self.photo_seconds if _PHOTO.fullmatch(path) else self.seconds
        return self.seconds_of.get(path, usual)

    def body_for(self, path: str) -> int:
        """Most bytes that a request to a path may bring."""
        usual = self.photo_body if _PHOTO.fullmatch(path) else self.body
        return self.body_of.get(path, usual)


class RequestMiddleware:
    """ASGI middleware: time and size limits, admission, the last resort, access log and counts.

    Admission comes before the body is read, the body before the route is looked for.

    Args:
        app: What comes after it.
        context: What the server stands on.
        limits: What a request may cost.
    """

    def __init__(self, app: ASGIApp, context: ServerContext, limits: RequestLimits) -> None:
        self._app = app
        self._context = context
        self._limits = limits

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Handle one request."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        started = time.monotonic()
        status = 0  # the client went away before it was answered

        async def send_and_see(message: Message) -> None:
            nonlocal status
            if message["type"] == "http.response.start":
                status = message["status"]
            await send(message)

        try:
            refusal = await self._handle(scope, receive, send_and_see)
            # What has begun cannot be answered otherwise; none of our routes streams.
            if refusal is not None and status == 0:
                if _may_have_body(Headers(scope=scope)):
                    # The rest of a body that nobody reads would keep the connection busy.
                    refusal.headers["Connection"] = "close"
                await refusal(scope, receive, send_and_see)
        finally:
            self._write_down(scope, status, time.monotonic() - started)

    async def _handle(self, scope: Scope, receive: Receive, send: Send) -> Response | None:
        path = scope["path"]
        caller = None
        seconds = self._limits.seconds_for(path)
        deadline = asyncio.timeout(seconds)
        try:
            async with deadline:
                self._require_small(scope)
                caller = await admit(scope, self._context)
                scope.setdefault("state", {})["caller"] = caller
                most = self._limits.body_for(path)
                body = await _read_body(Headers(scope=scope), receive, most)
                if body is not None:
                    await self._app(scope, _replaying(body, receive), send)
        except FototuiError as error:
            return answer_raised(error, path=path)
        except Exception as error:  # the last resort: logged in full, told in no detail
            if isinstance(error, TimeoutError) and deadline.expired():
                log.warning("a request took too long", path=path, seconds=seconds, token=caller)
                return answer(_too_slow(seconds))
            log.exception("a request failed unexpectedly", path=path, token=caller)
            return answer_unexpected(error)
        return None

    def _require_small(self, scope: Scope) -> None:
        size = len(scope["path"]) + len(scope["query_string"])
        size += sum(len(name) + len(value) for name, value in scope["headers"])
        if size > self._limits.headers:
            raise HeadersTooLargeError(
                "Path and headers are bigger than {most} bytes. Send less.",
                most=self._limits.headers,
            )

    def _write_down(self, scope: Scope, status: int, seconds: float) -> None:
        # The template, not the path: it has no ids in it, and strangers cannot make new ones.
        path = getattr(scope.get("route"), "path", "(unknown)")
        method = scope["method"] if scope.get("route") else "(any)"
        self._context.metrics.answered(method, path, status, seconds)
        write = log.debug if path in _QUIET else log.info
        write(
            "request",
            method=scope["method"],
            path=path,
            status=status,
            ms=round(seconds * 1000, 1),
            token=scope.get("state", {}).get("caller"),
        )


def _may_have_body(headers: Headers) -> bool:
    return "transfer-encoding" in headers or headers.get("content-length", "0") != "0"


async def _read_body(headers: Headers, receive: Receive, most: int) -> bytes | None:
    """Read a request's body; None where the client went away."""
    announced = headers.get("content-length", "0")
    if announced.isdigit() and int(announced) > most:
        raise _too_large(most)
    body = bytearray()
    while True:
        message = await receive()
        if message["type"] == "http.disconnect":
            return None
        body += message.get("body", b"")
        if len(body) > most:
            raise _too_large(most)
        if not message.get("more_body", False):
            return bytes(body)


def _too_slow(seconds: float) -> RequestTimeoutError:
    return RequestTimeoutError(
        "The request took longer than {seconds} s and was given up. Try again later.",
        seconds=seconds,
    )


def _too_large(most: int) -> TooLargeError:
    return TooLargeError(
        "The body is bigger than the {most} bytes that this path takes. Send less.", most=most
    )


def _replaying(body: bytes, receive: Receive) -> Receive:
    """A `receive` that gives a body that was read already."""
    is_given = False

    async def replay() -> Message:
        nonlocal is_given
        if is_given:
            return await receive()
        is_given = True
        return {"type": "http.request", "body": body, "more_body": False}

    return replay
