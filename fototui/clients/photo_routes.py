"""The ways to photo servers: direct, and through proxies."""

import asyncio
import ssl
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass
from functools import cache, cached_property
from typing import Self

import httpx

from fototui.config.settings import Proxy
from fototui.domain.errors import ConfigurationError
from fototui.domain.text import clean_line
from fototui.net.client import environment_fault, has_own_certificates
from fototui.net.ssrf import Target

# A name may have any number of addresses; one that answers is among the first, or nowhere.
_MOST_ADDRESSES = 4

# Connections are not kept as such: a kept one is found again by its IP address alone, and would be
# reused for another name at that address although TLS has not proved that name.
_NO_REUSE = httpx.Limits(max_connections=None, max_keepalive_connections=0)
# Shorter than servers keep theirs: else one may be used at the very moment at which it is closed.
_REUSE = httpx.Limits(max_connections=None, max_keepalive_connections=4, keepalive_expiry=2.0)

# What becomes of a request over a connection that its server gave up at that moment.
_HUNG_UP = (httpx.ReadError, httpx.WriteError, httpx.CloseError, httpx.RemoteProtocolError)


@dataclass(slots=True)
class _Kept:
    """Connections that are used for one host name alone, and how many want them kept."""

    transport: httpx.AsyncHTTPTransport
    wanted: int = 0


@dataclass(slots=True)
class _OnItsWay:
    """What httpcore tells of a request on its way; goes with it as the extension "trace".

    Args:
        is_new: A connection was made for it.
        has_waited: Its answer was waited for. One that was read already when the request was sent
            is none: a server may answer twice, and the second answer is somebody else's photo.
    """

    is_new: bool = False
    has_waited: bool = False

    async def __call__(self, event: str, _info: object) -> None:
        """Take what happens."""
        if event.startswith("connection."):  # or it failed, and another address is tried
            self.is_new = not event.endswith(".failed")
        elif event == "http11.receive_response_headers.started":
            # What is there already comes in this turn of the loop, or in the next if anyio has it.
            loop = asyncio.get_running_loop()
            loop.call_soon(loop.call_soon, self._wait)

    def _wait(self) -> None:
        self.has_waited = True


class Route:
    """One way to photo servers.

    It stands on httpx's transport, not on its client: no cookies are kept, no redirect is followed
    unseen, no proxy of the environment is used, and no address is logged with its keys.

    Args:
        open_transport: Opens a transport, which keeps so many connections.
        name: What the log calls the route: "direct", or the proxy's host and port.
        pins: Whether it connects to the addresses that were checked. A proxy is given the host's
            name and looks it up once more, in its own network; ours is out of reach that way.
        idle_seconds: Longest silence of a server.
    """

    def __init__(
        self,
        open_transport: Callable[[httpx.Limits], httpx.AsyncHTTPTransport],
        *,
        name: str,
        pins: bool,
        idle_seconds: float,
    ) -> None:
        self.name = name
        self.pins = pins
        self._open_transport = open_transport
        self._kept: dict[str, _Kept] = {}
        self._timeout = httpx.Timeout(idle_seconds, connect=min(10.0, idle_seconds)).as_dict()

    @cached_property
    def _transport(self) -> httpx.AsyncHTTPTransport:
        return self._open_transport(_NO_REUSE)

    @classmethod
    def direct(cls, *, idle_seconds: float) -> Self:
        """The way without a proxy.

        Args:
            idle_seconds: Longest silence of a server.

        Raises:
            ConfigurationError: The environment names certificates that cannot be read.
        """
        trust = cache(_usual_trust)
        if has_own_certificates():  # which may be wrong, and that is told at once
            trust()

        def open_transport(limits: httpx.Limits) -> httpx.AsyncHTTPTransport:
            return httpx.AsyncHTTPTransport(verify=trust(), limits=limits)

        return cls(open_transport, name="direct", pins=True, idle_seconds=idle_seconds)

    @classmethod
    def through(cls, proxy: Proxy, *, idle_seconds: float) -> Self:
        """The way through a proxy.

        Args:
            proxy: The proxy; it is asked by HTTP, with CONNECT for https addresses.
            idle_seconds: Longest silence of a server.

        Raises:
            ConfigurationError: Its certificate cannot be read, or its host is none.
        """
        # Some write user and password there; the settings have names of their own for them.
        name = clean_line(f"{proxy.host.rpartition('@')[2]}:{proxy.port}")
        password = proxy.password.get_secret_value() if proxy.password else ""
        try:
            address = httpx.URL(scheme="http", host=proxy.host, port=proxy.port)
        except httpx.InvalidURL:
            raise ConfigurationError(
                "The proxy {proxy} has no proper host name; correct it in the settings.", proxy=name
            ) from None
        transport = httpx.AsyncHTTPTransport(
            verify=_trust(proxy.certificate, name),
            limits=_NO_REUSE,
            proxy=httpx.Proxy(address, auth=(proxy.username, password) if proxy.username else None),
        )
        return cls(lambda _: transport, name=name, pins=False, idle_seconds=idle_seconds)

    @asynccontextmanager
    async def keeping(self, host: str) -> AsyncIterator[None]:
        """Use connections to a host for one request after the other while the block runs.

        Each still goes to an address that was checked for this very request. Nothing is kept of a
        proxy.

        Args:
            host: The host's name, as TLS has to prove it.
        """
        if not self.pins:
            yield
            return
        if (kept := self._kept.get(host)) is None:
            kept = self._kept[host] = _Kept(self._open_transport(_REUSE))
        kept.wanted += 1
        try:
            yield
        finally:
            kept.wanted -= 1
            if not kept.wanted:
                if self._kept.get(host) is kept:
                    del self._kept[host]
                await kept.transport.aclose()

    async def ask(
        self, target: Target, headers: Mapping[str, str], *, afresh: bool = False
    ) -> httpx.Response:
        """Send a GET.

        Args:
            target: Where to, looked up and checked.
            headers: Headers.
            afresh: Whether over a new connection: the last one may have failed for its age.

        Returns:
            The answer; its body is not read yet, and whoever calls closes it.

        Raises:
            httpx.TransportError: There was no answer.
        """
        if not self.pins:
            return await self._send(self._transport, target.url, headers, {})
        if not afresh and (kept := self._kept.get(target.host)) is not None:
            on_its_way = _OnItsWay()
            try:
                response = await self._pinned(kept.transport, target, headers, trace=on_its_way)
                if on_its_way.is_new or on_its_way.has_waited:
                    return response
                await response.aclose()
            except _HUNG_UP:
                if on_its_way.is_new:
                    raise
        return await self._pinned(self._transport, target, headers)

    async def _pinned(
        self,
        transport: httpx.AsyncHTTPTransport,
        target: Target,
        headers: Mapping[str, str],
        **extensions: object,
    ) -> httpx.Response:
        """Ask at the addresses that were checked, one after the other."""
        # The name stays in the Host header, and in TLS, which proves it.
        headers = {"Host": target.url.netloc.decode("ascii"), **headers}
        extensions["sni_hostname"] = target.host
        *others, last = target.addresses[:_MOST_ADDRESSES]
        for address in others:
            url = target.url.copy_with(host=address)
            try:
                return await self._send(transport, url, headers, extensions)
            except (httpx.ConnectError, httpx.ConnectTimeout):
                continue
        return await self._send(transport, target.url.copy_with(host=last), headers, extensions)

    async def _send(
        self,
        transport: httpx.AsyncHTTPTransport,
        url: httpx.URL,
        headers: Mapping[str, str],
        extensions: Mapping[str, object],
    ) -> httpx.Response:
        extensions = {"timeout": self._timeout, **extensions}
        request = httpx.Request("GET", url, headers=headers, extensions=extensions)
        return await transport.handle_async_request(request)

    async def aclose(self) -> None:
        """Close the connections."""
        while self._kept:  # whoever is under way leaves meanwhile
            _, kept = self._kept.popitem()
            await kept.transport.aclose()
        if "_transport" in vars(self):
            await self._transport.aclose()


async def open_routes(proxies: tuple[Proxy, ...], *, idle_seconds: float) -> tuple[Route, ...]:
    """All routes: direct, and then the proxies in their order.

    Args:
        proxies: The proxies.
        idle_seconds: Longest silence of a server.

    Raises:
        ConfigurationError: A proxy's settings are wrong.
    """

    def open_all() -> tuple[Route, ...]:  # reads certificates
        return (
            Route.direct(idle_seconds=idle_seconds),
            *(Route.through(proxy, idle_seconds=idle_seconds) for proxy in proxies),
        )

    return await asyncio.to_thread(open_all)


def _usual_trust() -> ssl.SSLContext:
    try:
        return httpx.create_ssl_context()
    except OSError:
        raise ConfigurationError(environment_fault()) from None


def _trust(certificate: str | None, proxy: str) -> ssl.SSLContext:
    """Whose certificates are believed behind a proxy: the usual ones, and its own."""
    context = _usual_trust()
    if certificate is None:
        return context
    try:
        if "-----BEGIN" in certificate:
            # One line of an environment variable has its line ends written out.
            context.load_verify_locations(cadata=certificate.replace("\\n", "\n"))
        else:
            context.load_verify_locations(cafile=certificate)
    except (OSError, ValueError):  # ssl.SSLError is an OSError
        raise ConfigurationError(
            "The certificate of the proxy {proxy} cannot be read; give the path of a PEM file, or "
            "its text.",
            proxy=proxy,
        ) from None
    return context
