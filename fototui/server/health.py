"""Whether the server can do its work, and what work there is; asked often, found out seldom."""

import asyncio
import time
from collections.abc import Awaitable, Callable, Mapping
from functools import cache
from typing import Generic, TypeVar

from fototui.db.schema import migrate
from fototui.domain.errors import FototuiError
from fototui.domain.stages import Stage
from fototui.log import get_logger
from fototui.server.context import ServerContext
from fototui.server.cost_metrics import PaidStats
from fototui.services.costs.service import CostService
from fototui.services.operations.stats import Stats, StatsService
from fototui.services.orders.by_stage import StageService

log = get_logger(__name__)

T = TypeVar("T")

OK = "ok"

_CHECK_SECONDS = 3.0
# Anyone may ask for the state, as often as they like. A check of the storage writes a file, which
# stores charge for.
_DATABASE_FRESH = 1.0
_STORAGE_FRESH = 60.0
_STORAGE_FRESH_IF_ILL = 5.0
_STATS_FRESH = 5.0
# All orders that are not done are read for it.
_STAGES_FRESH = 30.0


class Health:
    """Looks at the parts that the server stands on.

    Args:
        context: The parts.
    """

    def __init__(self, context: ServerContext) -> None:
        self._context = context
        self._parts = {
            "database": _Remembered(
                lambda: _state("database", context.database.ping()), lambda _: _DATABASE_FRESH
            ),
            "migrations": _Remembered(
                lambda: _state("migrations", self._compare_revisions()), lambda _: _DATABASE_FRESH
            ),
            "storage": _Remembered(
                lambda: _state("storage", context.storage.check()),
                lambda state: _STORAGE_FRESH if state == OK else _STORAGE_FRESH_IF_ILL,
            ),
        }
        self._stats = _Remembered(self._read_stats, lambda _: _STATS_FRESH)
        self._stages = _Remembered(self._count_stages, lambda _: _STAGES_FRESH)
        self._paid = _Remembered(self._read_paid, lambda _: _STATS_FRESH)

    async def check(self) -> Mapping[str, str]:
        """Look at all parts at once, at each for a few seconds at most.

        Returns:
            For each part "ok", or the code of what is wrong with it; the log tells more.
        """
        states = await asyncio.gather(*(part.get() for part in self._parts.values()))
        return dict(zip(self._parts, states, strict=True))

    async def stats(self) -> Stats | None:
        """The stats about all work; None where the database does not tell them in time."""
        return await self._stats.get()

    async def stages(self) -> Mapping[Stage, int] | None:
        """How many orders are in each stage; None where the database does not tell it in time."""
        return await self._stages.get()

    async def paid(self) -> PaidStats | None:
        """What was paid; None where the database does not tell it in time."""
        return await self._paid.get()

    async def _compare_revisions(self) -> None:
        engine = self._context.database.engine
        if await migrate.current(engine) != await asyncio.to_thread(_head):
            await migrate.require_head(engine)  # says what is to be done

    async def _read_stats(self) -> Stats | None:
        async def read() -> Stats:
            async with self._context.database.autocommit() as session:
                return await StatsService(session, operator="server").read()

        stats, _ = await _look("stats", read())
        return stats

    async def _count_stages(self) -> Mapping[Stage, int] | None:
        async def count() -> Mapping[Stage, int]:
            async with self._context.database.autocommit() as session:
                return await StageService(session, operator="server").count()

        stages, _ = await _look("stages", count())
        return stages

    async def _read_paid(self) -> PaidStats | None:
        settings = self._context.settings

        async def read() -> PaidStats:
            async with self._context.database.autocommit() as session:
                service = CostService(session, operator="server")
                overview = await service.overview(settings.timezone)
            return PaidStats(overview, settings.prices, settings.daily_budget)

        paid, _ = await _look("costs", read())
        return paid


# Reading the migrations takes a while, and they do not change under a running program.
_head = cache(migrate.head)


async def _state(part: str, look: Awaitable[None]) -> str:
    _, code = await _look(part, look)
    return code


async def _look(part: str, look: Awaitable[T]) -> tuple[T | None, str]:
    """What a look at a part gives, and "ok" or the code of what is wrong."""
    try:
        async with asyncio.timeout(_CHECK_SECONDS):
            return await look, OK
    except FototuiError as error:
        code, reason = error.code, str(error)
    except TimeoutError:
        code, reason = "timeout", f"no answer within {_CHECK_SECONDS:g} s"
    log.warning("a part that the server stands on is not well", part=part, reason=reason)
    return None, code


class _Remembered(Generic[T]):
    """Something found out again only when it is old; who asks meanwhile waits for the same answer.

    Args:
        find: Finds it out.
        lasts: For how many seconds a finding counts.
    """

    def __init__(self, find: Callable[[], Awaitable[T]], lasts: Callable[[T], float]) -> None:
        self._find = find
        self._lasts = lasts
        self._finding = asyncio.Lock()
        self._found: tuple[float, T] | None = None

    async def get(self) -> T:
        """The present finding."""
        async with self._finding:
            if self._found is None or time.monotonic() >= self._found[0]:
                found = await self._find()
                self._found = (time.monotonic() + self._lasts(found), found)
            return self._found[1]
