"""Engines die, freeze, are told to stop, and live by clocks that are wrong."""

from __future__ import annotations

import asyncio
import signal
from contextlib import suppress
from pathlib import Path

from chaos.world import LEASE, TABLES, World, until
from fototui.sandbox.outcomes import Latency

_FAKETIME = "/usr/lib/*/faketime/libfaketimeMT.so.1"


async def kills(world: World) -> None:
    """Four engines, and one kill -9 a second while there is work."""
    jobs = world.size(500, 30)
    world.runpod.latency = Latency(queue=0.2, run=0.6, spread=0.5)
    await world.queue(jobs * 3 // 5, jobs * 2 // 5)
    await world.engines(4 if not world.short else 2)
    for _ in range(world.size(60, 3)):
        await asyncio.sleep(1)
        if await world.unfinished() == 0:
            break
        await world.kill()
        # Not waited for: the next death comes before it is at work.
        await world.processes.start("engine")


async def freezes(world: World) -> None:
    """Engines stand still for longer than their lease, in the middle of their work, and wake up."""
    world.runpod.latency = Latency(queue=0.2, run=1.0, spread=0.5)
    await world.queue(world.size(90, 12), world.size(60, 8))
    await world.engines(world.size(3, 2))
    for _ in range(world.size(6, 1)):
        frozen = world.processes.victim()
        await asyncio.sleep(1)
        frozen.send_signal(signal.SIGSTOP)
        world.watch(frozen.pid)
        await asyncio.sleep(LEASE * 1.5)
        frozen.send_signal(signal.SIGCONT)


async def poison(world: World) -> None:
    """One job kills every engine that touches it; its neighbours are innocent."""
    # It never ends by itself, so whoever takes it up has it long enough to be killed by it.
    world.runpod.latency = Latency(run=3600)
    [bad] = await world.queue(1)
    world.excused.add(bad)
    await world.engines(2)
    kind, row_id = bad
    async with world.connection() as connection:
        submitted = f"SELECT status = 'runpod_processing' FROM {TABLES[kind]} WHERE id = $1"
        await until(lambda: connection.fetchval(submitted, row_id), seconds=30, what="submission")
    world.runpod.latency = Latency(run=0.3)
    await world.queue(world.size(23, 11))
    holder = f"""
        SELECT e.pid FROM {TABLES[kind]} v JOIN engines e ON e.id = v.claimed_by
        WHERE v.id = $1 AND e.retired_at IS NULL
    """
    async with world.connection() as connection:
        held_by: int | None = None
        while not await connection.fetchval(
            "SELECT status = 'error' FROM coloring_versions WHERE id = $1", row_id
        ):
            before, held_by = held_by, await connection.fetchval(holder, row_id)
            # It takes a moment to do its harm: who only writes down that it gave up is spared.
            for process in [each for each in world.processes.running if each.pid == before]:
                if held_by == before:
                    await world.processes.kill(process)
                    await world.processes.start("engine")
            await asyncio.sleep(0.3)


async def signals(world: World) -> None:
    """Engines are told to stop, politely and in haste, and others go on at once."""
    world.runpod.latency = Latency(queue=0.2, run=0.8, spread=0.5)
    await world.queue(world.size(80, 10), world.size(40, 6))
    await world.engines(2)
    for number in range(world.size(10, 2)):
        await asyncio.sleep(1.5)
        leaving = world.processes.running[0]
        leaving.send_signal(signal.SIGTERM if number % 2 else signal.SIGINT)
        code = await asyncio.wait_for(leaving.wait(), 30)
        world.processes.running.remove(leaving)
        if code not in (0, 130):
            world.processes.bad_exits.append(code)
        await world.engines(1, "--grace", "0.2")


async def clocks(world: World) -> None:
    """Machines whose clocks are an hour early and an hour late share the work with a right one."""
    libraries = sorted(Path("/").glob(_FAKETIME.removeprefix("/")))
    if not libraries:
        world.left_out = "libfaketime is not installed"
        return
    world.runpod.latency = Latency(run=0.4)
    await world.queue(world.size(60, 8), world.size(40, 6))
    for offset in ("+3600", "-3600"):
        await world.engines(
            1,
            LD_PRELOAD=str(libraries[0]),
            FAKETIME=offset,
            FAKETIME_DONT_FAKE_MONOTONIC="1",
        )
    await world.engines(1)
    for _ in range(world.size(6, 1)):
        await asyncio.sleep(1)
        wrong = world.processes.running[0]
        with suppress(ProcessLookupError):
            wrong.send_signal(signal.SIGSTOP)
            await asyncio.sleep(0.5)
            wrong.send_signal(signal.SIGCONT)
