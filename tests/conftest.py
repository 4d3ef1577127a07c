"""What tests of every room may use: a real PostgreSQL, with a database of its own for each test."""

from __future__ import annotations

import gc
import os
import random
import shutil
import tempfile
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator, Sequence
from contextlib import AbstractAsyncContextManager, contextmanager
from functools import cache
from itertools import count, islice
from multiprocessing.forkserver import ensure_running
from pathlib import Path

import asyncpg
import pytest
from anyio.from_thread import BlockingPortal, start_blocking_portal
from sqlalchemy import make_url

from fototui.db.database import Database
from fototui.db.schema import migrate
from fototui.decoding import workers
from fototui.domain.events import BaseMercureEvent
from fototui.sandbox.postgres.server import EmbeddedPostgres
from tests import decoders, kept, peers, unseen
from tests.db.debian_postgres import DebianPostgres, debian_postgres
from tests.db.pgbouncer import find_pgbouncer, pgbouncer

IS_LATER = "TEST_LATER" in os.environ
"""The date is shifted; files and programs that bring their own clock keep to the machine's."""

_HERE = Path(__file__).parent
_TEMPLATE = "template_fototui"
_MEMORY = Path("/dev/shm")
_MEMORY_NEEDED = 1 << 30
_numbers = count(1)
_LONGEST_NAME = 60

_QUICK = frozenset({"config", "domain", "i18n"})
"""Folders of tests that need nothing but the program."""
_LONG = (
    "chaos/test_command.py",
    "chaos/",
    "e2e/",
    "engine/test_crashes.py",
    "cli/test_shop_database.py",
    "live/test_any_order.py",
    "fuzz/",
    "server/test_contract.py",
    "db/schema/",
    "ui/snapshots/",
)
"""Files and folders whose tests take long, the longest first."""


def pytest_configure() -> None:
    """Let the garbage collector run seldom: it took half the time of screens' tests.

    Python's own thresholds go through hundreds of thousands of objects after each few thousand new
    ones, and a screen that is drawn makes so many.
    """
    gc.set_threshold(500_000, 20, 20)
    kept.keep()
    unseen.leave_apart()


def pytest_make_parametrize_id(val: object) -> str | None:
    """Name tests by the beginning of a long text, since names go from process to process."""
    if isinstance(val, str | bytes) and len(val) > _LONGEST_NAME:
        text = val.decode(errors="replace") if isinstance(val, bytes) else val
        return f"{text[:_LONGEST_NAME].encode('unicode_escape').decode()}..."
    return None


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Mark the quick ones, and put them in order; with TEST_ORDER=7, in one by chance."""
    for item in items:
        peers.mark(item)
        if len(parts := _place(item).split("/")) == 1 or parts[0] in _QUICK:
            item.add_marker(pytest.mark.quick)
    if seed := os.environ.get("TEST_ORDER"):
        items.sort(key=lambda item: item.nodeid)
        random.Random(seed).shuffle(items)
    else:
        processes = int(os.environ.get("PYTEST_XDIST_WORKER_COUNT", "1"))
        items[:] = _long_ones_first(items, processes)


def _place(item: pytest.Item) -> str:
    return _place_of(item.path)


@cache
def _place_of(path: Path) -> str:
    return path.relative_to(_HERE).as_posix()


def _long_ones_first(items: Sequence[pytest.Item], processes: int) -> list[pytest.Item]:
    """Each process begins with its share of the long tests: none is waited for at the end.

    Args:
        items: The tests.
        processes: How many run them; at first each is given one piece of the list, all as long.
    """

    def rank(item: pytest.Item) -> int:
        found = (n for n, start in enumerate(_LONG) if _place(item).startswith(start))
        return next(found, len(_LONG))

    ranks = {item: rank(item) for item in items}
    ranked = sorted(items, key=ranks.__getitem__)
    long = sum(found < len(_LONG) for found in ranks.values())
    shares = [ranked[n:long:processes] for n in range(processes)]
    rest, left = iter(ranked[long:]), len(items)
    ordered: list[pytest.Item] = []
    for n, share in enumerate(shares):
        size = left // (processes - n)
        left -= size
        ordered += [*share, *islice(rest, max(0, size - len(share)))]
    return [*ordered, *rest]


def pytest_collection_finish() -> None:
    """Spare the collector what stays until the end: modules, tests, schemas, style sheets."""
    gc.freeze()


def pytest_unconfigure() -> None:
    """Look for what is left once: pytest goes through all that was kept five times at the end."""
    gc.collect()
    gc.freeze()


class PostgresServer:
    """The server of this test process, and the databases on it.

    It lives on a thread with an event loop of its own, because each test has another loop. A test
    that stops or restarts a server starts its own with `temporary_postgres()`.
    """

    def __init__(self, server: EmbeddedPostgres | DebianPostgres, portal: BlockingPortal) -> None:
        self._server = server
        self._portal = portal
        self._connection: asyncpg.Connection | None = None
        self.pooler_url = ""
        """Address of a pooler in front of it, where there is one."""

    @property
    def pid(self) -> int:
        """Process id of the server."""
        return self._server.pid

    def url(self, database: str = "postgres") -> str:
        """URL of a database."""
        return self._server.url(database)

    def by_way_of_the_pooler(self, url: str) -> str:
        """A database's URL as it is reached by way of the pooler, where there is one."""
        if not self.pooler_url:
            return url
        there = make_url(self.pooler_url).set(database=make_url(url).database)
        return there.render_as_string(hide_password=False)

    def execute(self, statement: str) -> None:
        """Run a statement on the server, as its superuser and outside a transaction."""
        self._portal.call(self._execute, statement)

    @contextmanager
    def database(self, template: str = "template0") -> Iterator[str]:
        """A fresh database while the block runs; gives its URL."""
        name = f"test_{next(_numbers)}"
        # Measured: 7 ms by FILE_COPY, 16 ms by WAL_LOG (in memory; 75 and 95 ms on a disk).
        self.execute(f"CREATE DATABASE {name} TEMPLATE {template} STRATEGY FILE_COPY")
        try:
            yield self.url(name)
        finally:
            self.execute(f"DROP DATABASE IF EXISTS {name} WITH (FORCE)")

    def close(self) -> None:
        """Let go of the server."""
        self._portal.call(self._close)

    def run(self, work: Callable[[], Awaitable[None]]) -> None:
        """Do something on the server's own event loop."""
        self._portal.call(work)

    def migrate_template(self) -> None:
        """Make the database that tests get copies of."""
        self.execute(f"CREATE DATABASE {_TEMPLATE}")
        self._portal.call(self._upgrade, self.url(_TEMPLATE))

    async def _execute(self, statement: str) -> None:
        # Kept, because a connection takes as long as half a database; some test may have cut it.
        if self._connection is None or self._connection.is_closed():
            self._connection = await asyncpg.connect(self.url().replace("+asyncpg", ""))
        await self._connection.execute(statement)

    async def _close(self) -> None:
        if self._connection is not None:
            await self._connection.close()

    async def _upgrade(self, url: str) -> None:
        async with Database(url) as database:
            await migrate.upgrade(database.engine)


@contextmanager
def _folder() -> Iterator[Path]:
    """A temporary folder for a server's files; in memory where there is room."""
    in_memory = _MEMORY.is_dir() and shutil.disk_usage(_MEMORY).free > _MEMORY_NEEDED
    with tempfile.TemporaryDirectory(prefix="fototui-", dir=_MEMORY if in_memory else None) as name:
        folder = Path(name)
        folder.chmod(0o711)  # root's server runs as another user, who must pass through
        yield folder


def _server(folder: Path) -> AbstractAsyncContextManager[EmbeddedPostgres | DebianPostgres]:
    if peers.CHOSEN is peers.Peer.POSTGRESQL_15:
        return debian_postgres(folder)
    return EmbeddedPostgres(folder, durable=False)


@pytest.fixture(scope="session")
def pg() -> Iterator[PostgresServer]:
    """The PostgreSQL of this test process."""
    if peers.CHOSEN is peers.Peer.PGBOUNCER:
        find_pgbouncer()  # here, because a skip would end the thread below with an error
    with (
        _folder() as folder,
        start_blocking_portal() as portal,
        portal.wrap_async_context_manager(_server(folder)) as running,
    ):
        server = PostgresServer(running, portal)
        server.migrate_template()
        if peers.CHOSEN is peers.Peer.PGBOUNCER:
            pooler = pgbouncer(running.url("*"))
            with portal.wrap_async_context_manager(pooler) as server.pooler_url:
                yield server
        else:
            yield server
        server.close()


@pytest.fixture
def database_url(pg: PostgresServer) -> Iterator[str]:
    """URL of a fresh database with all tables."""
    with pg.database(_TEMPLATE) as url:
        yield pg.by_way_of_the_pooler(url)


@pytest.fixture
def empty_database_url(pg: PostgresServer) -> Iterator[str]:
    """URL of a fresh database without tables."""
    with pg.database() as url:
        yield url


@pytest.fixture(scope="session")
def fork_server() -> None:
    """What processes are forked from. Later it cannot be started: apps have no standard error."""
    ensure_running()


@pytest.fixture
def forked_decoders(fork_server: None, monkeypatch: pytest.MonkeyPatch) -> None:
    """Fork what decodes pictures, and start no new Python for it."""
    monkeypatch.setattr(workers, "_start", decoders.fork)


@pytest.fixture
def published() -> list[BaseMercureEvent]:
    """The events that `database` published, in their order."""
    return []


@pytest.fixture
async def database(database_url: str, published: list[BaseMercureEvent]) -> AsyncIterator[Database]:
    """A fresh database with all tables; what it publishes is in `published`."""
    async with Database(database_url, publish=published.append) as database:
        yield database
