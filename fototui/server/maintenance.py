"""What a server does by itself, and only one of several servers at a time: imports, tidying up."""

import asyncio
import random
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from datetime import datetime, timedelta

from fototui.db.connection import OwnConnection
from fototui.db.database import Database
from fototui.domain.errors import FototuiError
from fototui.log import get_logger
from fototui.server.context import ServerContext
from fototui.services.ingest.imports import ImportService, ShopSource
from fototui.services.ingest.webhooks import WebhookService

log = get_logger(__name__)

# Any number serves; db/schema/migrate.py has another.
_ADVISORY_LOCK = 0x666F7476
_LOCK_SECONDS = 5.0

_PRUNE_EVERY = 3600.0
_LONGEST_DUTY = 1800.0

# The first import of a process reaches back over a longer absence. Later ones overlap, for neither
# clocks nor Shopify's index are exact to the second.
_FIRST_REACH = timedelta(days=7)
_OVERLAP = timedelta(minutes=10)


class LeaderLock:
    """Who leads, among all servers of one database.

    Who has it holds a lock of PostgreSQL on a connection of its own, and keeps it until the
    connection ends: by leaving, or by dying.

    Args:
        database: The database.
    """

    def __init__(self, database: Database) -> None:
        self._url = database.url
        self._connection: OwnConnection | None = None
        self._asking = asyncio.Lock()

    async def is_ours(self) -> bool:
        """Take the lock if nobody has it, and say whether it is ours; False in an outage too."""
        async with self._asking:
            try:
                if self._connection is None:
                    self._connection = await OwnConnection.connect(
                        self._url, name="fototui server's leader lock", seconds=_LOCK_SECONDS
                    )
                # Who has the lock is given it again, so this also asks whether the connection is
                # well.
                if await self._connection.fetch_value(
                    "SELECT pg_try_advisory_lock($1)", _ADVISORY_LOCK
                ):
                    return True
            except FototuiError as error:
                log.warning("it is not known which server imports", reason=str(error))
            self._drop()
            return False

    def _drop(self) -> None:
        if self._connection is not None:
            self._connection.cut()
            self._connection = None

    async def give_up(self) -> None:
        """Let another server have it."""
        if self._connection is not None:
            await self._connection.close(seconds=_LOCK_SECONDS)
            self._connection = None


class Importer:
    """Imports what changed in the shop since it did so last.

    Args:
        context: Where to.
        shop: Where from.
    """

    def __init__(self, context: ServerContext, shop: ShopSource) -> None:
        self._context = context
        self._shop = shop
        self._since: datetime | None = None

    async def run(self) -> None:
        """Import once.

        Raises:
            Exception: The shop or the database failed; the next run reaches back as far.
        """
        try:
            async with self._context.database.session() as session:
                service = ImportService(
                    session, operator=server_actor(self._context), shop=self._shop
                )
                # By a clock of this machine that is fast, the next one would begin too late.
                began = await service.time()
                since = began - _FIRST_REACH if self._since is None else self._since
                report = await service.import_recent(since=since)
        except BaseException:
            self._context.metrics.imported("failed")
            raise
        log.info(
            "orders were imported",
            imported=len(report.imported),
            updated=len(report.updated),
            skipped=len(report.skipped),
            failed=[f"{failure.number}: {failure.reason}" for failure in report.failed],
        )
        self._context.metrics.imported("failed" if report.failed else "done")
        if not report.failed:
            self._since = began - _OVERLAP


def server_actor(context: ServerContext) -> str:
    """Who acts when a server does something by itself, for the activity log."""
    return f"{context.settings.operator} (server)"


@asynccontextmanager
async def maintaining(context: ServerContext) -> AsyncIterator[None]:
    """Do what a server does by itself while the block runs; nothing of it ends the server.

    Args:
        context: The server's.
    """
    leader = LeaderLock(context.database)

    async def prune() -> None:
        async with context.database.session() as session:
            count = await WebhookService(session, operator=server_actor(context)).prune()
        log.debug("old webhooks were forgotten", count=count)

    duties: dict[str, tuple[float, Callable[[], Awaitable[None]]]] = {
        "prune": (_PRUNE_EVERY, prune)
    }
    if context.shop is not None and context.settings.import_interval:
        duties["import"] = (context.settings.import_interval, Importer(context, context.shop).run)
    tasks = [
        asyncio.create_task(_regularly(name, seconds, leader, work), name=f"server {name}")
        for name, (seconds, work) in duties.items()
    ]
    try:
        yield
    finally:
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        await leader.give_up()


async def _regularly(
    name: str, seconds: float, leader: LeaderLock, work: Callable[[], Awaitable[None]]
) -> None:
    while True:
        try:
            if await leader.is_ours():
                async with asyncio.timeout(_LONGEST_DUTY):
                    await work()
        except FototuiError as error:
            log.warning("a duty was not done; it is done later", duty=name, reason=str(error))
        except Exception:  # it is tried again, and the server lives
            log.exception("a duty failed; it is done later", duty=name)
        await asyncio.sleep(seconds * random.uniform(0.9, 1.1))  # noqa: S311 - no secret
