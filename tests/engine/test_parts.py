"""A part of the engine that fails begins anew, and waits longer each time that it fails at once."""

import asyncio
from collections.abc import Awaitable, Callable, Iterator

import pytest

from fototui.engine.parts import keep_running


class Run:
    """Runs a part without waiting, and keeps how long it would have waited."""

    def __init__(self, *, times: int) -> None:
        self.waits: list[float] = []
        self.now = 0.0
        self._times = times

    async def of(self, part: Callable[[], Awaitable[None]]) -> list[float]:
        with pytest.raises(asyncio.CancelledError):
            await keep_running("test", part, pause=self._pause, clock=lambda: self.now)
        return self.waits

    async def _pause(self, seconds: float) -> None:
        self.waits.append(seconds)
        if len(self.waits) == self._times:
            raise asyncio.CancelledError


async def fail() -> None:
    raise KeyError("a fault of the program")


def are_within(waits: list[float], whole: list[float]) -> bool:
    """Each is by chance between a half and the whole."""
    return all(most / 2 <= wait <= most for wait, most in zip(waits, whole, strict=True))


async def test_one_that_fails_each_time_waits_longer_up_to_half_a_minute() -> None:
    waits = await Run(times=8).of(fail)
    assert are_within(waits, [1, 2, 4, 8, 16, 30, 30, 30])


async def test_one_that_ran_for_a_while_begins_anew_at_once() -> None:
    run = Run(times=6)
    lives: Iterator[float] = iter([0, 0, 0, 31, 0, 0])

    async def part() -> None:
        run.now += next(lives)
        await fail()

    assert are_within(await run.of(part), [1, 2, 4, 1, 2, 4])


async def test_one_that_ends_by_itself_begins_anew_at_once() -> None:
    ends = iter([fail, fail, lambda: asyncio.sleep(0), fail])

    async def part() -> None:
        await next(ends)()

    assert are_within(await Run(times=4).of(part), [1, 2, 1, 2])
