"""The hub's HTTP: one path, where one publishes with POST and listens with GET.

Follows the protocol of Mercure 0.x as hub v0.24.2 speaks it, with its statuses and sentences.
"""

import re
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from functools import partial
from urllib.parse import unquote_plus

from starlette.applications import Starlette
from starlette.middleware import Middleware
from starlette.middleware.cors import CORSMiddleware
from starlette.requests import Request
from starlette.responses import PlainTextResponse, Response
from starlette.routing import Route

from fototui.mercure.address import HUB_PATH
from fototui.mercure.hub.access import claims_of
from fototui.mercure.hub.broker import Broker, Update
from fototui.mercure.hub.settings import HubSettings
from fototui.mercure.hub.stream import EventStream, lifetime
from fototui.mercure.hub.topics import any_matches
from fototui.mercure.tokens import Claims, TokenError

_MOST_TOPICS = 1_000
_MOST_RETRY = 2**64 - 1
_BAD_ESCAPE = re.compile(r"%(?![0-9A-Fa-f]{2})")
_BREAKS_A_FIELD = re.compile(r"[\x00\r\n]")

_Pairs = list[tuple[str, str]]


def create_hub(settings: HubSettings) -> Starlette:
    """Make the hub.

    Args:
        settings: How it behaves.

    Returns:
        An ASGI app. Its `state.broker` ends all streams with `close()`; `serving_hub` does that
        before the server stops, which would otherwise wait for them.
    """
    broker = Broker(history_size=settings.history_size, backlog=settings.backlog)

    @asynccontextmanager
    async def lifespan(_app: Starlette) -> AsyncIterator[None]:
        yield
        broker.close()

    middleware = [
        Middleware(
            CORSMiddleware,
            allow_origins=settings.cors_origins,
            allow_methods=("GET", "POST", "HEAD"),
            allow_headers=("authorization", "cache-control", "last-event-id"),
            allow_credentials=True,
        )
    ]
    app = Starlette(
        routes=[
            Route(HUB_PATH, partial(_subscribe, broker, settings), methods=["GET"]),
            Route(HUB_PATH, partial(_publish, broker, settings), methods=["POST"]),
        ],
        middleware=middleware if settings.cors_origins else [],
        lifespan=lifespan,
    )
    app.state.broker = broker
    return app


async def _subscribe(broker: Broker, settings: HubSettings, request: Request) -> Response:
    query, _ = _pairs(request.url.query)
    try:
        claims = claims_of(request, query, settings.subscriber_key, origins=())
    except TokenError:
        return _refusal(401)
    if claims is None and not settings.anonymous:
        return _refusal(401)
    selectors = _values(query, "topic")
    if not selectors:
        return _refusal(400, 'Missing "topic" parameter.')
    if len(selectors) > _MOST_TOPICS:
        return _refusal(400, 'Too many "topic" parameters.')
    if broker.closed:
        return _refusal(503)
    last_event_id = _last_event_id(request, query)
    return EventStream(
        broker,
        broker.subscribe(
            selectors, claims.subscribe if claims else (), last_event_id=last_event_id
        ),
        settings,
        seconds=lifetime(settings, expires_at=claims.expires_at if claims else None),
        with_previous_id=bool(last_event_id),
    )


def _last_event_id(request: Request, query: _Pairs) -> str:
    # Header values are bytes, which Starlette reads as Latin-1; an id may be any text.
    header = request.headers.get("last-event-id", "").encode("latin-1")
    return header.decode("utf-8", "replace") or "".join(_values(query, "lastEventID")[:1])


async def _publish(broker: Broker, settings: HubSettings, request: Request) -> Response:
    query, query_is_sound = _pairs(request.url.query)
    try:
        claims = claims_of(request, query, settings.publisher_key, origins=settings.publish_origins)
    except TokenError:
        return _refusal(401)
    if claims is None or claims.publish is None:
        return _refusal(401)
    form, form_is_sound = await _form(request, settings.max_body_bytes)
    if not (query_is_sound and form_is_sound):
        return _refusal(400)
    update = _read_update(form, claims)
    if isinstance(update, Response):
        return update
    if broker.closed:
        return _refusal(500)
    broker.publish(update)
    return PlainTextResponse(update.id)


def _read_update(form: _Pairs, claims: Claims) -> Update | Response:
    topics = _values(form, "topic")
    if not topics:
        return _refusal(400, 'Missing "topic" parameter')
    if len(topics) > _MOST_TOPICS:
        return _refusal(400, "too many topics in update")
    retry = _first(form, "retry") or "0"
    if not (retry.isascii() and retry.isdigit()) or int(retry) > _MOST_RETRY:
        return _refusal(400, 'Invalid "retry" parameter')
    if not _may_publish(topics, claims.publish or ()):
        return _refusal(401)
    for topic in topics:
        if HUB_PATH in topic:
            sentence = f'topic value references the reserved "{HUB_PATH}" namespace'
            return _refusal(403, f'"{topic}": {sentence}')
    for field in ("id", "type"):
        if _BREAKS_A_FIELD.search(_first(form, field)):
            return _refusal(400, f'"{field}" field contains a forbidden control character')
    return Update(
        topics=tuple(topics),
        data=_first(form, "data"),
        private=bool(_values(form, "private")),
        id=_first(form, "id"),
        type=_first(form, "type"),
        retry=int(retry),
    )


def _may_publish(topics: list[str], selectors: tuple[str, ...]) -> bool:
    return all(any_matches(selectors, (topic,)) for topic in topics)


async def _form(request: Request, most_bytes: int) -> tuple[_Pairs, bool]:
    media_type = request.headers.get("content-type", "").partition(";")[0].strip().lower()
    if media_type != "application/x-www-form-urlencoded":
        return [], True
    body = bytearray()
    async for chunk in request.stream():
        body += chunk
        if len(body) > most_bytes:
            return [], False
    return _pairs(body.decode("utf-8", "replace"))


def _pairs(encoded: str) -> tuple[_Pairs, bool]:
    """Decode a form or a query; the flag tells whether all of it could be read."""
    parts = [part for part in encoded.split("&") if part]
    sound = [part for part in parts if ";" not in part and not _BAD_ESCAPE.search(part)]
    pairs = [part.partition("=") for part in sound]
    decoded = [(unquote_plus(name), unquote_plus(value)) for name, _, value in pairs]
    return decoded, len(sound) == len(parts)


def _values(pairs: _Pairs, name: str) -> list[str]:
    return [value for key, value in pairs if key == name]


def _first(pairs: _Pairs, name: str) -> str:
    return next(iter(_values(pairs, name)), "")


_SENTENCES = {
    400: "Bad Request",
    401: "Unauthorized",
    500: "Internal Server Error",
    503: "Service Unavailable",
}


def _refusal(status: int, sentence: str = "") -> Response:
    return PlainTextResponse(
        (sentence or _SENTENCES[status]) + "\n",
        status_code=status,
        headers={"x-content-type-options": "nosniff"},
    )
