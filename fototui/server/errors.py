"""What fails, as the API answers it: `{"error": {"code", "message"}}`, never a stack trace."""

import math
from collections.abc import Mapping

from fastapi.exceptions import RequestValidationError
from pydantic import BaseModel, Field
from starlette.exceptions import HTTPException
from starlette.responses import JSONResponse

from fototui.db.errors import (
    DatabaseError,
    DatabaseUnavailableError,
    RecordLockedError,
    RecordNotFoundError,
    UnexpectedStatusError,
    is_outage,
)
from fototui.domain.errors import (
    ConfigurationError,
    ConflictError,
    FototuiError,
    InvalidInputError,
    NotFoundError,
    OutsideError,
    TransientError,
)
from fototui.domain.text import clean_line
from fototui.log import get_logger

log = get_logger(__name__)

MALFORMED = "malformed"
"""Code of a body that is no JSON at all, told apart from one that says something wrong."""


class UnauthorizedError(FototuiError):
    """A request without a token, or with one that is not known."""

    code = "unauthorized"


class ClosedError(FototuiError):
    """There is no token yet that could open the API."""

    code = "closed"


class WrongSignatureError(FototuiError):
    """A webhook that the shop did not sign."""

    code = "wrong_signature"


class TooLargeError(FototuiError):
    """A body bigger than its route takes."""

    code = "too_large"


class HeadersTooLargeError(FototuiError):
    """A request whose path and headers are bigger than any honest one's."""

    code = "headers_too_large"


class RequestTimeoutError(FototuiError):
    """The request took longer than its route may."""

    code = "timeout"


class ErrorDetail(BaseModel):
    """What went wrong."""

    code: str = Field(description="Stable name of the kind of error, for programs.")
    message: str = Field(description="A sentence or two that say what to do.")


class ErrorAnswer(BaseModel):
    """The body of every answer that is no success."""

    error: ErrorDetail


# An error has the status of the first of its classes that is named here.
_STATUS: Mapping[type[BaseException], int] = {
    UnauthorizedError: 401,
    WrongSignatureError: 401,
    ClosedError: 403,
    NotFoundError: 404,
    RecordNotFoundError: 404,
    ConflictError: 409,
    RecordLockedError: 409,
    UnexpectedStatusError: 409,
    TooLargeError: 413,
    HeadersTooLargeError: 431,
    InvalidInputError: 422,
    FototuiError: 500,
    OutsideError: 502,
    TransientError: 503,
    ConfigurationError: 503,
    DatabaseUnavailableError: 503,
    RequestTimeoutError: 503,
}

_RETRY_AFTER: Mapping[type[BaseException], float] = {
    RecordLockedError: 1,
    DatabaseUnavailableError: 5,
    TransientError: 30,
    RequestTimeoutError: 5,
}

_FAILED = FototuiError("The server failed unexpectedly; its log tells more. Try again later.")
_BUSY = DatabaseUnavailableError("The database is too busy to answer. Try again in a moment.")

_HTTP: Mapping[int, tuple[str, str]] = {
    404: ("not_found", "There is no such path; see /api/v1/openapi.json for those that are."),
    405: ("method_not_allowed", "This path does not take this method; see the Allow header."),
}


def status_of(error: FototuiError) -> int:
    """The HTTP status of an answer about an error."""
    if error.code == MALFORMED:
        return 400
    return next(_STATUS[kind] for kind in type(error).__mro__ if kind in _STATUS)


def answer(error: FototuiError) -> JSONResponse:
    """Answer a request that failed on purpose.

    Args:
        error: Why.
    """
    headers: dict[str, str] = {}
    wait = next((_RETRY_AFTER[k] for k in type(error).__mro__ if k in _RETRY_AFTER), None)
    if isinstance(error, TransientError) and error.retry_after is not None:
        wait = error.retry_after
    if wait is not None:
        headers["Retry-After"] = str(max(1, math.ceil(wait)))
    if isinstance(error, UnauthorizedError):
        headers["WWW-Authenticate"] = "Bearer"
    return _response(status_of(error), error.code, str(error), headers)


def answer_raised(error: FototuiError, *, path: str) -> JSONResponse:
    """Answer a request in which an error was raised, and log what its answer does not tell.

    Args:
        error: What was raised.
        path: The request's path.
    """
    if isinstance(error, DatabaseError):
        # A statement is nothing for a caller to read, and everything for whoever mends it.
        log.error("the database refused a request's statement", path=path, exc_info=error)
        return answer_unexpected(error)
    answered = answer(error)
    if answered.status_code == _STATUS[FototuiError]:
        log.error("a request failed", path=path, exc_info=error)
    return answered


def answer_unexpected(error: Exception) -> JSONResponse:
    """Answer a request that failed for a reason nobody thought of, and tell nothing of it.

    Args:
        error: What was raised.
    """
    return answer(_BUSY if is_outage(error) else _FAILED)


def answer_http(error: HTTPException) -> JSONResponse:
    """Answer for what the framework refuses: paths and methods that are not there.

    Args:
        error: Its refusal.
    """
    code, message = _HTTP.get(
        error.status_code, ("refused", clean_line(str(error.detail)) or "The request is refused.")
    )
    return _response(error.status_code, code, message, dict(error.headers or {}))


def answer_invalid(error: RequestValidationError) -> JSONResponse:
    """Answer for values that are out of their range or of the wrong kind.

    Args:
        error: What the framework found.
    """
    problems = error.errors()
    if any(problem["type"] == "json_invalid" for problem in problems):
        return _response(400, MALFORMED, "The body is no JSON; send a JSON object.", {})
    # What was sent is not told back: it may hold anything.
    told = "; ".join(
        f"{'.'.join(str(part) for part in problem['loc'])}: {problem['msg']}"
        for problem in problems[:5]
    )
    return _response(422, InvalidInputError.code, clean_line(f"Correct the request: {told}."), {})


def _response(
    status: int, code: str, message: str, headers: Mapping[str, str] | None
) -> JSONResponse:
    body = ErrorAnswer(error=ErrorDetail(code=code, message=message))
    return JSONResponse(body.model_dump(), status_code=status, headers=headers)
