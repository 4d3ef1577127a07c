"""One process of a queue.

    python -m bench.queues NAME URL install
    python -m bench.queues NAME URL drain COUNT
    python -m bench.queues NAME URL push
    python -m bench.queues NAME URL wait
    python -m bench.queues NAME URL work

`drain` queues so many jobs and prints the clock; after a line of input it does all there are, and
prints the clocks of its beginning and its end, and its processor seconds. `push` queues as many as
each line of its input says, and prints the clock. `wait` prints the clock at each job's first step.
`work` does jobs as they come until a line of input, and prints how many those were and the clock of
the last end.
"""

from __future__ import annotations

import asyncio
import json
import logging
import os
import sys
import time
from contextlib import suppress
from importlib import import_module
from typing import cast

from bench.queues.queue import Queue, Working, tell

MODULES = {
    "fototui": "bench.queues.with_fototui",
    "asyncpg": "bench.queues.with_asyncpg",
    "procrastinate": "bench.queues.with_procrastinate",
    "pgqueuer": "bench.queues.with_pgqueuer",
    "chancy": "bench.queues.with_chancy",
}


def opened(name: str, url: str) -> Queue:
    """The queue of that name; the number of moves follows it after a space."""
    kind, *moves = name.split()
    module = import_module(MODULES[kind])
    queue: Queue = module.queue(url, *map(int, moves))
    return queue


async def push(queue: Queue) -> None:
    while line := await asyncio.to_thread(sys.stdin.readline):
        await queue.push(int(line))
        tell()


async def drain(queue: Queue, count: int) -> None:
    await queue.push(count)
    tell()
    await asyncio.to_thread(sys.stdin.readline)
    began = done = clocks()

    def is_done() -> None:
        nonlocal done
        done = clocks()

    await queue.drain(count, is_done)
    assert not await queue.unfinished()
    spent = done[1] - began[1]
    print(json.dumps({"began": began[0], "done": done[0], "spent": spent}), flush=True)


async def work(queue: Working) -> None:
    jobs, done = 0, 0.0

    def ended() -> None:
        nonlocal jobs, done
        jobs, done = jobs + 1, time.perf_counter()

    working = asyncio.create_task(queue.work(ended))
    await asyncio.to_thread(sys.stdin.readline)
    working.cancel()
    with suppress(asyncio.CancelledError):
        await working
    print(json.dumps({"jobs": jobs, "done": done}), flush=True)


def clocks() -> tuple[float, float]:
    """The clock, and the processor seconds of this process."""
    return time.perf_counter(), time.process_time()


async def wait(queue: Queue) -> None:
    waiting = asyncio.create_task(queue.wait(tell))
    await asyncio.to_thread(sys.stdin.read)
    waiting.cancel()
    with suppress(asyncio.CancelledError):
        await waiting


async def main(name: str, url: str, what: str, *count: str) -> None:
    async with opened(name, url) as queue:
        match what:
            case "install":
                await queue.install()
            case "push":
                await push(queue)
            case "drain":
                await drain(queue, int(count[0]))
            case "work":
                await work(cast("Working", queue))
            case _:
                await wait(queue)


if __name__ == "__main__":
    # All log at INFO, as in use, and nobody reads it.
    logging.basicConfig(level="INFO", stream=open(os.devnull, "w"))  # noqa: SIM115 - to the end
    asyncio.run(main(*sys.argv[1:]))
