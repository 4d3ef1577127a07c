"""Shopify's Admin GraphQL API, imitated over HTTP as far as orders are read by it.

Throttling, errors and their bodies follow Shopify's documentation of the GraphQL Admin API: a query
that the points do not suffice for is answered 200 with `errors[].extensions.code == "THROTTLED"`.
"""

import hmac
import time
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, field

from pydantic import BaseModel, ConfigDict, SecretStr, ValidationError
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import HTMLResponse, JSONResponse, PlainTextResponse, Response
from starlette.routing import Route

from fototui.sandbox.outcomes import Outcome, Script, Turn, payload_key
from fototui.sandbox.shopify.query import read_query
from fototui.sandbox.shopify.schema import QueryError
from fototui.sandbox.shopify.shop import PlacedOrder, Shop, book
from fototui.sandbox.shopify.webhook_sender import Topic, WebhookSender
from fototui.sandbox.wire import control_routes, disturbed, hang_up, read_body, retry_header

BODY_LIMIT = 1_000_000

_DOCUMENTATION = "https://shopify.dev/api/usage/rate-limits"
_REFUSALS = {
    Outcome.UNAUTHORIZED: (
        401,
        "[API] Invalid API key or access token (unrecognized login or wrong password)",
    ),
    Outcome.UNPAID: (402, "Unavailable Shop"),
    Outcome.GONE: (404, "Not Found"),
}
# Accepted, and failed inside; HTTP has nothing to say against it.
_FAILURES = {
    Outcome.FAILED: ("Internal error. Looks like something went wrong.", "INTERNAL_SERVER_ERROR"),
    Outcome.CANCELLED: ("Access denied for orders field.", "ACCESS_DENIED"),
    Outcome.TIMED_OUT: ("Timeout", "TIMEOUT"),
}


class Points:
    """The bucket that queries are paid from; it fills up by itself.

    Args:
        size: Points that fit in.
        restored: Points that come back each second.
        largest: Points that one query may ask for.
    """

    def __init__(
        self, size: float = 2000.0, *, restored: float = 100.0, largest: int = 1000
    ) -> None:
        self.size = size
        self.restored = restored
        self.largest = largest
        self._left = size
        self._seen = time.monotonic()

    @property
    def left(self) -> float:
        """Points there are now."""
        now = time.monotonic()
        self._left = min(self.size, self._left + (now - self._seen) * self.restored)
        self._seen = now
        return self._left

    def take(self, points: float) -> None:
        """Pay; there may be fewer than that, as a query's cost can only be told after it."""
        self._left = self.left - points

    def empty(self) -> None:
        """Take all there are: the next query is throttled until enough have come back."""
        self.take(self.left)

    def status(self) -> dict[str, float]:
        """The `throttleStatus` of an answer."""
        return {
            "maximumAvailable": self.size,
            "currentlyAvailable": max(0, int(self.left)),
            "restoreRate": self.restored,
        }


@dataclass(frozen=True, slots=True, kw_only=True)
class ShopSettings:
    """How the imitated shop behaves.

    Args:
        token: The access token to ask for.
        webhook_secret: What webhooks are signed with.
        webhook_url: Told of orders that are placed or changed over HTTP; None for nobody.
        shop: The orders.
        script: What happens to queries, and what is counted. `rate_limited` is a throttled answer,
            with status 200, or another where the turn names one; `failed`, `cancelled` and
            `timed_out` are errors in an answer with status 200; `bad_result` is an answer whose
            data is missing.
        points: The bucket that queries are paid from.
        version: The API version that answers, whatever is asked for; None for the one asked for.
    """

    token: SecretStr
    webhook_secret: SecretStr = field(default_factory=lambda: SecretStr("sandbox"))
    webhook_url: str | None = None
    shop: Shop = field(default_factory=Shop)
    script: Script = field(default_factory=Script)
    points: Points = field(default_factory=Points)
    version: str | None = None


def create_shop(settings: ShopSettings) -> Starlette:
    """Imitate a shop: `POST /admin/api/{version}/graphql.json`.

    `POST /script` and `GET /counts` plan outcomes and read counts. `POST /orders` places an order
    as a customer would, from JSON such as `{"photos": ["http://…/cat.jpg"], "last_name": "Malá"}`;
    `PATCH /orders/{id}` changes its `payment` or adds `photos`. Both tell the order's id and name,
    and how the webhooks were answered.

    Args:
        settings: How it behaves.

    Returns:
        The app; its lifespan owns the webhooks' connections.
    """
    api = _Api(settings)
    customers = _Customers(settings)

    @asynccontextmanager
    async def lifespan(_: Starlette) -> AsyncIterator[None]:
        async with customers.at_hand():
            yield

    return Starlette(
        lifespan=lifespan,
        routes=[
            Route("/admin/api/{version}/graphql.json", api.graphql, methods=["POST"]),
            Route("/orders", customers.place, methods=["POST"]),
            Route("/orders/{id:int}", customers.change, methods=["PATCH"]),
            *control_routes(settings.script),
        ],
    )


class _Query(BaseModel):
    """The body of a GraphQL request."""

    query: str
    variables: dict[str, object] | None = None
    operationName: str | None = None  # noqa: N815  # so it is called on the wire


class _Api:
    """What an app asks of the shop."""

    def __init__(self, settings: ShopSettings) -> None:
        self._settings = settings
        self._token = settings.token.get_secret_value().encode()
        self._queries = 0

    async def graphql(self, request: Request) -> Response:
        response = await self._answered(request)
        asked = request.path_params["version"]
        response.headers["X-Shopify-API-Version"] = self._settings.version or asked
        return response

    async def _answered(self, request: Request) -> Response:
        given = request.headers.get("x-shopify-access-token", "").encode()
        if not hmac.compare_digest(given, self._token):
            return _refusal(*_REFUSALS[Outcome.UNAUTHORIZED])
        body = await read_body(request, BODY_LIMIT)
        turn = self._settings.script.submission()
        match turn.outcome:
            case Outcome.CUT_BEFORE:
                return await hang_up(request)
            case Outcome.UNAVAILABLE:
                return HTMLResponse(
                    "<html><body>Something went wrong.</body></html>",
                    status_code=turn.status or 503,
                    headers=retry_header(turn),
                )
            case Outcome.UNAUTHORIZED | Outcome.UNPAID | Outcome.GONE:
                status, message = _REFUSALS[turn.outcome]
                return _refusal(turn.status or status, turn.message or message)
        if body is None:
            return _refusal(413, "Request Entity Too Large")
        try:
            query = _Query.model_validate_json(body)
        except ValidationError:
            return _refusal(400, "Bad Request")
        return await disturbed(request, turn, self._executed(query, turn))

    def _executed(self, query: _Query, turn: Turn) -> Response:
        points, script = self._settings.points, self._settings.script
        try:
            asked = read_query(query.query, query.variables or {}, query.operationName)
            requested = asked.requested
            if requested > points.largest:
                return _too_large(requested, points.largest)
            if turn.outcome is Outcome.RATE_LIMITED or points.left < requested:
                return _throttled(turn, requested, points)
            data, actual = asked.answer(self._settings.shop)
        except QueryError as error:
            return _errors(str(error), {} if error.code is None else {"code": error.code})
        points.take(actual)
        self._queries += 1
        words = payload_key(query.query.encode(), query.variables or {})
        script.tally.accept(f"query {self._queries}", words)
        if turn.outcome in _FAILURES:
            script.tally.count("failed")
            message, code = _FAILURES[turn.outcome]
            return _errors(turn.message or message, {"code": code})
        script.tally.count("completed")
        if turn.outcome is Outcome.BAD_RESULT:
            data = dict.fromkeys(data)
        return JSONResponse({"data": data, "extensions": _cost(requested, actual, points)})


def _refusal(status: int, message: str) -> Response:
    """An answer before GraphQL is asked; its `errors` is a text, not a list."""
    return JSONResponse({"errors": message}, status_code=status)


def _errors(
    message: str, extensions: Mapping[str, object], more: Mapping[str, object] | None = None
) -> JSONResponse:
    error: dict[str, object] = {"message": message}
    if extensions:
        error["extensions"] = extensions
    return JSONResponse({"errors": [error], **({} if more is None else {"extensions": more})})


def _throttled(turn: Turn, requested: int, points: Points) -> Response:
    answered = _errors(
        turn.message or "Throttled",
        {"code": "THROTTLED", "documentation": _DOCUMENTATION},
        _cost(requested, None, points),
    )
    answered.status_code = turn.status or 200
    answered.headers.update(retry_header(turn))
    return answered


def _too_large(requested: int, largest: int) -> Response:
    return _errors(
        f"Query cost is {requested}, which exceeds the single query max cost limit ({largest}).",
        {
            "code": "MAX_COST_EXCEEDED",
            "cost": requested,
            "maxCost": largest,
            "documentation": _DOCUMENTATION,
        },
    )


def _cost(requested: int, actual: int | None, points: Points) -> dict[str, object]:
    return {
        "cost": {
            "requestedQueryCost": requested,
            "actualQueryCost": actual,
            "throttleStatus": points.status(),
        }
    }


class _Placing(BaseModel):
    """What a customer orders."""

    model_config = ConfigDict(extra="forbid")

    photos: list[str] = []
    dedication: str | None = None
    layout: str | None = None
    first_name: str | None = None
    last_name: str | None = None
    email: str | None = None
    payment: str | None = "PAID"


class _Change(BaseModel):
    """What becomes of an order."""

    model_config = ConfigDict(extra="forbid")

    payment: str | None = None
    photos: list[str] = []


class _Customers:
    """What customers do, over HTTP, for other processes."""

    def __init__(self, settings: ShopSettings) -> None:
        self._shop = settings.shop
        self._sender = (
            None
            if settings.webhook_url is None
            else WebhookSender(
                settings.webhook_url, settings.webhook_secret, domain=settings.shop.domain
            )
        )

    @asynccontextmanager
    async def at_hand(self) -> AsyncIterator[None]:
        if self._sender is None:
            yield
            return
        async with self._sender:
            yield

    async def place(self, request: Request) -> Response:
        try:
            wanted = _Placing.model_validate_json(await request.body())
        except ValidationError as error:
            return PlainTextResponse(str(error), status_code=400)
        order = self._shop.place(
            [book(wanted.photos, dedication=wanted.dedication, layout=wanted.layout)],
            first_name=wanted.first_name,
            last_name=wanted.last_name,
            email=wanted.email,
            payment=wanted.payment,
        )
        return await self._told(order, "orders/create")

    async def change(self, request: Request) -> Response:
        order = self._shop.orders.get(request.path_params["id"])
        if order is None:
            return PlainTextResponse("there is no such order", status_code=404)
        try:
            wanted = _Change.model_validate_json(await request.body())
        except ValidationError as error:
            return PlainTextResponse(str(error), status_code=400)
        if wanted.payment is not None:
            self._shop.pay(order, wanted.payment)
        if wanted.photos:
            self._shop.add_photos(order, wanted.photos)
        return await self._told(
            order, "orders/paid" if wanted.payment == "PAID" else "orders/updated"
        )

    async def _told(self, order: PlacedOrder, topic: Topic) -> Response:
        answers = [] if self._sender is None else await self._sender.tell(order, topic)
        return JSONResponse(
            {
                "id": order.id,
                "name": order.name,
                "webhooks": [one.status if one.error is None else one.error for one in answers],
            },
            status_code=201 if topic == "orders/create" else 200,
        )
