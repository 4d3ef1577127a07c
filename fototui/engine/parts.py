"""How a part of the engine is kept running, whatever ends it."""

import asyncio
import time
from collections.abc import Awaitable, Callable

from fototui.log import get_logger
from fototui.retry import Backoff

log = get_logger(__name__)

_FIRST_WAIT = 1.0
_LONGEST_WAIT = 30.0


async def keep_running(
    name: str,
    part: Callable[[], Awaitable[None]],
    *,
    pause: Callable[[float], Awaitable[None]] = asyncio.sleep,
    clock: Callable[[], float] = time.monotonic,
) -> None:
    """Run a part until cancelled: one that fails must not take the others along.

    It begins anew after a second. One that fails each time at once waits longer and longer, half a
    minute at most, so that it neither fills the log nor takes from the others.

    Args:
        name: What it is called in logs.
        part: Runs it.
        pause: How it waits.
        clock: Tells for how long it ran.
    """
    backoff = Backoff(_FIRST_WAIT, _LONGEST_WAIT)
    while True:
        began = clock()
        try:
            await part()
        except Exception:  # nobody foresaw it, so it is logged in full
            log.exception("a part of the engine failed; it begins anew", part=name)
            ran_well = clock() - began > _LONGEST_WAIT
        else:
            ran_well = True
        if ran_well:
            backoff.reset()
        await pause(backoff.next_wait())
