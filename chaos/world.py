"""One scenario's world: a database, storage, a hub, the outside services, and processes."""

from __future__ import annotations

import asyncio
import io
import random
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path

import asyncpg
import psutil
from PIL import Image as Picture
from pydantic import SecretStr
from sqlalchemy.ext.asyncio import AsyncSession

from chaos.hub import Hub
from chaos.processes import Processes
from fototui.db.database import Database
from fototui.db.models.orders import ColoringVersion, Image, LineItem, Order, SvgVersion
from fototui.domain.files import S3ObjectRefData
from fototui.domain.statuses import ColoringProcessingStatus, JobKind, OrderStatus, VersionType
from fototui.sandbox.outcomes import Script
from fototui.sandbox.postgres.server import EmbeddedPostgres
from fototui.sandbox.shopify.app import ShopSettings
from fototui.sandbox.shopify.cdn import Cdn
from fototui.services.operations.lanes import LaneService
from fototui.services.versions.coloring import ColoringService
from fototui.services.versions.svg import VectorizerService
from fototui.storage.directory import DirectoryStorage

LEASE = 3.0
"""Seconds of silence after which an engine of a scenario counts as dead."""
OPERATOR = "chaos"
TABLES = {VersionType.COLORING: "coloring_versions", VersionType.SVG: "svg_versions"}
KEY = SecretStr("chaos")
_POLL = 0.1
# How often an operator tries what failed again, before the scenario is looked at.
_MOST_TRIES = 3
# What an operator reads of a paid call that was cut off, made again, and cut off again.
_ASKED_TWICE = "may have been paid for twice"

Row = tuple[VersionType, int]


class Waited(Exception):  # noqa: N818 - it names what happened to the scenario
    """What a scenario waited for did not come."""


def photo(number: int) -> bytes:
    """A photo like no other."""
    picture = Picture.new("RGB", (24, 16), (number % 256, number // 256 % 256, 90))
    file = io.BytesIO()
    picture.save(file, "PNG")
    return file.getvalue()


async def until(condition: Callable[[], Awaitable[object]], *, seconds: float, what: str) -> None:
    """Wait for something that happens in other processes.

    Raises:
        Waited: It did not come in time.
    """
    try:
        async with asyncio.timeout(seconds):
            while not await condition():
                await asyncio.sleep(_POLL)
    except TimeoutError as error:
        raise Waited(f"no {what} after {seconds:.0f} s") from error


@dataclass
class World:
    """All that a scenario may harm.

    Attributes:
        short: The form for the test suite.
        excused: Versions that may end in an error, since the scenario spoils them.
        tries_again: Whatever failed is tried again by an operator at the end, as after an outage.
        asked_twice: Versions of which an operator had to decide, since two deaths or cuts in the
            middle of a paid call left unknown what was paid.
        lanes_resumed: How often an operator let a lane go on that a refusal had paused.
        recovery_seconds: For each job of a dead engine: from the death, or from the moment when
            there was another engine, until it was the dead one's no more.
        memory: What the oldest engine takes, in bytes, from time to time.
        left_out: What this machine lacks, in words.
        told: Counts that only this scenario has.
    """

    postgres: EmbeddedPostgres
    url: str
    database: Database
    storage: DirectoryStorage
    folder: Path
    sandbox_url: str
    runpod: Script
    vectorizer: Script
    shop: ShopSettings
    cdn: Cdn
    hub: Hub
    processes: Processes
    chance: random.Random
    short: bool
    photos: int = 0
    excused: set[Row] = field(default_factory=set)
    tries_again: bool = False
    asked_twice: int = 0
    lanes_resumed: int = 0
    recovery_seconds: list[float] = field(default_factory=list)
    memory: list[int] = field(default_factory=list)
    left_out: str = ""
    told: dict[str, int] = field(default_factory=dict)
    _watchers: set[asyncio.Task[None]] = field(default_factory=set)

    def size(self, full: int, short: int) -> int:
        """How many, in the full form and in the short one."""
        return short if self.short else full

    def particulars(self) -> dict[str, object]:
        """What the report says of this scenario alone, where there is anything to say."""
        said = {"lanes_resumed": self.lanes_resumed, "left_out": self.left_out} | self.told
        return {name: value for name, value in said.items() if value}

    # --- work --------------------------------------------------------------------------------

    async def queue(self, colorings: int, svgs: int = 0, *, an_order: int = 10) -> list[Row]:
        """Queue jobs on photos of their own.

        Args:
            colorings: How many colourings.
            svgs: How many SVGs, each of a colouring that is done.
            an_order: Pictures of one order.
        """
        total = colorings + svgs
        async with self.database.session() as session, session.begin():
            images = [
                image
                for first in range(0, total, an_order)
                for image in await self._order(session, min(an_order, total - first))
            ]
            made = [ColoringVersion(image_id=image.id, version=1) for image in images[:colorings]]
            done = [
                ColoringVersion(
                    image_id=image.id,
                    version=1,
                    status=ColoringProcessingStatus.COMPLETED,
                    file_ref=await self._store(image, "coloring/v1/"),
                )
                for image in images[colorings:]
            ]
            session.add_all([*made, *done])
            await session.flush()
            traced = [
                SvgVersion(image_id=each.image_id, version=1, coloring_version_id=each.id)
                for each in done
            ]
            session.add_all(traced)
            for image, each in zip(images[colorings:], done, strict=True):
                image.selected_coloring_id = each.id
            await session.flush()
            return [
                *((VersionType.COLORING, each.id) for each in made),
                *((VersionType.SVG, each.id) for each in traced),
            ]

    async def _order(self, session: AsyncSession, count: int) -> list[Image]:
        order = Order(order_number=f"#C{self.photos}", status=OrderStatus.READY_FOR_REVIEW)
        item = LineItem(order=order, position=1, title="Omalovánky")
        images = [Image(line_item=item, position=n) for n in range(1, count + 1)]
        session.add_all([order, item, *images])
        await session.flush()
        for image in images:
            image.file_ref = await self._store(image, "")
        return images

    async def _store(self, image: Image, below: str) -> S3ObjectRefData:
        self.photos += 1
        item = image.line_item
        key = f"{item.order.id}/{item.id}/{below}image_{image.position}.png"
        return await self.storage.put(key, photo(self.photos), content_type="image/png")

    async def engines(self, count: int, *arguments: str, **variables: str) -> None:
        """Start some engines, and wait until they are at work."""
        before = await self._registered()
        for _ in range(count):
            await self.processes.start("engine", *arguments, **variables)

        async def registered() -> bool:
            return await self._registered() >= before + count

        await until(registered, seconds=60, what=f"{count} engines")

    async def _registered(self) -> int:
        async with self.connection() as connection:
            return int(await connection.fetchval("SELECT count(*) FROM engines"))

    # --- what is going on ----------------------------------------------------------------------

    @property
    def files(self) -> Path:
        """Where the engines keep files."""
        return self.folder / "files"

    @asynccontextmanager
    async def connection(self) -> AsyncIterator[asyncpg.Connection]:
        """A connection of one's own, straight to the server."""
        connection = await asyncpg.connect(self.url.replace("+asyncpg", ""), timeout=10)
        try:
            yield connection
        finally:
            await connection.close(timeout=5)

    async def unfinished(self) -> int:
        """How many versions and orders have not reached their end."""
        async with self.connection() as connection:
            return int(
                await connection.fetchval(
                    """
                    SELECT (SELECT count(*) FROM coloring_versions
                            WHERE status NOT IN ('completed', 'error', 'runpod_cancelled'))
                         + (SELECT count(*) FROM svg_versions
                            WHERE status NOT IN ('completed', 'error'))
                         + (SELECT count(*) FROM orders
                            WHERE status NOT IN ('ready_for_review', 'error')
                               OR sync_requested_at IS NOT NULL)
                    """
                )
            )

    async def finished(self, count: int, *, attended: bool = False) -> None:
        """Wait until at most some jobs are left.

        Args:
            count: How many.
            attended: Somebody is there who lets lanes go on that the engines paused.
        """

        async def left() -> bool:
            await self.look()
            if attended:
                await self.resume_lanes()
            return await self.unfinished() <= count

        await until(left, seconds=600, what=f"fewer than {count} unfinished jobs")

    async def resume_lanes(self) -> None:
        """What an operator does when the account is in order again: `fototui lanes resume`."""
        async with self.connection() as connection:
            paused = await connection.fetch("SELECT name FROM lanes WHERE paused_at IS NOT NULL")
        async with self.database.session() as session:
            for row in paused:
                lanes = LaneService(session, operator=OPERATOR)
                self.lanes_resumed += await lanes.resume(JobKind(row["name"]))

    async def look(self) -> None:
        """Note what the engine takes that has lived longest."""
        for process in self.processes.running:
            if process.returncode is None:
                self.memory.append(psutil.Process(process.pid).memory_info().rss)
                return

    async def kill(self) -> None:
        """Kill an engine with -9, and watch how long its jobs are nobody's."""
        victim = self.processes.victim()
        await self.processes.kill(victim)
        self.watch(victim.pid)

    def watch(self, pid: int) -> None:
        """Measure when the jobs of a dead engine are in other hands."""
        self._watchers.add(asyncio.create_task(self._recovery(pid), name=f"recovery of {pid}"))

    async def _recovery(self, pid: int) -> None:
        held = " UNION ALL ".join(
            f"SELECT v.id FROM {table} v JOIN engines e ON e.id = v.claimed_by WHERE e.pid = $1"
            for table in TABLES.values()
        )
        began = time.monotonic()
        async with self.connection() as connection:
            had = len(await connection.fetch(held, pid))
            while had:
                await asyncio.sleep(_POLL)
                left = len(await connection.fetch(held, pid))
                if left == had and not await self._is_attended(connection):
                    # Every engine is dead: nobody is there yet who could take anything up.
                    began = time.monotonic()
                if left < had:
                    self.recovery_seconds += [time.monotonic() - began] * (had - left)
                    had = left

    async def _is_attended(self, connection: asyncpg.Connection) -> bool:
        """Whether any engine that is at work lives."""
        pids = [each.pid for each in self.processes.running if each.returncode is None]
        known = "SELECT EXISTS (SELECT FROM engines WHERE pid = ANY($1) AND retired_at IS NULL)"
        return bool(await connection.fetchval(known, pids))

    # --- the end -------------------------------------------------------------------------------

    async def settle(self, *, seconds: float = 240.0) -> None:
        """Let two healthy engines finish all that is left, and end everything in good order.

        Raises:
            Waited: Something does not finish.
        """
        if (missing := 2 - len(self.processes.running)) > 0:
            await self.engines(missing)
        await self._all_done(seconds)
        for _ in range(_MOST_TRIES):
            if not await self._try_again():
                break
            await self._all_done(seconds)
        await self._all_at_work()
        if self._watchers:
            _, late = await asyncio.wait(self._watchers, timeout=LEASE * 4)
            for task in late:
                task.cancel()
            await asyncio.gather(*self._watchers, return_exceptions=True)
        await self.processes.end()

    async def _all_at_work(self) -> None:
        """Wait for engines that were started last: only one at work can end in good order."""
        pids = [each.pid for each in self.processes.running]

        async def at_work() -> bool:
            async with self.connection() as connection:
                known = "SELECT count(DISTINCT pid) FROM engines WHERE pid = ANY($1)"
                return bool(await connection.fetchval(known, pids) == len(pids))

        await until(at_work, seconds=60, what="start of the last engines")

    async def _all_done(self, seconds: float) -> None:
        async def done() -> bool:
            return await self.unfinished() == 0

        await until(done, seconds=seconds, what="end of all jobs")

    async def _try_again(self) -> int:
        """What an operator does with what failed: `r` on each.

        Where a paid call was cut off twice, nobody but an operator can decide; that is so in every
        scenario, and is counted. All other failures count against the program, but where the
        scenario is an outage.

        Returns:
            How many versions are tried again.
        """
        await self.resume_lanes()
        rows: list[Row] = []
        async with self.connection() as connection:
            for kind, table in TABLES.items():
                failed = await connection.fetch(
                    f"""
                    SELECT id, coalesce(resubmissions > 0 AND error LIKE $1, false) AS asked_twice
                    FROM {table} WHERE status::text IN ('error', 'runpod_cancelled')
                    """,
                    f"%{_ASKED_TWICE}%",
                )
                self.asked_twice += sum(row["asked_twice"] for row in failed)
                rows += [
                    (kind, row["id"]) for row in failed if row["asked_twice"] or self.tries_again
                ]
        async with self.database.session() as session:
            colorings = ColoringService(session, operator=OPERATOR)
            svgs = VectorizerService(session, operator=OPERATOR)
            for kind, row_id in rows:
                if kind == VersionType.COLORING:
                    await colorings.retry(row_id)
                else:
                    await svgs.retry(row_id)
        return len(rows)
