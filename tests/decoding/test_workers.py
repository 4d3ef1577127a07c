"""Worker processes are kept, limited, replaced, and gone with the program."""

from __future__ import annotations

import asyncio
import os
import signal
import subprocess
import sys
import textwrap
import time
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path

import psutil
import pytest

from fototui.decoding.worker import NO_MEMORY
from fototui.decoding.workers import DIED, WorkerError, WorkerLimits, Workers
from tests.waiting import PATIENCE

TASKS = "tests.decoding.tasks"
SMALL = WorkerLimits(cpu_seconds=0.5, seconds=PATIENCE, memory=400_000_000, at_once=2)


@pytest.fixture
def workers() -> Iterator[Workers]:
    workers = Workers(SMALL)
    yield workers
    workers.close()
    assert not workers.pids


@pytest.fixture
def forks(forked_decoders: None) -> Iterator[Workers]:
    """As `workers`, for what does not depend on how one is started, nor on its memory."""
    workers = Workers(replace(SMALL, memory=2_000_000_000))
    yield workers
    workers.close()
    assert not workers.pids


def _wait_until(holds: Callable[[], bool]) -> None:
    deadline = time.monotonic() + PATIENCE
    while not holds():
        assert time.monotonic() < deadline
        time.sleep(0.01)


async def _pid(workers: Workers) -> int:
    value, _ = await workers.run(f"{TASKS}:echo", b"")
    pid = value["pid"]
    assert isinstance(pid, int)
    return pid


async def test_a_worker_is_started_once_and_kept(
    workers: Workers, capfd: pytest.CaptureFixture[str]
) -> None:
    data = os.urandom(3_000_000)
    value, back = await workers.run(f"{TASKS}:echo", data, {"word": "žluť"})
    assert (value["word"], back) == ("žluť", data)
    assert await _pid(workers) == value["pid"] != os.getpid()
    assert workers.pids == {value["pid"]}
    assert capfd.readouterr() == ("", "")  # the screen is the app's


async def test_one_that_was_prepared_is_the_one_that_works(forks: Workers) -> None:
    forks.prepare()
    forks.prepare()
    assert forks.pids == {await _pid(forks)}
    forks.prepare()
    assert forks.pids == {await _pid(forks)}


async def test_no_more_work_at_once_than_allowed(forks: Workers) -> None:
    pids = await asyncio.gather(*(_pid(forks) for _ in range(6)))
    assert len(set(pids)) == len(forks.pids) == 2


async def test_time_on_the_processor_has_an_end(forks: Workers) -> None:
    with pytest.raises(WorkerError) as caught:
        await forks.run(f"{TASKS}:endless", b"x")
    assert caught.value.code is None
    await _pid(forks)  # another does the next


async def test_time_on_the_clock_has_an_end() -> None:
    workers = Workers(WorkerLimits(seconds=0.5, at_once=1))
    with pytest.raises(WorkerError):
        await workers.run(f"{TASKS}:asleep", b"")
    assert not workers.pids
    workers.close()


async def test_memory_has_an_end_and_the_worker_goes_on(workers: Workers) -> None:
    pid = await _pid(workers)
    with pytest.raises(WorkerError) as caught:
        await workers.run(f"{TASKS}:greedy", b"", {"size": SMALL.memory})
    assert caught.value.code == NO_MEMORY
    assert await _pid(workers) == pid


@pytest.mark.parametrize(
    ("how", "code"),
    [
        (signal.SIGKILL, DIED),
        (signal.SIGTERM, DIED),
        (signal.SIGABRT, None),
        (signal.SIGSEGV, None),
    ],
)
async def test_one_that_dies_is_replaced_and_its_task_is_tried_twice(
    forks: Workers, tmp_path: Path, how: signal.Signals, code: str | None
) -> None:
    path = tmp_path / "tries"
    with pytest.raises(WorkerError) as caught:
        await forks.run(f"{TASKS}:deadly", b"", {"path": str(path), "how": how})
    assert caught.value.code == code
    assert path.read_text() == "xx"
    await _pid(forks)


async def test_one_killed_while_it_waits_is_replaced_unnoticed(forks: Workers) -> None:
    pid = await _pid(forks)
    os.kill(pid, signal.SIGKILL)
    assert await _pid(forks) != pid


async def test_whoever_stops_waiting_ends_the_work_at_once(forks: Workers) -> None:
    await _pid(forks)
    task = asyncio.create_task(forks.run(f"{TASKS}:asleep", b""))
    await asyncio.sleep(0)
    [pid] = forks.pids
    process = psutil.Process(pid)
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    assert not forks.pids
    _wait_until(lambda: not process.is_running() or process.status() == psutil.STATUS_ZOMBIE)


async def test_a_worker_knows_no_secrets(workers: Workers, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SHOPIFY_ACCESS_TOKEN", "shpat_secret")
    value, _ = await workers.run(f"{TASKS}:environment", b"")
    assert "SHOPIFY_ACCESS_TOKEN" not in str(value["names"])


@pytest.mark.parametrize("how", [signal.SIGKILL, signal.SIGTERM, None])
@pytest.mark.parametrize("task", ["endless", "asleep"])
def test_workers_end_with_the_program(task: str, how: signal.Signals | None) -> None:
    """However it ends, and whatever they do at that moment."""
    program = textwrap.dedent(f"""
        import asyncio, sys
        from fototui.decoding.workers import WorkerLimits, Workers

        async def main():
            workers = Workers(WorkerLimits(cpu_seconds=600, seconds=600, at_once=1))
            await workers.run("{TASKS}:echo", b"")
            asyncio.create_task(workers.run("{TASKS}:{task}", b"x" * 1000))
            await asyncio.sleep(0.1)
            print(*workers.pids, flush=True)
            await asyncio.to_thread(sys.stdin.readline)

        asyncio.run(main())
    """)
    with subprocess.Popen(
        [sys.executable, "-c", program], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    ) as process:
        assert process.stdin is not None
        assert process.stdout is not None
        worker = psutil.Process(int(process.stdout.readline()))
        if how is None:
            process.stdin.close()
        else:
            process.send_signal(how)
        process.wait(20)
        _wait_until(lambda: not worker.is_running())
