"""Vectorizer.ai's API v1, imitated over HTTP as its documentation describes it."""

import asyncio
import base64
import hmac
import uuid
from collections.abc import Awaitable, Callable, Mapping
from types import MappingProxyType
from typing import TypeAlias

from pydantic import SecretStr
from starlette.applications import Starlette
from starlette.datastructures import UploadFile
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from fototui.domain.errors import InvalidInputError
from fototui.domain.options import GroupBy, ShapeStacking, SvgOptions
from fototui.sandbox.outcomes import Outcome, Script, Turn, payload_key
from fototui.sandbox.pictures.generator import (
    Generator,
    GeneratorKind,
    create_generator,
    picture_size,
)
from fototui.sandbox.wire import control_routes, disturbed, hang_up, retry_header

AT_ONCE = 5
BYTES_LIMIT = 30_000_000
PIXELS_LIMIT = 33_500_000
CREDITS = 1000.0

_IMAGE_HEADER = "X-Image-Token"

_Handler: TypeAlias = Callable[[Request], Awaitable[Response]]


class _ApiError(Exception):
    """An answer of the documented error form."""

    def __init__(self, status: int, code: int, message: str) -> None:
        super().__init__(message)
        self.status = status
        self.code = code


# Not accepted: HTTP status, code, message.
_REFUSALS = MappingProxyType(
    {
        Outcome.RATE_LIMITED: (429, 1015, "Too many requests."),
        Outcome.UNAVAILABLE: (503, -3, "The service is overloaded."),
        Outcome.UNAUTHORIZED: (401, 1002, "The API credentials are not valid."),
        Outcome.UNPAID: (402, 1011, "The account has no credits left."),
        Outcome.GONE: (404, 1000, "Not found."),
    }
)
# Accepted, and failed at the end of the work; nothing is charged.
_FAILURES = MappingProxyType(
    {
        Outcome.FAILED: (400, 1006, "The image could not be read."),
        Outcome.CANCELLED: (503, -10, "The request took too long."),
        Outcome.TIMED_OUT: (400, 1017, "The image took too long to process."),
    }
)


def _one_of(*words: str) -> Callable[[str], bool]:
    return lambda value: value in words


def _whole(low: int, high: int) -> Callable[[str], bool]:
    return lambda value: value.isdecimal() and low <= int(value) <= high


# The options that fototui sends; the real service knows more, and refuses all it does not know.
_OPTIONS: Mapping[str, Callable[[str], bool]] = MappingProxyType(
    {
        "mode": _one_of("production", "preview", "test", "test_preview"),
        "output.file_format": _one_of("svg"),
        "output.group_by": _one_of(*GroupBy),
        "output.parameterized_shapes.flatten": _one_of("true", "false"),
        "output.shape_stacking": _one_of(*ShapeStacking),
        "policy.retention_days": _whole(0, 30),
        "processing.max_colors": _whole(0, 256),
    }
)


def create_vectorizer(
    script: Script, *, key: SecretStr, secret: SecretStr, generator: Generator | None = None
) -> Starlette:
    """Imitate Vectorizer.ai: `POST /api/v1/vectorize`, `/api/v1/download`, `GET /api/v1/account`.

    `POST /script` and `GET /counts` plan outcomes and read counts.

    Args:
        script: What happens to requests, and what is counted.
        key: User name of the basic authentication to ask for.
        secret: Its password.
        generator: Draws the pictures; real SVGs where none is given.

    Returns:
        The app.
    """
    api = _Api(script, key, secret, generator or create_generator(GeneratorKind.LINEART))
    return Starlette(
        routes=[
            Route("/api/v1/vectorize", api.guarded(api.vectorize), methods=["POST"]),
            Route("/api/v1/download", api.guarded(api.download), methods=["POST"]),
            Route("/api/v1/account", api.guarded(api.account)),
            *control_routes(script),
        ],
        exception_handlers={_ApiError: _error_answer},
    )


class _Api:
    """The requests."""

    def __init__(
        self, script: Script, key: SecretStr, secret: SecretStr, generator: Generator
    ) -> None:
        pair = f"{key.get_secret_value()}:{secret.get_secret_value()}"
        self._authorization = b"Basic " + base64.b64encode(pair.encode())
        self._script = script
        self._generator = generator
        self._credits = CREDITS
        self._kept: dict[str, bytes] = {}

    def guarded(self, handler: _Handler) -> _Handler:
        """Ask for key and secret first."""

        async def ask(request: Request) -> Response:
            given = request.headers.get("authorization", "").encode()
            if not hmac.compare_digest(given, self._authorization):
                raise _ApiError(*_REFUSALS[Outcome.UNAUTHORIZED])
            return await handler(request)

        return ask

    async def account(self, _: Request) -> Response:
        return JSONResponse(
            {
                "subscriptionPlan": "sandbox",
                "subscriptionState": "active",
                "credits": self._credits,
            }
        )

    async def vectorize(self, request: Request) -> Response:
        turn = self._script.submission()
        tally = self._script.tally
        try:
            if tally.enter() > AT_ONCE:
                raise _ApiError(*_REFUSALS[Outcome.RATE_LIMITED])
            if turn.outcome is Outcome.CUT_BEFORE:
                return await hang_up(request)
            if turn.outcome in _REFUSALS:
                return _scripted(turn, *_REFUSALS[turn.outcome])
            return await disturbed(request, turn, await self._accepted(request, turn))
        finally:
            tally.leave()

    async def _accepted(self, request: Request, turn: Turn) -> Response:
        async with request.form() as form:
            upload = form.get("image")
            if not isinstance(upload, UploadFile):
                raise _ApiError(400, 1005, "The image is missing.")
            options = {name: str(value) for name, value in form.multi_items() if name != "image"}
            _check_options(options)
            image = await upload.read()
        _check_image(image)
        call = uuid.uuid4().hex
        self._script.tally.accept(call, await asyncio.to_thread(payload_key, image, options))
        await asyncio.sleep(self._script.run_seconds())
        if turn.outcome in _FAILURES:
            self._script.tally.count(turn.outcome.value)
            return _scripted(turn, *_FAILURES[turn.outcome])
        svg = await self._generator.svg(
            image,
            SvgOptions(
                shape_stacking=ShapeStacking(options.get("output.shape_stacking", "cutouts")),
                group_by=GroupBy(options.get("output.group_by", "none")),
            ),
        )
        headers = self._charge(options, call)
        if _IMAGE_HEADER in headers:
            self._kept[call] = svg
        if turn.outcome is Outcome.BAD_RESULT:
            svg = svg[: len(svg) // 2]
        self._script.tally.count("completed")
        return Response(svg, media_type="image/svg+xml", headers=headers)

    async def download(self, request: Request) -> Response:
        """Give a kept SVG out once more; its options are taken for the same as they were."""
        async with request.form() as form:
            token = str(form.get("image.token", ""))
        turn = self._script.poll()
        svg = None if turn.outcome is Outcome.GONE else self._kept.get(token)
        if svg is None:
            raise _ApiError(400, 1025, "The image token is not valid.")
        self._credits -= 0.1
        return Response(svg, media_type="image/svg+xml", headers={"X-Credits-Charged": "0.1"})

    def _charge(self, options: Mapping[str, str], call: str) -> dict[str, str]:
        """Take the credits of a call from the account, and tell of it in headers."""
        headers = {}
        if options.get("mode", "production") == "production":
            self._credits -= 1
            headers["X-Credits-Charged"] = "1.0"
        else:
            headers |= {"X-Credits-Charged": "0.0", "X-Credits-Calculated": "1.0"}
        if int(options.get("policy.retention_days", "0")) > 0:
            headers[_IMAGE_HEADER] = call
        return headers


def _check_options(options: Mapping[str, str]) -> None:
    for name, value in options.items():
        fits = _OPTIONS.get(name)
        if fits is None:
            raise _ApiError(400, 1019, f"The parameter '{name}' is not known.")
        if not fits(value):
            raise _ApiError(400, 1019, f"The value '{value}' of '{name}' is not valid.")


def _check_image(image: bytes) -> None:
    if len(image) > BYTES_LIMIT:
        raise _ApiError(413, 413, "The image file is too large.")
    try:
        width, height = picture_size(image)
    except InvalidInputError as error:
        raise _ApiError(400, 1006, "The image could not be read.") from error
    if width * height > PIXELS_LIMIT:
        raise _ApiError(400, 1006, "The image has too many pixels.")


def _scripted(turn: Turn, status: int, code: int, message: str) -> Response:
    answer = _error(turn.status or status, turn.code or code, turn.message or message)
    answer.headers.update(retry_header(turn))
    return answer


def _error(status: int, code: int, message: str) -> Response:
    body = {"error": {"status": status, "code": code, "message": message}}
    return JSONResponse(body, status_code=status, headers={"X-Credits-Charged": "0.0"})


def _error_answer(_: Request, error: Exception) -> Response:
    if not isinstance(error, _ApiError):
        raise error
    return _error(error.status, error.code, str(error))
