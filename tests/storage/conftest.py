"""Real stores to run the storages against."""

import os
import shutil
import socket
import subprocess
import sysconfig
import time
from collections import deque
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path

import httpx
import pytest
from anyio.from_thread import start_blocking_portal
from pydantic import SecretStr
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import Response, StreamingResponse
from starlette.routing import Route

from fototui.net.asgi import bind, serving
from fototui.retry import RetryPolicy
from fototui.storage.base import Storage
from fototui.storage.directory import DirectoryStorage
from fototui.storage.s3 import S3StorageService
from tests.conftest import IS_LATER
from tests.peers import CHOSEN, Peer
from tests.waiting import PATIENCE


@pytest.fixture(scope="session", autouse=True)
def _certificates_are_read_once() -> Iterator[None]:
    """Have S3 clients share the usual certificates: each reads them, and no test has its own."""
    # Here, because they take a while to import, and each process of a run reads this file.
    from aiobotocore import httpsession
    from botocore.httpsession import create_urllib3_context, get_cert_path

    usual = create_urllib3_context()
    usual.load_verify_locations(get_cert_path(True))
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(httpsession, "create_urllib3_context", lambda: usual)
        patch.setattr(httpsession, "get_cert_path", lambda verify: None)
        yield


ACCESS_KEY = "shop-access-key"
SECRET = "shop-secret-of-the-tests"
BUCKET = "photos"


def _program(name: str) -> str:
    beside = Path(sysconfig.get_path("scripts"), name)
    found = str(beside) if beside.exists() else shutil.which(name)
    assert found, f"{name} is missing: run `make setup`"
    return found


def _free_port() -> int:
    sock = bind()
    port: int = sock.getsockname()[1]
    sock.close()
    return port


@dataclass(frozen=True)
class AtOnce(RetryPolicy):
    """Tries again without waiting.

    Args:
        on_failure: Told of the number of each attempt that failed.
    """

    on_failure: Callable[[int], object] = lambda _attempt: None

    def wait(self, attempt: int) -> float:
        self.on_failure(attempt)
        return 0.0


@dataclass
class S3Server:
    """An S3 server in a process of its own, that can be killed and started again."""

    command: list[str]
    port: int
    _process: "subprocess.Popen[bytes] | None" = None

    @property
    def endpoint(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    def start(self) -> None:
        self._process = subprocess.Popen(
            self.command,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        )
        deadline = time.monotonic() + PATIENCE
        while time.monotonic() < deadline:
            assert self._process.poll() is None, f"{self.command[0]} ended at once"
            try:
                socket.create_connection(("127.0.0.1", self.port), timeout=1).close()
            except OSError:
                time.sleep(0.02)
            else:
                return
        raise AssertionError(f"{self.command[0]} does not listen")

    def kill(self) -> None:
        assert self._process is not None
        self._process.kill()
        self._process.wait()

    def storage(
        self,
        bucket: str = BUCKET,
        *,
        access_key: str = ACCESS_KEY,
        secret: str = SECRET,
        public_url: str | None = None,
        retry: RetryPolicy | None = None,
        call_seconds: float = 30,
    ) -> S3StorageService:
        return S3StorageService(
            bucket,
            access_key=access_key,
            secret_key=SecretStr(secret),
            endpoint=self.endpoint,
            region="us-east-1",
            public_url=public_url,
            retry=retry or AtOnce(),
            call_seconds=call_seconds,
        )


def _rclone(folder: Path) -> S3Server:
    if IS_LATER:
        pytest.skip("rclone keeps to the machine's own date, and refuses signatures of another.")
    port = _free_port()
    Path(folder, BUCKET).mkdir()
    return S3Server(
        [
            *[_program("rclone"), "serve", "s3", "--config", os.devnull],
            *["--addr", f"127.0.0.1:{port}", "--auth-key", f"{ACCESS_KEY},{SECRET}"],
            str(folder),
        ],
        port,
    )


@pytest.fixture(scope="session")
def rclone(tmp_path_factory: pytest.TempPathFactory) -> Iterator[S3Server]:
    """Checks signatures and keeps buckets as folders; it keeps metadata only in memory."""
    server = _rclone(tmp_path_factory.mktemp("rclone"))
    server.start()
    yield server
    server.kill()


@pytest.fixture(scope="session")
def moto() -> Iterator[S3Server]:
    """Close to AWS in its answers; it accepts any key and secret."""
    port = _free_port()
    server = S3Server([_program("moto_server"), "-H", "127.0.0.1", "-p", str(port)], port)
    server.start()
    httpx.put(f"{server.endpoint}/{BUCKET}").raise_for_status()
    yield server
    server.kill()


@pytest.fixture
def mortal(tmp_path: Path) -> Iterator[S3Server]:
    """An S3 server of one test, which may kill it."""
    server = _rclone(tmp_path)
    server.start()
    yield server
    server.kill()


@pytest.fixture(scope="session")
def versitygw(tmp_path_factory: pytest.TempPathFactory) -> Iterator[S3Server]:
    """A gateway to folders that speaks S3; what S3 knows of a file is kept beside it."""
    program = Path(__file__).parents[2] / ".tools" / "versitygw"
    if not program.exists():
        pytest.skip("versitygw is not built: run make peers (it needs Go)")
    folder, port = tmp_path_factory.mktemp("versitygw"), _free_port()
    Path(folder, "files", BUCKET).mkdir(parents=True)
    Path(folder, "metadata").mkdir()
    server = S3Server(
        [
            *[str(program), "--access", ACCESS_KEY, "--secret", SECRET],
            *["--port", f"127.0.0.1:{port}", "--region", "us-east-1", "--quiet", "posix"],
            *["--sidecar", str(folder / "metadata"), str(folder / "files")],
        ],
        port,
    )
    server.start()
    yield server
    server.kill()


_STORAGES = ["directory", "rclone", "moto"]


@pytest.fixture(params=["versitygw"] if CHOSEN is Peer.VERSITYGW else _STORAGES)
async def storage(request: pytest.FixtureRequest, tmp_path: Path) -> AsyncIterator[Storage]:
    """Every kind of storage, empty."""
    made: Storage
    if request.param == "directory":
        made = DirectoryStorage(tmp_path / "files")
    else:
        server: S3Server = request.getfixturevalue(request.param)
        made = server.storage()
    async with made:
        for key in [key async for key in made.list_keys()]:
            await made.delete(key)
        yield made


class ScriptedStore:
    """Answers with the given statuses and codes, one after the other, then with success."""

    def __init__(self) -> None:
        self.endpoint = ""
        self.answers: deque[tuple[int, str]] = deque()
        self.received: list[Request] = []
        self.bare = False

    async def answer(self, request: Request) -> Response:
        await request.body()
        self.received.append(request)
        if self.bare:
            # Without Content-Length, which the server would add to a body, and without an ETag.
            return StreamingResponse(iter([b"content" if request.method == "GET" else b""]))
        if not self.answers:
            return Response(headers={"ETag": '"done"'})
        status, code = self.answers.popleft()
        body = f"<?xml version='1.0'?><Error><Code>{code}</Code><Message>so it is</Message></Error>"
        return Response(body, status, media_type="application/xml")


@asynccontextmanager
async def _scripted() -> AsyncIterator[ScriptedStore]:
    store = ScriptedStore()
    app = Starlette(routes=[Route("/{path:path}", store.answer, methods=["GET", "PUT", "HEAD"])])
    async with serving(app) as store.endpoint:
        yield store


@pytest.fixture(scope="session")
def scripted_store() -> Iterator[ScriptedStore]:
    """On a loop of its own: starting it takes a while."""
    with (
        start_blocking_portal() as portal,
        portal.wrap_async_context_manager(_scripted()) as store,
    ):
        yield store


@pytest.fixture
def store(scripted_store: ScriptedStore) -> ScriptedStore:
    """A store that refuses as a test wants it to."""
    scripted_store.answers.clear()
    scripted_store.bare = False
    scripted_store.received.clear()
    return scripted_store
