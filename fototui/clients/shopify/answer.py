"""Answers of Shopify's GraphQL: the data, or what their errors mean.

Shopify answers most refusals with HTTP 200 and a list of errors (shopify.dev, "GraphQL Admin API
reference", "Status and error codes").
"""

import math
from typing import Annotated, Generic, TypeVar

from pydantic import BeforeValidator, Field

from fototui.clients.shopify.wire import Text, Wire, read_json
from fototui.domain.errors import AccountError, OutsideError, PermanentError, TransientError
from fototui.domain.text import clean_line
from fototui.net.exchange import Answer, passing_error

SERVICE = "Shopify"

Data = TypeVar("Data", bound=Wire)

# Where an order without them would be no order, or would lose its photos.
_ESSENTIAL = frozenset({"orders", "order", "nodes", "lineItems", "customAttributes", "id"})

_PASSING_CODES = frozenset({"INTERNAL_SERVER_ERROR", "SERVICE_UNAVAILABLE", "TIMEOUT"})
_ACCOUNT_CODES = frozenset({"ACCESS_DENIED", "SHOP_INACTIVE", "UNAUTHORIZED", "FORBIDDEN"})

# What to wait where Shopify does not tell how many points are missing.
_UNTOLD_PAUSE = 2.0


class _Details(Wire):
    code: Text = None


class GraphError(Wire):
    """One error of an answer.

    Args:
        message: What Shopify says.
        path: The field it is about; None where it is about the whole request.
        extensions: Its code.
    """

    message: Text = None
    path: list[str | int] | None = None
    extensions: _Details | None = None

    @property
    def code(self) -> str:
        """Shopify's code of it, in upper case; "" where there is none."""
        return ((self.extensions and self.extensions.code) or "").upper()

    @property
    def words(self) -> str:
        """What Shopify says, as one safe line."""
        return clean_line(self.message or self.code, limit=300) or "–"

    @property
    def field(self) -> str | None:
        """The field it is about, without the numbers of rows."""
        return ".".join(self._names) or None

    @property
    def is_bearable(self) -> bool:
        """Whether it only hides a field that an order can do without."""
        names = self._names
        return self.code == "ACCESS_DENIED" and bool(names) and names[-1] not in _ESSENTIAL

    @property
    def _names(self) -> list[str]:
        return [part for part in self.path or () if isinstance(part, str) and not part.isdigit()]


class _Throttle(Wire):
    available: float | None = Field(None, validation_alias="currentlyAvailable")
    rate: float | None = Field(None, validation_alias="restoreRate")


class _Cost(Wire):
    requested: float | None = Field(None, validation_alias="requestedQueryCost")
    throttle: _Throttle | None = Field(None, validation_alias="throttleStatus")


class _Extensions(Wire):
    cost: _Cost | None = None


def _errors(value: object) -> object:
    """A refused token or address has a bare text in place of the list."""
    return [{"message": value}] if isinstance(value, str) else value


class Envelope(Wire, Generic[Data]):
    """A whole answer."""

    data: Data | None = None
    errors: Annotated[list[GraphError] | None, BeforeValidator(_errors)] = None
    extensions: _Extensions | None = None

    @property
    def pause(self) -> float | None:
        """Seconds until the bucket holds the points that the query costs; None if untold."""
        cost = self.extensions.cost if self.extensions else None
        throttle = cost.throttle if cost else None
        if cost is None or throttle is None:
            return None
        if cost.requested is None or throttle.available is None or not throttle.rate:
            return None
        pause = (cost.requested - throttle.available) / throttle.rate
        return max(pause, 0.0) if math.isfinite(pause) and throttle.rate > 0 else None


def read_answer(answer: Answer, kind: type[Envelope[Data]]) -> tuple[Data, list[str]]:
    """Read the answer to a query.

    Args:
        answer: The answer.
        kind: The model of it, with that of its data.

    Returns:
        The data, and the fields that Shopify hides from this app.

    Raises:
        TransientError: Throttled (`retry_after` tells for how long), a passing failure, or an
            answer that is none of Shopify's.
        AccountError: The token, its scopes or the shop are refused.
        PermanentError: Shopify refuses the query.
    """
    envelope = _envelope(answer, kind)
    errors = (envelope.errors if envelope else None) or []
    if answer.status == 429 or any(error.code == "THROTTLED" for error in errors):
        raise _throttled(answer, envelope.pause if envelope else None)
    if not answer.is_success:
        raise _refusal(answer, errors)
    if envelope is None or (envelope.data is None and not errors):
        raise TransientError(
            "Shopify's answer cannot be read ({text}); check SHOPIFY_STORE_URL.",
            service=SERVICE,
            status=answer.status,
            text=answer.excerpt,
        )
    for error in errors:
        if not error.is_bearable:
            raise _fault(error, answer.status)
    if envelope.data is None:
        raise _fault(errors[0], answer.status)
    return envelope.data, sorted({error.field for error in errors if error.field})


def _envelope(answer: Answer, kind: type[Envelope[Data]]) -> Envelope[Data] | None:
    try:
        return kind.model_validate(read_json(answer.body))
    except ValueError:  # pydantic's are such, too
        return None


def _throttled(answer: Answer, pause: float | None) -> TransientError:
    """Shopify's bucket of points is empty."""
    waits = [wait for wait in (pause, answer.retry_after) if wait is not None]
    return TransientError(
        "Shopify asks for fewer requests; it is tried again later. If this stays, see which other "
        "apps use the same token.",
        service=SERVICE,
        status=answer.status,
        retry_after=max(waits, default=_UNTOLD_PAUSE),
    )


def _refusal(answer: Answer, errors: list[GraphError]) -> OutsideError:
    """What an HTTP status means (shopify.dev, "API response status and error codes")."""
    # 430 is Shopify's own: a request that its guard took for an attack.
    if answer.is_passing or answer.status == 430:
        return passing_error(answer, SERVICE)
    text = errors[0].words if errors else answer.excerpt
    match answer.status:
        case 401:
            return AccountError(
                "Shopify refuses the access token; check SHOPIFY_ACCESS_TOKEN, which may have "
                "expired or been revoked (HTTP {status}: {text}).",
                service=SERVICE,
                status=answer.status,
                text=text,
            )
        case 403:
            return AccountError(
                "Shopify denies the app what it asks for; check SHOPIFY_ACCESS_TOKEN and that the "
                "app has the scope read_orders (HTTP {status}: {text}).",
                service=SERVICE,
                status=answer.status,
                text=text,
            )
        case 402 | 423:
            return AccountError(
                "The shop is frozen or locked; see its bill and state in Shopify (HTTP {status}: "
                "{text}).",
                service=SERVICE,
                status=answer.status,
                text=text,
            )
        case status if status in (404, 405) or status < 400:
            return AccountError(
                "There is no shop at this address; check SHOPIFY_STORE_URL and "
                "SHOPIFY_API_VERSION (HTTP {status}: {text}).",
                service=SERVICE,
                status=status,
                text=text,
            )
    return PermanentError(
        "Shopify refused the request (HTTP {status}: {text}); check SHOPIFY_API_VERSION.",
        service=SERVICE,
        status=answer.status,
        text=text,
    )


def _fault(error: GraphError, status: int) -> OutsideError:
    """What an error in the list means."""
    text = error.words
    if error.code in _ACCOUNT_CODES:
        return AccountError(
            "Shopify denies the app what it asks for; give it the scope read_orders in Shopify and "
            "check SHOPIFY_ACCESS_TOKEN ({text}).",
            service=SERVICE,
            status=status,
            text=text,
        )
    if error.code in _PASSING_CODES:
        return TransientError(
            "Shopify has a problem of its own ({text}); it is tried again later.",
            service=SERVICE,
            status=status,
            text=text,
        )
    return PermanentError(
        "Shopify refused the query ({text}); check SHOPIFY_API_VERSION.",
        service=SERVICE,
        status=status,
        text=text,
    )
