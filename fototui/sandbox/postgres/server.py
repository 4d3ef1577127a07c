"""A real PostgreSQL for the demo and the tests, on a folder of its own.

The server is a child of this process: it is stopped with it, and on Linux it also ends when this
process is killed. It listens on loopback only and asks for a password.
"""

import asyncio
import os
import secrets
import shutil
import signal
import socket
import sys
import tempfile
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import AsyncExitStack, asynccontextmanager, suppress
from enum import IntEnum
from pathlib import Path
from types import TracebackType
from typing import Self

import asyncpg

from fototui.domain.errors import FototuiError
from fototui.domain.sentences import Sentence
from fototui.log import get_logger
from fototui.sandbox.postgres import child as postgres_child
from fototui.sandbox.postgres.folder import ServerFolder
from fototui.sandbox.postgres.install import ServerUser

log = get_logger(__name__)

_USER = "fototui"
_DATABASE = "fototui"
_HOST = "127.0.0.1"
# Below the ports that systems give to outgoing connections: a client that keeps trying to reach a
# stopped server could otherwise be given the server's own port, and take it.
_PORTS = range(15_000, 32_000)

_INITDB_SECONDS = 60
_READY_SECONDS = 60
_CONNECT_SECONDS = 5
_QUERY_SECONDS = 60
_STOP_SECONDS = 10
_POLL_SECONDS = 0.02
# A start fails when another program took the port just then, or when processes of a killed server
# are still about to end. Both pass; what does not is reported after some three seconds.
_START_ATTEMPTS = 6
_START_PAUSE_SECONDS = 0.05

_SETTINGS = {
    "listen_addresses": _HOST,
    "unix_socket_directories": "",
    "max_connections": "200",
    "shared_buffers": "32MB",
    "min_wal_size": "32MB",
    "max_wal_size": "256MB",
    "wal_level": "minimal",
    "max_wal_senders": "0",
    "max_logical_replication_workers": "0",
    "io_method": "sync",
    "dynamic_shared_memory_type": "mmap",  # else a killed server leaves some outside the folder
    "jit": "off",
    "timezone": "UTC",
    "log_timezone": "UTC",
    "log_checkpoints": "off",
}
_NOT_DURABLE = {"fsync": "off", "synchronous_commit": "off", "full_page_writes": "off"}


class PostgresError(FototuiError):
    """The embedded PostgreSQL could not be set up or started; the message names its log."""

    code = "embedded_postgres"


class StopMode(IntEnum):
    """How to stop the server; one that does not help in time is followed by the next."""

    FAST = signal.SIGINT
    """Connections are closed, everything is written."""
    IMMEDIATE = signal.SIGQUIT
    """Nothing is written; the next start recovers as after a crash."""
    KILL = signal.SIGKILL
    """The server gets no chance to do anything."""


class EmbeddedPostgres:
    """PostgreSQL on a folder, while an `async with` block runs.

    The block is left by the task that entered it, on the thread that entered it: on Linux the
    server ends with that thread. A database `fototui` is made in a new folder.

    Args:
        folder: Where its files are (see `ServerFolder`); made where it does not exist.
        durable: Commits survive a crash of the machine. Without it everything is faster, and such a
            crash (not one of the server alone) may damage the data.

    Raises:
        ConfigurationError: On entry: the folder cannot be used, or PostgreSQL is not installed.
        ConflictError: On entry: another process uses the folder.
        PostgresError: On entry: the server could not be set up or started.
    """

    def __init__(self, folder: Path, *, durable: bool = True) -> None:
        self._user = ServerUser.find()
        self._folder = ServerFolder(folder, self._user)
        self._durable = durable
        self._programs = Path()
        self._password = ""
        self._port: int | None = None
        self._process: asyncio.subprocess.Process | None = None
        self._stack = AsyncExitStack()

    async def __aenter__(self) -> Self:
        async with AsyncExitStack() as stack:
            self._programs = await asyncio.to_thread(self._folder.prepare, stack)
            if self._folder.cluster.exists():
                await self._stop_leftover()
            else:
                await self._initialise()
            self._password = self._folder.read_password()
            stack.push_async_callback(self.stop)
            await self.start()
            await self._ensure_database()
            self._stack = stack.pop_all()
        return self

    async def __aexit__(
        self,
        exc_type: type[BaseException] | None,
        exc: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        await self._stack.aclose()

    @property
    def port(self) -> int:
        """TCP port on 127.0.0.1; it stays the same over `stop` and `start`."""
        if self._port is None:
            raise RuntimeError("PostgreSQL was not started")
        return self._port

    @property
    def pid(self) -> int:
        """Process id of the server."""
        if self._process is None:
            raise RuntimeError("PostgreSQL is not running")
        return self._process.pid

    def url(self, database: str = _DATABASE) -> str:
        """Tell how to reach a database.

        Args:
            database: Its name.

        Returns:
            A URL for SQLAlchemy with asyncpg; it holds the password.
        """
        return f"postgresql+asyncpg://{_USER}:{self._password}@{_HOST}:{self.port}/{database}"

    async def start(self) -> None:
        """Start the server again after `stop` or a crash, on the same port.

        Raises:
            PostgresError: It did not start.
        """
        # One that was killed a moment ago may not be known to have ended: see whether it answers.
        if self._process is not None and await self._is_ready(self._process, self.port):
            return
        for attempt in range(_START_ATTEMPTS):
            await asyncio.sleep(_START_PAUSE_SECONDS * (2**attempt - 1))
            port = self._port or _free_port()
            self._process = await self._spawn("postgres", *self._arguments(port))
            if await self._is_ready(self._process, port):
                self._port = port
                log.info("PostgreSQL is ready", port=port, pid=self._process.pid)
                return
        raise self._error(Sentence.make("The embedded PostgreSQL did not start"))

    async def stop(self, mode: StopMode = StopMode.FAST) -> None:
        """Stop the server and wait until it has ended; does nothing if it is not running.

        Args:
            mode: How to begin; what does not help in 10 seconds is followed by the next mode.
        """
        process, self._process = self._process, None
        if process is None or process.returncode is not None:
            return
        try:
            await _end(process.pid, mode, process.wait)
        except asyncio.CancelledError:
            process.kill()  # whoever gives up waiting leaves nothing behind either
            raise

    async def create_database(self, name: str, template: str | None = None) -> None:
        """Make a database.

        Args:
            name: Its name.
            template: A database to copy, to which nobody may be connected.

        Raises:
            asyncpg.PostgresError: The server refused, for instance because the name is taken.
        """
        # Copying files takes a tenth of the time, unless they must reach the disk at once.
        strategy = "WAL_LOG" if self._durable else "FILE_COPY"
        statement = f"CREATE DATABASE {_quoted(name)} STRATEGY {strategy}"
        if template is not None:
            statement += f" TEMPLATE {_quoted(template)}"
        async with self._connection(self.port) as connection:
            await connection.execute(statement)

    async def _initialise(self) -> None:
        await asyncio.to_thread(self._folder.make_new_cluster)
        process = await self._spawn(
            "initdb",
            f"--pgdata={self._folder.new_cluster}",
            f"--username={_USER}",
            f"--pwfile={self._folder.password_file}",
            "--auth=scram-sha-256",
            # Iterations make guessing dear; ours is random, and each connection would pay for them.
            "--set=scram_iterations=1",
            "--encoding=UTF8",
            "--locale=C",
            "--locale-provider=builtin",
            "--builtin-locale=C.UTF-8",
            "--no-instructions",
            *([] if self._durable else ["--no-sync", "--no-data-checksums"]),
        )
        try:
            async with asyncio.timeout(_INITDB_SECONDS):
                await process.wait()
        finally:
            if process.returncode is None:
                process.kill()
        if process.returncode != 0:
            raise self._error(Sentence.make("The embedded PostgreSQL could not be set up"))
        self._folder.new_cluster.rename(self._folder.cluster)

    async def _stop_leftover(self) -> None:
        """Stop a server whose parent was killed and which still runs on these data."""
        pid = await asyncio.to_thread(self._folder.leftover_pid)
        if pid is None:
            return

        async def gone() -> None:
            # No child of ours, so there is nothing to wait on but its disappearance.
            while await asyncio.to_thread(self._folder.leftover_pid) == pid:  # noqa: ASYNC110
                await asyncio.sleep(_POLL_SECONDS)

        log.warning("stopping a PostgreSQL that outlived its parent", pid=pid)
        await _end(pid, StopMode.FAST, gone)

    async def _ensure_database(self) -> None:
        async with self._connection(self.port) as connection:
            query = "SELECT FROM pg_database WHERE datname = $1"
            exists = await connection.fetchrow(query, _DATABASE) is not None
        if not exists:
            await self.create_database(_DATABASE)

    def _arguments(self, port: int) -> list[str]:
        settings = _SETTINGS | {"port": str(port)} | ({} if self._durable else _NOT_DURABLE)
        return ["-D", str(self._folder.cluster), *(f"--{k}={v}" for k, v in settings.items())]

    async def _spawn(self, program: str, *arguments: str) -> asyncio.subprocess.Process:
        """Run one of PostgreSQL's programs as its user; what it says goes to the log."""
        uid = self._user.uid if self._user.is_other else -1
        with self._folder.open_log() as output:
            return await asyncio.create_subprocess_exec(
                *(sys.executable, "-I", "-S", postgres_child.__file__),
                *(str(os.getpid()), str(uid), str(self._user.gid)),
                str(self._programs / program),
                *arguments,
                stdin=asyncio.subprocess.DEVNULL,
                stdout=output,
                stderr=output,
                cwd="/",
                env=_environment(),
                start_new_session=True,  # Ctrl-C in the terminal is for us alone
            )

    async def _is_ready(self, process: asyncio.subprocess.Process, port: int) -> bool:
        """Wait until the server takes connections; false where it ended instead."""
        try:
            async with asyncio.timeout(_READY_SECONDS):
                while process.returncode is None:
                    # Until it listens: refused; until it is done recovering: CannotConnectNow.
                    with suppress(OSError, asyncpg.PostgresError, asyncpg.InterfaceError):
                        async with self._connection(port):
                            return True
                    await asyncio.sleep(_POLL_SECONDS)
        except TimeoutError as error:
            raise self._error(Sentence.make("The embedded PostgreSQL does not answer")) from error
        return False

    @asynccontextmanager
    async def _connection(self, port: int) -> AsyncIterator[asyncpg.Connection]:
        connection = await asyncpg.connect(
            host=_HOST,
            port=port,
            user=_USER,
            password=self._password,
            database="postgres",
            ssl=False,
            timeout=_CONNECT_SECONDS,
            command_timeout=_QUERY_SECONDS,
        )
        try:
            yield connection
        finally:
            await connection.close(timeout=_CONNECT_SECONDS)

    def _error(self, what: Sentence) -> PostgresError:
        return PostgresError(
            "{what}: {line} (more in {log})",
            what=what,
            line=self._folder.last_log_line(),
            log=str(self._folder.log),
        )


@asynccontextmanager
async def temporary_postgres(*, durable: bool = False) -> AsyncIterator[EmbeddedPostgres]:
    """Run a fast, throw-away PostgreSQL in a temporary folder, which is removed at the end.

    Args:
        durable: It is as fast as others, and forgets nothing when it is killed.

    Raises:
        ConfigurationError: The folder cannot be used, or PostgreSQL is not installed.
        PostgresError: The server could not be set up or started.
    """
    folder = await asyncio.to_thread(_temporary_folder)
    try:
        async with EmbeddedPostgres(folder, durable=durable) as postgres:
            yield postgres
    finally:
        await asyncio.to_thread(shutil.rmtree, folder, ignore_errors=True)


def _temporary_folder() -> Path:
    folder = Path(tempfile.mkdtemp(prefix="fototui-"))
    # Made private, but root's server runs as another user and must pass through.
    folder.chmod(0o711)
    return folder


async def _end(pid: int, mode: StopMode, gone: Callable[[], Awaitable[object]]) -> None:
    """Send one signal after the other until the process is gone."""
    modes = list(StopMode)
    for each in modes[modes.index(mode) :]:
        with suppress(ProcessLookupError):
            os.kill(pid, each)
        with suppress(TimeoutError):
            async with asyncio.timeout(_STOP_SECONDS):
                await gone()
                return
        log.warning("PostgreSQL did not stop in time", pid=pid, mode=each.name)


def _environment() -> dict[str, str]:
    """Nothing of ours (secrets stand in environments) but what finds shared libraries."""
    kept = {
        name: os.environ[name] for name in ("LD_LIBRARY_PATH", "LD_PRELOAD") if name in os.environ
    }
    # Each connection is a fork of the server: that has looked up what it calls of libraries.
    return kept | {"PATH": os.defpath, "LC_ALL": "C", "TZ": "UTC", "LD_BIND_NOW": "1"}


def _free_port() -> int:
    while True:
        port = _PORTS.start + secrets.randbelow(len(_PORTS))
        with socket.socket() as probe, suppress(OSError):
            probe.bind((_HOST, port))
            return port


def _quoted(name: str) -> str:
    return '"' + name.replace('"', '""') + '"'
