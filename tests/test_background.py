import asyncio
import time

import pytest
import structlog

from fototui.background import INJECTED, BackgroundTasks, background_tasks


class Work:
    """Something that goes on until it is told to end, and notes how it ended."""

    def __init__(self) -> None:
        self.started = asyncio.Event()
        self.end = asyncio.Event()
        self.outcome = ""

    async def go(self) -> None:
        self.started.set()
        try:
            await self.end.wait()
        except asyncio.CancelledError:
            await asyncio.sleep(0)  # cleaning up takes a moment
            self.outcome = "cancelled"
            raise
        self.outcome = "done"


async def fail() -> None:
    raise ValueError("no luck")


# --- BackgroundTasks ---------------------------------------------------------------------------


async def test_it_waits_for_all() -> None:
    tasks, first, second = BackgroundTasks(), Work(), Work()
    tasks.run(first.go())
    tasks.run(second.go())
    waiting = asyncio.create_task(tasks.wait(timeout=5))
    await second.started.wait()
    first.end.set()
    await asyncio.sleep(0)
    assert not waiting.done()
    second.end.set()
    await waiting
    assert [first.outcome, second.outcome] == ["done", "done"]


async def test_nothing_to_wait_for_takes_no_time() -> None:
    await asyncio.wait_for(BackgroundTasks().wait(timeout=5), 0.1)


async def test_a_failure_is_logged_by_name_and_not_raised() -> None:
    tasks = BackgroundTasks()
    with structlog.testing.capture_logs() as logs:
        tasks.run(fail(), name="tell the hub")
        tasks.run(fail())
        await tasks.wait(timeout=5)
    assert [entry["task"] for entry in logs] == ["tell the hub", "fail"]
    assert {entry["log_level"] for entry in logs} == {"error"}
    assert isinstance(logs[0]["exc_info"], ValueError)


async def test_at_the_time_out_the_rest_is_cancelled_and_awaited() -> None:
    tasks, slow, quick = BackgroundTasks(), Work(), Work()
    tasks.run(slow.go(), name="slow")
    tasks.run(quick.go(), name="quick")
    quick.end.set()
    with structlog.testing.capture_logs() as logs:
        await tasks.wait(timeout=0.05)
    assert [slow.outcome, quick.outcome] == ["cancelled", "done"]
    assert [entry["tasks"] for entry in logs] == [["slow"]]


async def test_tasks_started_by_tasks_are_waited_for() -> None:
    tasks, inner = BackgroundTasks(), Work()

    async def outer() -> None:
        tasks.run(inner.go())
        asyncio.get_running_loop().call_later(0.02, inner.end.set)

    tasks.run(outer())
    await tasks.wait(timeout=5)
    assert inner.outcome == "done"


async def test_cancelling_the_wait_cancels_the_tasks_and_is_not_swallowed() -> None:
    tasks, work = BackgroundTasks(), Work()
    tasks.run(work.go())
    waiting = asyncio.create_task(tasks.wait())
    await work.started.wait()
    waiting.cancel()
    with pytest.raises(asyncio.CancelledError):
        await waiting
    assert work.outcome == "cancelled"


async def test_a_task_that_will_not_stop_is_left_behind(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("fototui.background._CANCEL_SECONDS", 0.05)
    tasks, end = BackgroundTasks(), asyncio.Event()

    async def stubborn() -> None:
        while not end.is_set():
            try:
                await end.wait()
            except asyncio.CancelledError:
                continue

    tasks.run(stubborn(), name="stubborn")
    with structlog.testing.capture_logs() as logs:
        await tasks.wait(timeout=0.05)
    assert logs[-1] == {
        "event": "background tasks do not stop",
        "log_level": "error",
        "tasks": ["stubborn"],
    }
    end.set()
    await tasks.wait(timeout=5)


# --- the decorator -----------------------------------------------------------------------------


class Service:
    def __init__(self) -> None:
        self.work = Work()

    @background_tasks(timeout=5)
    async def save(
        self, name: str, *, times: int = 1, background_tasks: BackgroundTasks = INJECTED
    ) -> str:
        """Save something."""
        background_tasks.run(self.work.go())
        await self.work.started.wait()
        asyncio.get_running_loop().call_later(0.02, self.work.end.set)
        if name == "bad":
            raise ValueError(name)
        return name * times


async def test_a_call_gets_its_tasks_and_waits_for_them() -> None:
    service = Service()
    assert await service.save("ab", times=2) == "abab"
    assert service.work.outcome == "done"
    assert service.save.__doc__ == "Save something."


async def test_it_waits_after_an_exception_which_is_raised_on() -> None:
    service = Service()
    with pytest.raises(ValueError, match="bad"):
        await service.save("bad")
    assert service.work.outcome == "done"


async def test_each_call_has_its_own_tasks() -> None:
    seen: list[BackgroundTasks] = []

    @background_tasks(timeout=1)
    async def note(*, background_tasks: BackgroundTasks = INJECTED) -> None:
        seen.append(background_tasks)

    await asyncio.gather(note(), note())
    assert len(set(map(id, seen))) == 2


async def test_the_time_out_bounds_a_call() -> None:
    work = Work()

    @background_tasks(timeout=0.05)
    async def start(*, background_tasks: BackgroundTasks = INJECTED) -> str:
        background_tasks.run(work.go())
        return "started"

    began = time.monotonic()
    assert await start() == "started"
    assert time.monotonic() - began < 1
    assert work.outcome == "cancelled"


async def test_a_cancelled_call_waits_for_its_tasks_and_stays_cancelled() -> None:
    work, forever = Work(), asyncio.Event()

    @background_tasks(timeout=5)
    async def start(*, background_tasks: BackgroundTasks = INJECTED) -> None:
        background_tasks.run(work.go())
        await forever.wait()

    call = asyncio.create_task(start())
    await work.started.wait()
    call.cancel()
    asyncio.get_running_loop().call_later(0.02, work.end.set)
    with pytest.raises(asyncio.CancelledError):
        await call
    assert work.outcome == "done"


async def test_cancelled_again_while_it_waits_it_ends_at_once() -> None:
    work, waiting = Work(), asyncio.Event()

    @background_tasks(timeout=60)
    async def start(*, background_tasks: BackgroundTasks = INJECTED) -> None:
        background_tasks.run(work.go())
        await work.started.wait()
        waiting.set()

    call = asyncio.create_task(start())
    await waiting.wait()
    await asyncio.sleep(0)
    call.cancel()
    with pytest.raises(asyncio.CancelledError):
        await asyncio.wait_for(call, 5)
    assert work.outcome == "cancelled"
