"""Hubs to test against: the embedded one, and the reference that it is held against."""

import asyncio
import contextlib
import os
import queue
import ssl
import subprocess
import threading
import time
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import AbstractContextManager, asynccontextmanager, contextmanager
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path
from uuid import uuid4

import httpx
import pytest
from httpx_sse import EventSource, ServerSentEvent
from pydantic import SecretStr

from fototui.mercure.address import HUB_PATH
from fototui.mercure.hub import HubSettings, serving_hub
from fototui.mercure.tokens import publish_token, subscribe_token
from fototui.net.asgi import bind
from tests.conftest import IS_LATER
from tests.tcpproxy import TcpProxy
from tests.waiting import PATIENCE, in_time

BINARY = Path(__file__).parents[2] / ".tools" / "mercure"
PUBLISHER_KEY = SecretStr("publisher-key-of-the-tests-0123456789")
SUBSCRIBER_KEY = SecretStr("subscriber-key-of-the-tests-0123456789")


#: Reading the certificates anew for each test would take longer than the tests.
TLS = ssl.create_default_context()


class HubKind(StrEnum):
    EMBEDDED = "embedded"
    REFERENCE = "reference"


@dataclass(frozen=True)
class Options:
    """What tests change of a hub; the defaults are the hub's."""

    anonymous: bool = False
    cors_origins: tuple[str, ...] = ()
    publish_origins: tuple[str, ...] = ()
    heartbeat_seconds: float = 40.0
    write_timeout_seconds: float = 600.0
    dispatch_timeout_seconds: float = 5.0
    history_size: int = 1_000_000


class Listener:
    """An open stream, read by hand."""

    def __init__(self, response: httpx.Response) -> None:
        self.response = response
        self._events = EventSource(response).aiter_sse()

    async def next(self) -> ServerSentEvent:
        async with in_time():
            return await anext(self._events)

    async def take(self, count: int) -> list[ServerSentEvent]:
        return [await self.next() for _ in range(count)]

    async def rest(self) -> list[ServerSentEvent]:
        """Everything until the hub ends the stream."""
        async with in_time():
            return [event async for event in self._events]

    async def until(self, data: str) -> list[str]:
        """Data of the events before the one with these data."""
        seen: list[str] = []
        while (event := await self.next()).data != data:
            seen.append(event.data)
        return seen


@dataclass(frozen=True)
class RunningHub:
    url: str
    client: httpx.AsyncClient

    async def publish(
        self, *topics: str, data: str = "", token: str | None = None, **fields: str
    ) -> httpx.Response:
        bearer = publish_token(PUBLISHER_KEY) if token is None else token
        form = {"topic": list(topics), "data": data, **fields}
        return await self.client.post(
            self.url, data=form, headers={"Authorization": f"Bearer {bearer}"}
        )

    async def burst(self, topic: str, count: int, *, start: int = 0) -> None:
        """Publish `start` and the next numbers over one connection, many requests at a time."""
        address = httpx.URL(self.url)
        head = (
            f"POST {address.path} HTTP/1.1\r\nHost: hub\r\n"
            f"Authorization: Bearer {publish_token(PUBLISHER_KEY)}\r\n"
            "Content-Type: application/x-www-form-urlencoded\r\n"
        )
        reader, writer = await asyncio.open_connection(address.host, address.port)
        try:
            for first in range(start, start + count, 50):
                numbers = range(first, min(first + 50, start + count))
                for body in (f"topic={topic}&data={number}" for number in numbers):
                    length = f"Content-Length: {len(body)}\r\n\r\n"
                    writer.write(f"{head}{length}{body}".encode())
                answered = 0
                while answered < len(numbers):
                    async with in_time():
                        line = await reader.readline()
                    assert line, "the hub hung up"
                    answered += b"HTTP/1.1 200" in line  # a body ends without a line end
        finally:
            writer.close()
            await writer.wait_closed()

    @asynccontextmanager
    async def listen(
        self,
        *topics: str,
        token: str | None = None,
        last_event_id: str = "",
        query: dict[str, str] | None = None,
    ) -> AsyncIterator[Listener]:
        bearer = subscribe_token(SUBSCRIBER_KEY) if token is None else token
        headers = [(b"Authorization", f"Bearer {bearer}".encode())] if bearer else []
        if last_event_id:
            headers.append((b"Last-Event-ID", last_event_id.encode()))
        params = {"topic": list(topics), **(query or {})}
        async with self.client.stream("GET", self.url, params=params, headers=headers) as response:
            yield Listener(response)


@asynccontextmanager
async def in_front(hub: RunningHub) -> AsyncIterator[tuple[TcpProxy, str]]:
    """A proxy in front of a hub, and the hub's URL by way of it."""
    port = httpx.URL(hub.url).port
    assert port is not None
    async with TcpProxy(port) as proxy:
        yield proxy, f"http://127.0.0.1:{proxy.port}{HUB_PATH}"


def topic() -> str:
    """A topic of one's own at a hub that others use, too."""
    return f"orders/{uuid4().hex}"


@contextmanager
def _embedded(options: Options, port: int) -> Iterator[str]:
    """In its own thread and loop, as far from the test as another process."""
    started: queue.Queue[tuple[asyncio.AbstractEventLoop, asyncio.Event, str]] = queue.Queue()
    settings = HubSettings(
        publisher_key=PUBLISHER_KEY, subscriber_key=SUBSCRIBER_KEY, **vars(options)
    )

    async def run() -> None:
        stop = asyncio.Event()
        async with serving_hub(settings, sock=bind(port=port)) as url:
            started.put((asyncio.get_running_loop(), stop, url))
            await stop.wait()

    thread = threading.Thread(target=lambda: asyncio.run(run()), name="embedded hub")
    thread.start()
    loop, stop, url = started.get(timeout=PATIENCE)
    try:
        yield url
    finally:
        loop.call_soon_threadsafe(stop.set)
        thread.join(timeout=PATIENCE)
        assert not thread.is_alive(), "the hub does not stop"


@contextmanager
def _reference(options: Options, port: int, directory: Path) -> Iterator[str]:
    if not port:
        with contextlib.closing(bind()) as sock:
            port = sock.getsockname()[1]
    history = directory / "history.db"
    size = f"?size={options.history_size}&cleanup_frequency=1"
    environment = {
        "ADDR": f"127.0.0.1:{port}",
        "TRANSPORT_URL": f"bolt://{history}{size}" if options.history_size else "local://",
        "PUBLISHER_JWT_KEY": PUBLISHER_KEY.get_secret_value(),
        "SUBSCRIBER_JWT_KEY": SUBSCRIBER_KEY.get_secret_value(),
        "ALLOW_ANONYMOUS": str(options.anonymous).lower(),
        "CORS_ALLOWED_ORIGINS": " ".join(options.cors_origins),
        "PUBLISH_ALLOWED_ORIGINS": " ".join(options.publish_origins),
        "HEARTBEAT_INTERVAL": f"{options.heartbeat_seconds}s",
        "WRITE_TIMEOUT": f"{options.write_timeout_seconds}s",
        "DISPATCH_TIMEOUT": f"{options.dispatch_timeout_seconds}s",
    }
    with (directory / "hub.log").open("wb") as log:
        process = subprocess.Popen([BINARY], env=environment, cwd=directory, stderr=log)
    try:
        url = f"http://127.0.0.1:{port}"
        deadline = time.monotonic() + PATIENCE
        while True:
            assert process.poll() is None, (directory / "hub.log").read_text()
            with contextlib.suppress(httpx.TransportError):
                httpx.get(f"{url}/healthz")
                break
            assert time.monotonic() < deadline, "the reference hub does not start"
            time.sleep(0.01)
        yield url + HUB_PATH
    finally:
        process.terminate()
        process.wait(timeout=PATIENCE)


def running(
    kind: HubKind, options: Options, directory: Path, *, port: int = 0
) -> AbstractContextManager[str]:
    """A hub while the block runs; gives its URL."""
    if kind is HubKind.EMBEDDED:
        return _embedded(options, port)
    return _reference(options, port, directory)


@pytest.fixture(scope="module", params=list(HubKind))
def kind(request: pytest.FixtureRequest) -> HubKind:
    kind = HubKind(request.param)
    if kind is HubKind.REFERENCE and not BINARY.exists():
        reason = "Go is not installed, so there is no reference hub: run make hub"
        if os.environ.get("CI"):
            pytest.fail(reason)
        pytest.skip(reason)
    if kind is HubKind.REFERENCE and IS_LATER:
        pytest.skip("The reference hub keeps to the machine's own date.")
    return kind


@pytest.fixture(scope="module")
def hub_url(kind: HubKind, tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """One hub for a whole module."""
    with running(kind, Options(), tmp_path_factory.mktemp("hub")) as url:
        yield url


@pytest.fixture
async def client() -> AsyncIterator[httpx.AsyncClient]:
    limits = httpx.Limits(max_connections=None)
    async with httpx.AsyncClient(timeout=PATIENCE, limits=limits, verify=TLS) as client:
        yield client


@pytest.fixture
def hub(hub_url: str, client: httpx.AsyncClient) -> RunningHub:
    """The module's hub: use topics of your own."""
    return RunningHub(hub_url, client)


StartHub = Callable[..., AbstractContextManager[RunningHub]]


@pytest.fixture
def start_hub(kind: HubKind, tmp_path: Path, client: httpx.AsyncClient) -> StartHub:
    """Start a hub with options of its own: `with start_hub(anonymous=True) as hub`."""

    @contextmanager
    def start(*, port: int = 0, **options: object) -> Iterator[RunningHub]:
        chosen = Options(**options)  # type: ignore[arg-type]  # Options refuses unknown names
        with running(kind, chosen, tmp_path, port=port) as url:
            yield RunningHub(url, client)

    return start
