"""What a server does by itself, and only one of several servers at a time: imports, tidying up."""

import asyncio
import contextlib
import random
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from datetime import UTC, datetime, timedelta

import structlog
from sqlalchemy import URL

from fototui.db.connection import FAILURES, Connection, connect
from fototui.domain.errors import FototuiError
from fototui.server.context import ServerHouse
from fototui.services.ingest.imports import ImportService, ShopSource
from fototui.services.ingest.webhooks import WebhookService

log = structlog.get_logger(__name__)

# Any number serves; db/schema/migrate.py has another.
_ADVISORY_LOCK = 0x666F7476
_LOCK_SECONDS = 5.0

_PRUNE_EVERY = 3600.0
_LONGEST_CHORE = 1800.0

# The first import of a process reaches back over a longer absence. Later ones overlap, for neither
# clocks nor Shopify's index are exact to the second.
_FIRST_REACH = timedelta(days=7)
_OVERLAP = timedelta(minutes=10)


class Turn:
    """Whose turn it is, among all servers of one database.

    Who has it holds a lock of PostgreSQL on a connection of its own, and keeps it until the
    connection ends: by leaving, or by dying.

    Args:
        url: The database.
    """

    def __init__(self, url: URL) -> None:
        self._url = url
        self._connection: Connection | None = None
        self._asking = asyncio.Lock()

    async def is_ours(self) -> bool:
        """Take the turn if nobody has it, and say whether it is ours; False in an outage too."""
        async with self._asking:
            try:
                if self._connection is None:
                    self._connection = await connect(
                        self._url, name="fototui server's turn", seconds=_LOCK_SECONDS
                    )
                # Who has the lock is given it again, so this also asks whether the connection is
                # well.
                if await self._connection.fetchval(
                    "SELECT pg_try_advisory_lock($1)", _ADVISORY_LOCK
                ):
                    return True
            except FAILURES as error:
                log.warning("it is not known which server imports", reason=str(error))
            self._drop()
            return False

    def _drop(self) -> None:
        if self._connection is not None:
            self._connection.terminate()
            self._connection = None

    async def give_up(self) -> None:
        """Let another server have it."""
        if self._connection is not None:
            with contextlib.suppress(*FAILURES):
                await self._connection.close(timeout=_LOCK_SECONDS)
            self._drop()


class Importer:
    """Imports what changed in the shop since it did so last.

    Args:
        house: Where to.
        shop: Where from.
    """

    def __init__(self, house: ServerHouse, shop: ShopSource) -> None:
        self._house = house
        self._shop = shop
        self._since: datetime | None = None

    async def run(self) -> None:
        """Import once.

        Raises:
            Exception: The shop or the database failed; the next run reaches back as far.
        """
        began = datetime.now(UTC)
        since = began - _FIRST_REACH if self._since is None else self._since
        try:
            async with self._house.database.session() as session:
                service = ImportService(
                    session, operator=server_actor(self._house), shop=self._shop
                )
                report = await service.import_recent(since=since)
        except BaseException:
            self._house.metrics.imported("failed")
            raise
        log.info(
            "orders were imported",
            imported=len(report.imported),
            updated=len(report.updated),
            skipped=len(report.skipped),
            failed=[f"{failure.number}: {failure.reason}" for failure in report.failed],
        )
        self._house.metrics.imported("failed" if report.failed else "done")
        if not report.failed:
            self._since = began - _OVERLAP


def server_actor(house: ServerHouse) -> str:
    """Who acts when a server does something by itself, for the activity log."""
    return f"{house.settings.operator} (server)"


@asynccontextmanager
async def doing_chores(house: ServerHouse) -> AsyncIterator[None]:
    """Do what a server does by itself while the block runs; nothing of it ends the server.

    Args:
        house: The server's.
    """
    turn = Turn(house.database.url)

    async def prune() -> None:
        async with house.database.session() as session:
            count = await WebhookService(session, operator=server_actor(house)).prune()
        log.debug("old webhooks were forgotten", count=count)

    chores: dict[str, tuple[float, Callable[[], Awaitable[None]]]] = {
        "prune": (_PRUNE_EVERY, prune)
    }
    if house.shop is not None and house.settings.import_interval:
        chores["import"] = (house.settings.import_interval, Importer(house, house.shop).run)
    tasks = [
        asyncio.create_task(_regularly(name, seconds, turn, work), name=f"server {name}")
        for name, (seconds, work) in chores.items()
    ]
    try:
        yield
    finally:
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        await turn.give_up()


async def _regularly(
    name: str, seconds: float, turn: Turn, work: Callable[[], Awaitable[None]]
) -> None:
    while True:
        try:
            if await turn.is_ours():
                async with asyncio.timeout(_LONGEST_CHORE):
                    await work()
        except FototuiError as error:
            log.warning("a chore was not done; it is done later", chore=name, reason=str(error))
        except Exception:  # it is tried again, and the server lives
            log.exception("a chore failed; it is done later", chore=name)
        await asyncio.sleep(seconds * random.uniform(0.9, 1.1))  # noqa: S311 - no secret
