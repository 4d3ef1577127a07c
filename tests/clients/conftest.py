"""Generated pictures, and servers that answer as a test wants them to."""

import asyncio
import io
import json
import socket
import struct
import zlib
from collections import deque
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from dataclasses import dataclass, field

import pytest
from anyio.from_thread import start_blocking_portal
from PIL import Image
from starlette.applications import Starlette
from starlette.datastructures import Headers
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from fototui.net.asgi import serving

Picture = Callable[..., bytes]
Claim = Callable[[int, int], bytes]
RawHandler = Callable[[asyncio.StreamReader, asyncio.StreamWriter], Awaitable[None]]
RawServer = Callable[[RawHandler], AbstractAsyncContextManager[str]]


def _picture(
    width: int = 60,
    height: int = 40,
    *,
    kind: str = "PNG",
    mode: str = "RGB",
    noise: bool = False,
    **options: object,
) -> bytes:
    """A picture file: red on the left, blue on the right, or noise, which no encoder can shrink."""
    if noise:
        image = Image.effect_noise((width, height), 200).convert(mode)
    else:
        image = Image.new("RGB", (width, height), "blue")
        image.paste("red", (0, 0, width // 2, height))
        image = image.convert(mode)
    target = io.BytesIO()
    image.save(target, kind, **options)
    return target.getvalue()


@pytest.fixture(scope="session")
def picture() -> Picture:
    return _picture


def _claim(width: int, height: int) -> bytes:
    """A PNG that claims a size and has no pixel in it."""
    chunk = b"IHDR" + struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0)
    data = b"IDAT" + zlib.compress(b"")
    return b"\x89PNG\r\n\x1a\n" + b"".join(
        struct.pack(">I", len(part) - 4) + part + struct.pack(">I", zlib.crc32(part))
        for part in (chunk, data, b"IEND")
    )


@pytest.fixture(scope="session")
def claim() -> Claim:
    return _claim


@dataclass(frozen=True)
class Received:
    """A request as the server got it."""

    method: str
    path: str
    headers: Headers
    body: bytes

    @property
    def json(self) -> object:
        return json.loads(self.body)


@dataclass
class Service:
    """An HTTP server that gives the answers it was told to, in turn; the last one stays."""

    url: str = ""
    answers: deque[tuple[int, bytes, dict[str, str]]] = field(default_factory=deque)
    received: list[Received] = field(default_factory=list)

    def will(self, *bodies: object, status: int = 200, **headers: str) -> None:
        """Queue answers: bytes and texts as they are, anything else as JSON."""
        names = {name.replace("_", "-"): value for name, value in headers.items()}
        for body in bodies:
            if isinstance(body, str):
                data = body.encode()
            else:
                data = body if isinstance(body, bytes) else json.dumps(body).encode()
            self.answers.append((status, data, names))

    def reset(self) -> "Service":
        self.answers.clear()
        self.received.clear()
        return self

    async def answer(self, request: Request) -> Response:
        body = await request.body()
        self.received.append(Received(request.method, request.url.path, request.headers, body))
        status, data, headers = self.answers[0]
        if len(self.answers) > 1:
            self.answers.popleft()
        return Response(data, status, headers)


@asynccontextmanager
async def _service() -> AsyncIterator[Service]:
    service = Service()
    app = Starlette(routes=[Route("/{path:path}", service.answer, methods=["GET", "POST"])])
    async with serving(app) as url:
        service.url = url
        yield service


@pytest.fixture(scope="session")
def services() -> Iterator[list[Service]]:
    """Two services under two addresses, on a loop of their own: starting one takes a while."""
    with (
        start_blocking_portal() as portal,
        portal.wrap_async_context_manager(_service()) as one,
        portal.wrap_async_context_manager(_service()) as other,
    ):
        yield [one, other]


@pytest.fixture
def service(services: list[Service]) -> Service:
    return services[0].reset()


@pytest.fixture
def elsewhere(services: list[Service]) -> Service:
    return services[1].reset()


@asynccontextmanager
async def _raw_server(handle: RawHandler) -> AsyncIterator[str]:
    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            await handle(reader, writer)
        except ConnectionError:
            pass
        finally:
            writer.transport.abort()

    server = await asyncio.start_server(serve, "127.0.0.1", 0)
    host, port = server.sockets[0].getsockname()
    try:
        yield f"http://{host}:{port}"
    finally:
        server.close()


@pytest.fixture
def raw_server() -> RawServer:
    """Serve bytes instead of HTTP: for connections that break, stall and drip."""
    return _raw_server


@pytest.fixture
def only_loopback(monkeypatch: pytest.MonkeyPatch) -> list[object]:
    """A net below tests of addresses that must never be asked: nothing leaves this machine.

    Gives the list of all that was tried against it.
    """
    tried: list[object] = []
    connect, look_up = socket.socket.connect, socket.getaddrinfo

    def is_here(host: object) -> bool:
        return host == "localhost" or str(host).startswith("127.") or host == "::1"

    def guarded_connect(self: socket.socket, address: tuple[object, ...]) -> None:
        if not is_here(address[0]):
            tried.append(address)
            raise PermissionError(f"a test would connect to {address}")
        connect(self, address)

    def guarded_look_up(host: str, *rest: object, **named: object) -> object:
        if not is_here(host):
            tried.append(host)
            raise PermissionError(f"a test would look up {host}")
        return look_up(host, *rest, **named)  # type: ignore[arg-type]  # passed on as it came

    monkeypatch.setattr(socket.socket, "connect", guarded_connect)
    monkeypatch.setattr(socket, "getaddrinfo", guarded_look_up)
    return tried
