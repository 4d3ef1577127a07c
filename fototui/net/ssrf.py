"""Which addresses that strangers gave may be asked, and where exactly these lead.

An address is judged by where it leads, not by how it is spelled: its name is looked up once, every
result is checked, and the connection is made to what was checked. A second look-up might get
another answer (DNS rebinding).
"""

import asyncio
import ipaddress
import re
import socket
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass, field, replace

import httpx

from fototui.domain.errors import PermanentError, TransientError
from fototui.domain.text import clean_line
from fototui.log import get_logger

log = get_logger(__name__)

SERVICE = "photo download"

IPAddress = ipaddress.IPv4Address | ipaddress.IPv6Address
Resolver = Callable[[str, int], Awaitable[Sequence[str]]]
"""Looks up a name (and a port): its IP addresses, as texts; OSError where there are none."""

_PORTS = {"http": 80, "https": 443}

# Letters, digits and dashes (RFC 1123, section 2.1), and the underscores that some have in fact.
_NAME = re.compile(r"(?=.{1,253}$)[a-z0-9_-]{1,63}(\.[a-z0-9_-]{1,63})*")
# What a name's last part is when the whole is an IPv4 address in one of the spellings that
# resolvers accept, such as 2130706433, 0x7f.1 or 0177.0.0.1 (WHATWG URL, "ends in a number").
_NUMBER = re.compile(r"(.*\.)?([0-9]+|0x[0-9a-f]*)")

# IANA's IPv4 Special-Purpose Address Registry, multicast (RFC 5771) and class E (RFC 1112).
_CLOSED_4 = [
    ipaddress.IPv4Network(network)
    for network in (
        "0.0.0.0/8",  # this network
        "10.0.0.0/8",  # private
        "100.64.0.0/10",  # carrier-grade NAT; Alibaba's metadata
        "127.0.0.0/8",  # loopback
        "168.63.129.16/32",  # Azure's metadata
        "169.254.0.0/16",  # link-local; metadata of most clouds
        "172.16.0.0/12",  # private
        "192.0.0.0/24",  # protocol assignments; Oracle's metadata
        "192.0.2.0/24",  # documentation
        "192.88.99.0/24",  # 6to4 relays
        "192.168.0.0/16",  # private
        "198.18.0.0/15",  # benchmarks
        "198.51.100.0/24",  # documentation
        "203.0.113.0/24",  # documentation
        "224.0.0.0/4",  # multicast
        "240.0.0.0/4",  # reserved, broadcast
    )
]

# All that IANA has given out for the public so far (RFC 4291, section 2.4) but what is special in
# it. Mapped IPv4, private and link-local addresses are outside.
_PUBLIC_6 = ipaddress.IPv6Network("2000::/3")
_CLOSED_6 = [
    ipaddress.IPv6Network(network)
    for network in (
        "2001::/23",  # protocol assignments, Teredo among them
        "2001:db8::/32",  # documentation
        "2002::/16",  # 6to4: an IPv4 address in disguise
        "3fff::/20",  # documentation
    )
]
# How a network without IPv4 reaches it (RFC 6052): the IPv4 address is the last 32 bits.
_NAT64 = ipaddress.IPv6Network("64:ff9b::/96")


@dataclass(frozen=True, slots=True)
class Target:
    """An address that may be asked.

    Args:
        url: The address, in one spelling, without a fragment.
        host: Its host: a name in ASCII without a final dot, or an IP address without brackets.
        port: Its TCP port.
        addresses: The checked IP addresses behind the host; a connection goes to one of these.
    """

    url: httpx.URL = field(repr=False)
    host: str
    port: int
    addresses: tuple[str, ...] = ()

    @property
    def server(self) -> str:
        """Host and port, as the list of trusted hosts has them."""
        return f"[{self.host}]:{self.port}" if ":" in self.host else f"{self.host}:{self.port}"

    def __str__(self) -> str:
        """The address for people: host and end of the path, without the query and its keys."""
        *folders, end = self.url.path.strip("/").split("/")
        return clean_line(f"{self.host}/{'…/' if folders else ''}{end[-40:]}", limit=120)


def is_public(address: IPAddress) -> bool:
    """Whether an address is one of the open Internet.

    Args:
        address: The address.

    Returns:
        False for private, loopback, link-local, shared, multicast, reserved and documentation
        addresses, the metadata servers of clouds, and any of these inside an IPv6 address.
    """
    if isinstance(address, ipaddress.IPv4Address):
        return not any(address in network for network in _CLOSED_4)
    if address.scope_id is not None:  # only addresses of one link have one
        return False
    if address in _NAT64:
        return is_public(ipaddress.IPv4Address(int(address) & 0xFFFF_FFFF))
    return address in _PUBLIC_6 and not any(address in network for network in _CLOSED_6)


def read_address(text: str) -> Target:
    """Read a photo's address; nothing is looked up yet.

    Args:
        text: The address as a stranger wrote it.

    Raises:
        PermanentError: It is none that is ever asked.
    """
    try:
        url = httpx.URL(text.strip()).copy_with(fragment=None)
        host = url.raw_host.decode("ascii").removesuffix(".")
    except (httpx.InvalidURL, ValueError):  # ValueError: half a character, a port of many digits
        url, host = httpx.URL(), ""
    if url.scheme and url.scheme not in _PORTS:
        raise PermanentError(
            "The photo's address begins with {scheme}:, and only http: and https: are fetched; "
            "ask the customer for the photo.",
            service=SERVICE,
            scheme=clean_line(url.scheme, limit=20),
        )
    if not url.scheme or not host:
        raise PermanentError(
            "The photo's address cannot be read; ask the customer for the photo.", service=SERVICE
        )
    if url.userinfo:
        raise PermanentError(
            "The photo's address at {host} holds a user name or a password, and such are not "
            "fetched; ask the customer for the photo.",
            service=SERVICE,
            host=clean_line(host, limit=100),
        )
    port = _PORTS[url.scheme] if url.port is None else url.port
    if not 1 <= port <= 65535:
        raise PermanentError(
            "The photo's address at {host} names port {port}, which cannot exist; ask the "
            "customer for the photo.",
            service=SERVICE,
            host=clean_line(host, limit=100),
            port=clean_line(str(port), limit=20),
        )
    if _literal(host) is None and (not _NAME.fullmatch(host) or _NUMBER.fullmatch(host)):
        raise PermanentError(
            "The photo's address names its server in a way that no proper address does ({host}); "
            "ask the customer for the photo.",
            service=SERVICE,
            host=clean_line(host, limit=100),
        )
    return Target(url.copy_with(host=host), host, port)


async def resolve(host: str, port: int) -> Sequence[str]:
    """Look a name up as the system does.

    Args:
        host: The name.
        port: The TCP port.

    Raises:
        OSError: There is no such name, or nobody to ask for it.
    """
    found = await asyncio.get_running_loop().getaddrinfo(host, port, type=socket.SOCK_STREAM)
    return [str(address[0]) for *_, address in found]


class AddressCheck:
    """Looks addresses up, and refuses what leads to where strangers must not send us.

    Args:
        trusted_hosts: `host:port` of servers that may stand on a private address.
        resolver: How names are looked up.
        seconds: Longest time for that.
    """

    def __init__(
        self, trusted_hosts: frozenset[str], *, resolver: Resolver = resolve, seconds: float = 10.0
    ) -> None:
        self._trusted = frozenset(host.lower() for host in trusted_hosts)
        self._resolver = resolver
        self._seconds = seconds

    async def locate(self, target: Target) -> Target:
        """Find out where an address leads.

        Args:
            target: What `read_address` or `redirected` made of it.

        Returns:
            The same with its IP addresses, all of which are public (or the server is trusted).

        Raises:
            PermanentError: One of them is not public.
            TransientError: The name cannot be looked up.
        """
        found = (target.host,) if _literal(target.host) else await self._look_up(target)
        if target.server not in self._trusted:
            for address in found:
                literal = _literal(address)
                if literal is None or not is_public(literal):
                    log.warning("a photo's address is refused", photo=str(target), leads_to=address)
                    raise PermanentError(
                        "The photo's address {photo} leads into a private network, where no "
                        "customer's photo is; ask the customer for the photo, or name {server} in "
                        "PHOTO_TRUSTED_HOSTS if that server is yours.",
                        service=SERVICE,
                        photo=str(target),
                        server=target.server,
                    )
        return replace(target, addresses=found)

    async def _look_up(self, target: Target) -> tuple[str, ...]:
        try:
            async with asyncio.timeout(self._seconds):
                found = tuple(dict.fromkeys(await self._resolver(target.host, target.port)))
        except (OSError, UnicodeError) as error:  # time-outs are OSErrors
            log.info("a photo's server is not found", host=target.host, reason=str(error))
            found = ()
        if not found:
            raise TransientError(
                "The server {host} of a photo is not found; see whether the network works, or ask "
                "the customer for the photo.",
                service=SERVICE,
                host=target.host,
            )
        return found


def redirected(target: Target, location: str) -> Target:
    """Read where an answer sends us on to; that is a stranger's address like the first.

    Args:
        target: The address that was asked.
        location: The answer's Location header.

    Raises:
        PermanentError: It is none that is ever asked.
    """
    try:
        return read_address(str(target.url.join(location.strip())))
    except (httpx.InvalidURL, ValueError):
        return read_address("")


def _literal(host: str) -> IPAddress | None:
    try:
        return ipaddress.ip_address(host)
    except ValueError:
        return None
