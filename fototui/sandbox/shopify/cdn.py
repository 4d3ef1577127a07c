"""The place where customers' photos lie, with everything that can be wrong with such a place.

An address is `/{manner}/{name}`: the manner tells how the photo called `name` is served, as in
`/photos/cat.jpg` or `/broken/cat.jpg`. Robots are refused, as such places do: 403 for who does not
look like a browser that comes from a page.
"""

import asyncio
from collections import Counter
from collections.abc import AsyncIterator, Mapping
from enum import StrEnum
from urllib.parse import quote, urlencode

from starlette.applications import Starlette
from starlette.datastructures import QueryParams
from starlette.middleware import Middleware
from starlette.requests import Request
from starlette.responses import (
    HTMLResponse,
    JSONResponse,
    PlainTextResponse,
    RedirectResponse,
    Response,
    StreamingResponse,
)
from starlette.routing import Route
from starlette.types import ASGIApp, Receive, Scope, Send

from fototui.sandbox.samples import sample_photos
from fototui.sandbox.wire import hang_up

HUGE_BYTES = 5_000_000_000

_CHUNK = bytes(64 * 1024)
_DROPS = 40
_BODILESS = (204, 304)


class Manner(StrEnum):
    """How a photo is served; it is the first part of the address."""

    PHOTOS = "photos"
    """As it should be."""
    UNNAMED = "unnamed"
    """As it should be, but as `application/octet-stream`."""
    SLOW = "slow"
    """Drop by drop, over `?seconds=` (60)."""
    BROKEN = "broken"
    """Cut in the middle, and served as if it were whole."""
    CUT = "cut"
    """The connection is closed without an answer."""
    PAGE = "page"
    """An HTML page with status 200."""
    EMPTY = "empty"
    """Nothing, with status 200."""
    HUGE = "huge"
    """`?bytes=` (5 GB) that begin like the photo; `&told=0` hides the length."""
    STATUS = "status"
    """The HTTP status `?code=` (404), with `&retry_after=` as Retry-After."""
    FLAKY = "flaky"
    """The status `?code=` (503) for the first `?times=` (1) requests, then as it should be."""
    AWAY = "away"
    """Redirects to `?to=`, with the status `?code=` (302)."""


class Cdn:
    """The photos, and who asked for them.

    Args:
        pictures: Content by name; the sample photos where none is given (read from disk).
    """

    def __init__(self, pictures: Mapping[str, bytes] | None = None) -> None:
        if pictures is None:
            pictures = {photo.name: photo.data for photo in sample_photos()}
        self.pictures = dict(pictures)
        """May be added to and taken from at any time; what is not there is answered 404."""
        self.asked: Counter[str] = Counter()
        """How often each path (without its query) was asked for, by robots too."""
        self.refused = 0
        """How many requests looked like a robot's."""
        self.most_at_once = 0
        """Most requests under way at one moment."""
        self._at_once = 0
        self._flaky: Counter[str] = Counter()

    async def serve(self, request: Request) -> Response:
        """Answer one request."""
        manner, name = request.path_params["manner"], request.path_params["name"]
        self.asked[f"/{manner}/{name}"] += 1
        if _is_robot(request):
            self.refused += 1
            return PlainTextResponse("error code: 1010", status_code=403)
        picture = self.pictures.get(name)
        if picture is None or manner not in frozenset(Manner):
            return PlainTextResponse("not found", status_code=404)
        try:
            return await self._served(request, Manner(manner), picture)
        except ValueError as error:
            return PlainTextResponse(str(error), status_code=400)

    async def counts(self, _: Request) -> Response:
        """Tell other processes who asked."""
        return JSONResponse(
            {"asked": self.asked, "refused": self.refused, "most_at_once": self.most_at_once}
        )

    def enter(self) -> None:
        """Note that one more request is under way."""
        self._at_once += 1
        self.most_at_once = max(self.most_at_once, self._at_once)

    def leave(self) -> None:
        """Note that one is done with."""
        self._at_once -= 1

    async def _served(self, request: Request, manner: Manner, picture: bytes) -> Response:
        query = request.query_params
        match manner:
            case Manner.UNNAMED:
                return Response(picture, media_type="application/octet-stream")
            case Manner.SLOW:
                drops = _drops(picture, float(query.get("seconds", 60)))
                return StreamingResponse(drops, media_type="image/jpeg")
            case Manner.BROKEN:
                return Response(picture[: len(picture) // 2], media_type="image/jpeg")
            case Manner.CUT:
                return await hang_up(request)
            case Manner.PAGE:
                return HTMLResponse("<html><body><h1>Please log in</h1></body></html>")
            case Manner.EMPTY:
                return Response(media_type="image/jpeg")
            case Manner.HUGE:
                size = int(query.get("bytes", HUGE_BYTES))
                length = {"Content-Length": str(size)} if query.get("told", "1") == "1" else {}
                return StreamingResponse(
                    _flood(picture, size), media_type="image/jpeg", headers=length
                )
            case Manner.STATUS:
                return _refusal(query, 404)
            case Manner.FLAKY:
                self._flaky[str(request.url)] += 1
                if self._flaky[str(request.url)] <= int(query.get("times", 1)):
                    return _refusal(query, 503)
            case Manner.AWAY:
                return RedirectResponse(query.get("to", ""), int(query.get("code", 302)))
        return Response(picture, media_type="image/jpeg")


def photo_url(
    base: str, name: str, manner: Manner = Manner.PHOTOS, **query: str | float | None
) -> str:
    """Tell the address of a photo.

    Args:
        base: Where the CDN is mounted.
        name: The photo's.
        manner: How it is served.
        **query: Particulars of the manner.
    """
    given = {key: value for key, value in query.items() if value is not None}
    return f"{base}/{manner}/{quote(name)}" + (f"?{urlencode(given)}" if given else "")


def create_cdn(cdn: Cdn) -> Starlette:
    """Serve photos; `GET /counts` tells other processes who asked for them.

    Args:
        cdn: The photos.

    Returns:
        The app.
    """
    return Starlette(
        routes=[Route("/counts", cdn.counts), Route("/{manner}/{name}", cdn.serve)],
        middleware=[Middleware(_Counting, cdn=cdn)],
    )


class _Counting:
    """Counts requests from their beginning until the last byte is sent."""

    def __init__(self, app: ASGIApp, cdn: Cdn) -> None:
        self._app = app
        self._cdn = cdn

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":  # the lifespan
            await self._app(scope, receive, send)
            return
        self._cdn.enter()
        try:
            await self._app(scope, receive, send)
        finally:
            self._cdn.leave()


def _is_robot(request: Request) -> bool:
    agent = request.headers.get("user-agent", "")
    return "Mozilla/5.0" not in agent or not request.headers.get("referer", "").startswith("http")


def _refusal(query: QueryParams, usual: int) -> Response:
    wait = {"Retry-After": query["retry_after"]} if "retry_after" in query else None
    code = int(query.get("code", usual))
    return PlainTextResponse("" if code in _BODILESS else "refused", code, headers=wait)


async def _drops(picture: bytes, seconds: float) -> AsyncIterator[bytes]:
    size = max(1, -(-len(picture) // _DROPS))
    for start in range(0, len(picture), size):
        await asyncio.sleep(seconds / _DROPS)
        yield picture[start : start + size]


async def _flood(picture: bytes, size: int) -> AsyncIterator[bytes]:
    yield picture[:size]
    left = size - len(picture)
    while left > 0:
        yield _CHUNK[:left]
        left -= len(_CHUNK)
