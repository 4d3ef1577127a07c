"""Photos of customers, fetched from wherever their upload app put them.

Neither the address nor what lies there is trusted: `fototui.net.ssrf` judges where it
leads, and the content alone tells whether it is a photo, and of what kind.
"""

import asyncio
from collections.abc import Sequence
from contextlib import AsyncExitStack
from dataclasses import dataclass, field
from itertools import count
from typing import TYPE_CHECKING, Self
from weakref import WeakValueDictionary

import httpx

from fototui.clients.photo_decoding import inspect_apart
from fototui.clients.photo_routes import Route, open_routes
from fototui.clients.unpacking import UnpackError, unpack
from fototui.config.settings import Proxy
from fototui.domain.errors import InvalidInputError, OutsideError, PermanentError, TransientError
from fototui.domain.text import clean_line
from fototui.log import get_logger
from fototui.net.closing import Closing
from fototui.net.exchange import megabytes, retry_after, web_address
from fototui.net.ssrf import (
    SERVICE,
    AddressCheck,
    Resolver,
    Target,
    read_address,
    redirected,
    resolve,
)
from fototui.retry import RetryPolicy

if TYPE_CHECKING:
    from fototui.clients.photos import PhotoInfo

log = get_logger(__name__)

_MOST_REDIRECTS = 5
_REDIRECTS = frozenset({301, 302, 303, 307, 308})

_GONE = frozenset({404, 410})
# A server that refuses this machine may serve another one; 525, 526 and 530 are Cloudflare's, for
# an origin that it cannot speak to.
_ANOTHER_WAY = frozenset({403, 429, 525, 526, 530})
# 407 is a proxy's own; the next one may know us.
_PASSING = frozenset({407, 408, 425})

# What a browser sends for an <img>, but for two: servers that choose a format by Accept would send
# a WebP or AVIF made of the photo that the customer gave, and a compressed answer may unpack to any
# size (some send one all the same; `unpack` knows the limit).
_HEADERS = {
    "User-Agent": "Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 "
    "(KHTML, like Gecko) Chrome/140.0.0.0 Safari/537.36",
    "Accept": "image/jpeg,image/png,image/*;q=0.8,*/*;q=0.5",
    "Accept-Language": "cs-CZ,cs;q=0.9,en;q=0.8",
    "Accept-Encoding": "identity",
    "Sec-Fetch-Dest": "image",
    "Sec-Fetch-Mode": "no-cors",
    "Sec-Fetch-Site": "cross-site",
}


@dataclass(frozen=True, slots=True)
class DownloadedPhoto:
    """A photo as its server gave it.

    Args:
        data: The file, unchanged: a photo that was taken on its side keeps its EXIF orientation,
            and is set upright where pixels are used (`fototui.clients.photos.prepare_photo`).
        info: What it is; width and height are those of the upright photo.
    """

    data: bytes = field(repr=False)
    info: "PhotoInfo"


@dataclass(frozen=True, slots=True)
class DownloadLimits:
    """What one photo may cost; its pixels are limited by `fototui.clients.photos.MAX_PIXELS`.

    Args:
        max_bytes: Largest file.
        seconds: Longest time for one photo, with all attempts and the waits between them.
        idle_seconds: Longest silence of a server.
        per_host: Downloads from one host at once; the others wait.
        at_once: Downloads at once in all; each may hold twice `max_bytes` in memory.
    """

    max_bytes: int = 100_000_000
    seconds: float = 300.0
    idle_seconds: float = 20.0
    per_host: int = 4
    at_once: int = 12


# Each attempt goes direct, and then through the proxies.
_RETRY = RetryPolicy(attempts=3, first_wait=1.0, longest_wait=10.0, factor=3.0)


class PhotoDownload(Closing):
    """Fetches photos; an async context manager.

    Every address, that of each redirect too, is looked up here once and must lead to the open
    Internet, and the connection is made to the very IP address that was checked. A proxy is given
    the host's name, after the same check here, and looks it up itself, in its own network.

    Args:
        proxies: Proxies to try in turn where the direct way fails.
        trusted_hosts: `host:port` of servers that may stand on a private address.
        referer: The shop's address, which some photo servers insist on.
        limits: What one photo may cost.
        retry: How often it is tried.
        resolver: How names are looked up.

    Raises:
        ConfigurationError: The shop's address is none; on entering also: a proxy's settings are
            wrong.
    """

    def __init__(
        self,
        *,
        proxies: Sequence[Proxy] = (),
        trusted_hosts: frozenset[str] = frozenset(),
        referer: str | None = None,
        limits: DownloadLimits | None = None,
        retry: RetryPolicy = _RETRY,
        resolver: Resolver = resolve,
    ) -> None:
        self._limits = limits or DownloadLimits()
        self._retry = retry
        self._proxies = tuple(proxies)
        self._routes: tuple[Route, ...] = ()
        self._headers = dict(_HEADERS)
        if referer is not None:
            self._headers["Referer"] = str(web_address(referer, "SHOPIFY_STORE_URL"))
        self._check = AddressCheck(
            trusted_hosts, resolver=resolver, seconds=self._limits.idle_seconds
        )
        # Kept only while somebody downloads from the host: strangers' hosts are countless.
        self._hosts: WeakValueDictionary[str, asyncio.Semaphore] = WeakValueDictionary()
        self._all = asyncio.Semaphore(self._limits.at_once)

    async def fetch(self, url: str) -> DownloadedPhoto:
        """Fetch one photo.

        Args:
            url: Its address.

        Returns:
            The photo, decoded once to be sure of it.

        Raises:
            PermanentError: The address is refused, or what lies there is no photo, is damaged or
                too big, or the server does not give it out.
            TransientError: The server or the network failed; trying again later may help.
        """
        target = read_address(url)
        host = self._hosts.setdefault(target.host, asyncio.Semaphore(self._limits.per_host))
        async with AsyncExitStack() as place:
            async with self._routes[0].keeping(target.host), host:
                await place.enter_async_context(self._all)
                data = await self._fetch(target)
            try:
                info = await inspect_apart(data)
            except InvalidInputError as error:
                raise PermanentError(error.sentence, service=SERVICE) from error
        return DownloadedPhoto(data, info)

    async def _fetch(self, target: Target) -> bytes:
        """All attempts, within the time."""
        try:
            async with asyncio.timeout(self._limits.seconds):
                tries = count()
                return await self._retry.call(lambda: self._attempt(target, afresh=next(tries) > 0))
        except TimeoutError:
            raise TransientError(
                "The photo {photo} did not come within {seconds} s; try again later, or ask the "
                "customer for the photo.",
                service=SERVICE,
                photo=str(target),
                seconds=self._limits.seconds,
            ) from None
        except TransientError as error:
            if error.status != 403:
                raise
            # It was worth a few attempts, for a robot; but the engine's patience is for failures.
            raise PermanentError(error.sentence, service=SERVICE, status=403) from None

    async def _attempt(self, target: Target, *, afresh: bool) -> bytes:
        """Try the direct way, and the others where another way may help.

        Args:
            target: Where to.
            afresh: Whether over new connections.

        Raises:
            TransientError: What went wrong on the direct way; what proxies did is in the log.
        """
        located = await self._check.locate(target)
        failures: list[TransientError] = []
        for route in self._routes:
            try:
                return await self._follow(route, located, afresh=afresh)
            except TransientError as error:
                log.warning(
                    "a photo did not come", photo=str(target), route=route.name, reason=str(error)
                )
                failures.append(error)
                if route.pins and not (error.status is None or error.status in _ANOTHER_WAY):
                    break
        raise failures[0]

    async def _follow(self, route: Route, target: Target, *, afresh: bool) -> bytes:
        """Ask on one way, and go where the answers point to."""
        for _ in range(1 + _MOST_REDIRECTS):
            try:
                async with route.keeping(target.host):  # also where this is not the first one asked
                    response = await route.ask(target, self._headers, afresh=afresh)
                    try:
                        if response.status_code not in _REDIRECTS:
                            return await self._read(response, target)
                        location = response.headers.get("Location", "")
                    finally:
                        await response.aclose()
            except (httpx.HTTPError, OSError) as error:  # TLS that breaks later is an OSError
                # The kind alone: texts of some of these errors quote what was sent.
                raise TransientError(
                    "The photo {photo} could not be fetched ({reason}); see whether its address "
                    "opens in a browser, and try again later.",
                    service=SERVICE,
                    photo=str(target),
                    reason=type(error).__name__,
                ) from None
            target = await self._check.locate(redirected(target, location))
        raise PermanentError(
            "The address of the photo leads on and on, at last to {photo}; ask the customer for "
            "the photo.",
            service=SERVICE,
            photo=str(target),
        )

    async def _read(self, response: httpx.Response, target: Target) -> bytes:
        """Read the body, and no more of it than a photo may have, packed or not."""
        if not response.is_success:
            raise _refusal(response, target)
        declared = response.headers.get("Content-Length", "")
        if declared.isdecimal() and int(declared) > self._limits.max_bytes:
            raise self._too_big(target)
        body = bytearray()
        async for chunk in response.aiter_raw():
            if len(body) + len(chunk) > self._limits.max_bytes:
                raise self._too_big(target)
            body += chunk
        packings = response.headers.get("Content-Encoding", "")
        if not packings or packings.strip().lower() == "identity":
            return bytes(body)
        try:
            return await asyncio.to_thread(unpack, bytes(body), packings, self._limits.max_bytes)
        except UnpackError as error:
            if error.is_too_big:
                raise self._too_big(target) from None
            raise TransientError(
                "The photo {photo} came packed ({packings}) and cannot be unpacked; try again "
                "later, or ask the customer for the photo.",
                service=SERVICE,
                photo=str(target),
                packings=clean_line(packings, limit=40),
            ) from None

    def _too_big(self, target: Target) -> PermanentError:
        return PermanentError(
            "The photo {photo} has more than {limit} MB; ask the customer for a smaller file.",
            service=SERVICE,
            photo=str(target),
            limit=megabytes(self._limits.max_bytes),
        )

    async def aclose(self) -> None:
        """Close the connections; downloads still under way fail."""
        for route in self._routes:
            await route.aclose()

    async def __aenter__(self) -> Self:
        self._routes = await open_routes(self._proxies, idle_seconds=self._limits.idle_seconds)
        return self


def _refusal(response: httpx.Response, target: Target) -> OutsideError:
    """What an answer without a photo means."""
    status, photo = response.status_code, str(target)
    if status in _GONE:
        return PermanentError(
            "The photo {photo} is no longer there (HTTP {status}); ask the customer for it.",
            service=SERVICE,
            status=status,
            photo=photo,
        )
    if status == 403:
        return TransientError(
            "The server refuses to give out the photo {photo} (HTTP {status}); ask the customer "
            "for it, or see whether a proxy in the settings helps.",
            service=SERVICE,
            status=status,
            photo=photo,
            retry_after=retry_after(response.headers),
        )
    if status >= 500 or status in _ANOTHER_WAY | _PASSING:
        return TransientError(
            "The server of the photo {photo} has a problem or is busy (HTTP {status}); try again "
            "later.",
            service=SERVICE,
            status=status,
            photo=photo,
            retry_after=retry_after(response.headers),
        )
    return PermanentError(
        "The server does not give out the photo {photo} (HTTP {status}); ask the customer for it.",
        service=SERVICE,
        status=status,
        photo=photo,
    )
