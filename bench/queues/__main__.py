"""One process of a queue.

python -m bench.queues NAME URL install
python -m bench.queues NAME URL drain COUNT  # queues, prints the clock; after a line of input
                                          # does them, prints seconds and processor seconds
python -m bench.queues NAME URL push      # as many as each input line says; prints the clock
python -m bench.queues NAME URL wait      # prints the clock at each job's first step
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

from bench.queues.queue import Queue, tell

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
    clocks = [(time.perf_counter(), time.process_time())]
    await queue.drain(count, lambda: clocks.append((time.perf_counter(), time.process_time())))
    (began, spent_before), (done, spent) = clocks
    assert not await queue.unfinished()
    print(json.dumps({"seconds": done - began, "spent": spent - spent_before}), flush=True)


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
            case _:
                await wait(queue)


if __name__ == "__main__":
    # All log at INFO, as in use, and nobody reads it.
    logging.basicConfig(level="INFO", stream=open(os.devnull, "w"))  # noqa: SIM115 - to the end
    asyncio.run(main(*sys.argv[1:]))
