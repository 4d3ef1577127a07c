"""What the clients of outside services share: one bounded exchange, and what its failures mean."""

import asyncio
import email.utils
import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime

import httpx
from pydantic import SecretStr

from fototui.domain.errors import AccountError, ConfigurationError, TransientError
from fototui.domain.text import clean_line
from fototui.net.client import EnvironmentFault

# Failures before the request was on its way: sending it again cannot do the work twice.
_NOT_SENT = (
    httpx.ConnectError,
    httpx.ConnectTimeout,
    httpx.PoolTimeout,
    httpx.ProxyError,
    httpx.UnsupportedProtocol,
    httpx.LocalProtocolError,
)

# A gateway that got no answer does not know what became of the request (52x are Cloudflare's).
_UNKNOWN_OUTCOME = frozenset({502, 504, 520, 524})

_PASSING = frozenset({408, 425, 429})

_LONGEST_RETRY_AFTER = 3600.0


@dataclass(frozen=True, slots=True)
class Answer:
    """A whole answer.

    Args:
        status: HTTP status.
        headers: Headers.
        body: The body, decompressed.
    """

    status: int
    headers: httpx.Headers
    body: bytes

    @property
    def is_success(self) -> bool:
        """Whether the status is a 2xx."""
        return 200 <= self.status < 300

    @property
    def is_passing(self) -> bool:
        """Whether the same request may succeed later."""
        return self.status in _PASSING or self.status >= 500

    @property
    def excerpt(self) -> str:
        """The beginning of the body as one safe line, for bodies that nothing documents."""
        return clean_line(self.body[:2000].decode("utf-8", "replace"), limit=200) or "–"

    @property
    def summary(self) -> str:
        """Status and excerpt."""
        return f"HTTP {self.status}: {self.excerpt}"

    @property
    def date(self) -> datetime | None:
        """When it was given, by the service's own clock."""
        try:
            return _read_date(self.headers.get("Date", ""))
        except ValueError:
            return None

    @property
    def retry_after(self) -> float | None:
        """Seconds that the service asks to wait, where it does."""
        return retry_after(self.headers)


async def exchange(
    client: httpx.AsyncClient,
    request: httpx.Request,
    *,
    service: str,
    max_bytes: int,
    seconds: float,
    on_response: Callable[[httpx.Response], None] | None = None,
) -> Answer:
    """Send a request and read the answer whole, within a size and a time.

    Args:
        client: The service's client.
        request: What to send.
        service: The service's name, for errors.
        max_bytes: Largest answer.
        seconds: Longest time for all of it; the client's own time-outs guard its parts.
        on_response: Told of the answer's beginning, for callers that can use it without the rest.

    Raises:
        AccountError: The environment's proxy or certificates keep all requests from being made.
        TransientError: No answer, a broken one or one that is too big; `ambiguous` unless the
            request never went out.
    """
    try:
        async with asyncio.timeout(seconds):
            response = await client.send(request, stream=True)
            try:
                if on_response is not None:
                    on_response(response)
                body = await _read(response, service, max_bytes)
            finally:
                await response.aclose()
    except TimeoutError:
        raise TransientError(
            "{service} did not answer within {seconds} s; it is tried again later.",
            service=service,
            seconds=seconds,
            ambiguous=True,
        ) from None
    except EnvironmentFault as fault:
        # No request of any job can be made until someone acts; so the lane waits.
        raise AccountError(fault.sentence, service=service) from None
    except httpx.HTTPError as error:
        # The kind alone: the text of some of these errors quotes the headers, and so the secret.
        raise TransientError(
            "{service} could not be reached ({reason}); see whether the network and the address "
            "in the settings are right.",
            service=service,
            reason=type(error).__name__,
            ambiguous=not isinstance(error, _NOT_SENT),
        ) from None
    return Answer(response.status_code, response.headers, body)


async def _read(response: httpx.Response, service: str, max_bytes: int) -> bytes:
    body = bytearray()
    async for chunk in response.aiter_bytes():
        body += chunk
        if len(body) > max_bytes:
            raise TransientError(
                "{service} sent more than {megabytes} MB; something else may answer under its "
                "address.",
                service=service,
                megabytes=max_bytes / 1e6,
                status=response.status_code,
                ambiguous=True,
            )
    return bytes(body)


def passing_error(answer: Answer, service: str, detail: str | None = None) -> TransientError:
    """The error for an answer whose `is_passing` holds.

    Args:
        answer: The answer.
        service: The service's name.
        detail: What the service says, where its answers are documented; otherwise their beginning.
    """
    detail = detail or answer.summary
    if answer.status == 429:
        return TransientError(
            "{service} asks for fewer requests ({detail}); it is tried again later.",
            service=service,
            status=answer.status,
            retry_after=answer.retry_after,
            detail=detail,
        )
    return TransientError(
        "{service} has a problem of its own ({detail}); it is tried again later.",
        service=service,
        status=answer.status,
        retry_after=answer.retry_after,
        ambiguous=answer.status in _UNKNOWN_OUTCOME,
        detail=detail,
    )


def megabytes(size: int) -> float:
    """A size in bytes as a sentence tells it, in megabytes.

    Args:
        size: Bytes.
    """
    return round(size / 1e6, 1)


def retry_after(headers: Mapping[str, str]) -> float | None:
    """Read a Retry-After header: seconds or a date (RFC 9110, section 10.2.3).

    Args:
        headers: Headers of an answer; lookups ignore case.

    Returns:
        Seconds to wait, from 0 to an hour; None where the header is missing or unreadable.
    """
    value = headers.get("Retry-After")
    if value is None:
        return None
    try:
        seconds = float(value)
    except ValueError:
        try:
            seconds = (_read_date(value) - datetime.now(UTC)).total_seconds()
        except ValueError:
            return None
    if math.isnan(seconds):
        return None
    return min(max(seconds, 0.0), _LONGEST_RETRY_AFTER)


def _read_date(value: str) -> datetime:
    then = email.utils.parsedate_to_datetime(value)
    return then.replace(tzinfo=UTC) if then.tzinfo is None else then


def credential(secret: SecretStr, variable: str) -> str:
    """Read a key that goes into a header.

    Args:
        secret: The key as configured; white space around it is a slip of the copying hand.
        variable: The setting's name.

    Raises:
        ConfigurationError: It is empty, or has characters that no header may carry.
    """
    value = secret.get_secret_value().strip()
    if not value:
        raise ConfigurationError("{variable} is not set.", variable=variable)
    if not (value.isascii() and value.isprintable()):
        raise ConfigurationError(
            "{variable} has characters that no key has; copy it again from the service's page.",
            variable=variable,
        )
    return value


def web_address(text: str, variable: str) -> httpx.URL:
    """Read a service's address.

    Args:
        text: The address as configured.
        variable: The setting's name.

    Raises:
        ConfigurationError: It is no http(s) address.
    """
    try:
        url = httpx.URL(text)
        _ = url.raw_host  # not every host that is read can be written
    except (httpx.InvalidURL, ValueError):
        url = httpx.URL()
    if url.scheme not in ("https", "http") or not url.host:
        raise ConfigurationError(
            "{variable} is {value}; it must be an https:// address.",
            variable=variable,
            value=repr(text),
        )
    return url
