"""The hub, storage, RunPod and Vectorizer.ai at their worst."""

from __future__ import annotations

import asyncio
import os
import subprocess

from chaos.hub import HubMode
from chaos.world import World, until
from fototui.sandbox.outcomes import Latency, Outcome, Turn


async def hub(world: World) -> None:
    """The hub refuses, fails, hangs, and is well again; work goes on as if there were none."""
    world.runpod.latency = Latency(run=0.3)
    await world.engines(2)
    for mode in (HubMode.SILENT, HubMode.REFUSING, HubMode.FAILING, HubMode.WELL):
        world.hub.mode = mode
        await world.queue(world.size(20, 5), world.size(10, 3))
        await world.finished(0)


async def storage(world: World) -> None:
    """Storage cannot be written to for a while, and then its disk is full."""
    world.runpod.latency = Latency(run=0.3)
    files = world.files
    away = files.with_name("files-away")
    await world.queue(world.size(30, 6), world.size(20, 4))
    await world.engines(2)
    for _ in range(world.size(3, 1)):
        await asyncio.sleep(1)
        # A file where the folder should be: every write and read fails, whoever asks.
        files.rename(away)
        files.write_bytes(b"")
        await asyncio.sleep(world.size(20, 4))
        files.unlink()
        away.rename(files)
    if not world.short:
        await _full_disk(world)


async def _full_disk(world: World) -> None:
    """A small disk in place of the folder's part for one more order, full for 95 seconds."""
    if os.geteuid() != 0:
        world.left_out = "a full disk takes root to make"
        return
    await world.finished(0)
    filler = world.files / "filler"
    mount = ["mount", "-t", "tmpfs", "-o", "size=1m", "tmpfs", str(world.files)]
    kept = world.files.with_name("files-kept")
    world.files.rename(kept)
    world.files.mkdir()
    if (await asyncio.to_thread(subprocess.run, mount, check=False)).returncode:
        world.left_out = "no file system can be mounted here"
        world.files.rmdir()
        kept.rename(world.files)
        return
    try:
        await world.queue(8)
        filler.write_bytes(b"\0" * (1 << 19))
        try:
            with filler.open("ab") as file:
                while True:
                    file.write(b"\0" * 1024)
                    file.flush()
        except OSError:
            pass  # it is full now, which is what was wanted
        await asyncio.sleep(95)
        filler.unlink()
        await world.finished(0)
        await asyncio.to_thread(
            subprocess.run, ["cp", "-a", f"{world.files}/.", str(kept)], check=True
        )
    finally:
        await asyncio.to_thread(subprocess.run, ["umount", str(world.files)], check=True)
        world.files.rmdir()
        kept.rename(world.files)


async def services(world: World) -> None:
    """RunPod and Vectorizer.ai refuse, hang up before and after, answer rubbish, and forget."""
    world.tries_again = True
    world.runpod.latency = Latency(run=3600)
    endless = await world.queue(world.size(3, 1))
    await world.engines(world.size(3, 2), RUNPOD_TIMEOUT="15")
    await _all_submitted(world, len(endless))
    world.runpod.latency = Latency(queue=0.1, run=0.3, spread=0.5)
    rates = {
        Outcome.RATE_LIMITED: 0.08,
        Outcome.UNAVAILABLE: 0.08,
        Outcome.CUT_BEFORE: 0.05,
        Outcome.CUT_AFTER: 0.05,
        Outcome.GARBAGE: 0.03,
        Outcome.FAILED: 0.05,
        Outcome.CANCELLED: 0.02,
        Outcome.TIMED_OUT: 0.02,
        Outcome.BAD_RESULT: 0.03,
        Outcome.GONE: 0.02,
    }
    for script in (world.runpod, world.vectorizer):
        script.rates = dict(rates)
        script.next(*(Turn(outcome=Outcome.UNAVAILABLE, status=502) for _ in range(4)))
    # Vectorizer.ai has no jobs that it could have forgotten: a 404 says that its address is wrong,
    # and the lane waits until somebody has looked.
    world.vectorizer.next(Outcome.GONE)
    world.runpod.poll_rates = {Outcome.UNAVAILABLE: 0.1, Outcome.GARBAGE: 0.03, Outcome.GONE: 0.005}
    await world.queue(world.size(150, 12), world.size(100, 8))
    await world.finished(0, attended=True)
    assert world.lanes_resumed, "a 404 of Vectorizer.ai paused no lane"
    for script in (world.runpod, world.vectorizer):
        script.rates, script.poll_rates = {}, {}


async def _all_submitted(world: World, count: int) -> None:
    async with world.connection() as connection:
        known = (
            "SELECT count(*) = $1 FROM coloring_versions WHERE status::text = 'runpod_processing'"
        )
        await until(lambda: connection.fetchval(known, count), seconds=60, what="submission")
