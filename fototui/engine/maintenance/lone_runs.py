"""Jobs whose engines died twice run alone, so that the next death is nobody's but their own."""

import asyncio
from collections.abc import Callable, Collection
from typing import Any

from fototui.engine.lane import LaneRunner
from fototui.log import get_logger

log = get_logger(__name__)

_LOOK_SECONDS = 0.1
# While the engine waits until it has nothing else, another one may have taken them.
_ASK_AGAIN_SECONDS = 2.0

# Any: which jobs a lane has makes no difference here.
AnyLane = LaneRunner[Any]


class LoneRuns:
    """Runs suspect jobs one by one, while the engine holds nothing else.

    The engine claims nothing more until its other jobs have ended. They are not cut short: that
    could pay for them twice. Engines do so at the same time, and the first that is empty begins.

    Args:
        lanes: The engine's lanes.
    """

    def __init__(self, lanes: Callable[[], Collection[AnyLane]]) -> None:
        self._lanes = lanes

    async def run(self) -> None:
        """Run all suspects that are free at the moment."""
        if not await self._are_there():
            return
        lanes = self._lanes()
        for lane in lanes:
            lane.hold_back()
        try:
            if await self._nothing_else_runs():
                for lane in lanes:
                    while await lane.run_alone():
                        log.info("a job whose engines died ran alone", lane=str(lane.kind))
        finally:
            for lane in lanes:
                lane.go_on()

    async def _are_there(self) -> bool:
        for lane in self._lanes():
            if await lane.has_suspects():
                return True
        return False

    async def _nothing_else_runs(self) -> bool:
        """Wait for it; False where the suspects were taken meanwhile."""
        clock = asyncio.get_running_loop()
        asked_at = clock.time()
        while any(lane.busy for lane in self._lanes()):
            await asyncio.sleep(_LOOK_SECONDS)
            if clock.time() - asked_at > _ASK_AGAIN_SECONDS:
                if not await self._are_there():
                    return False
                asked_at = clock.time()
        return True
