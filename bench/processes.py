"""Processes that are measured: they are started, spoken with by lines, and ended."""

from __future__ import annotations

import asyncio
import sys
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager, suppress
from pathlib import Path

import psutil

ROOT = Path(__file__).parents[1]
OURS = Path(sys.executable)
PEERS = ROOT / ".tools" / "bench" / "bin" / "python"

_SECONDS = 120
_SECONDS_TO_END, _SECONDS_TO_STOP = 5, 15


class Process:
    """A process that is spoken with by lines.

    Args:
        process: It.
    """

    def __init__(self, process: asyncio.subprocess.Process) -> None:
        self._process = process

    def stop(self) -> None:
        """Ask it to end, where it does not look at its input."""
        self._process.terminate()

    @property
    def pid(self) -> int:
        return self._process.pid

    async def say(self, line: object) -> None:
        assert self._process.stdin is not None
        self._process.stdin.write(f"{line}\n".encode())
        await self._process.stdin.drain()

    async def hear(self) -> str:
        """The next line that it prints.

        Raises:
            RuntimeError: It ended instead, or says nothing.
        """
        assert self._process.stdout is not None
        try:
            async with asyncio.timeout(_SECONDS):
                line = await self._process.stdout.readline()
        except TimeoutError as error:
            raise RuntimeError(f"process {self.pid} says nothing") from error
        if not line:
            raise RuntimeError(f"process {self.pid} ended")
        return line.decode().strip()


@asynccontextmanager
async def running(
    *arguments: str,
    python: Path = OURS,
    environment: Mapping[str, str] | None = None,
    quiet: bool = False,
) -> AsyncIterator[Process]:
    """Run a Python program beside the block; it ends at the end of its input, or by a signal.

    Args:
        arguments: As for the interpreter.
        python: The interpreter.
        environment: In place of this process's own.
        quiet: Nobody reads what it says on standard error.
    """
    pipe, nowhere = asyncio.subprocess.PIPE, asyncio.subprocess.DEVNULL
    process = await asyncio.create_subprocess_exec(
        python,
        *arguments,
        stdin=pipe,
        stdout=pipe,
        stderr=nowhere if quiet else None,
        cwd=ROOT,
        env=environment,
    )
    assert process.stdin is not None
    try:
        yield Process(process)
        process.stdin.close()
        for wait in (_SECONDS_TO_END, _SECONDS_TO_STOP):
            with suppress(TimeoutError):
                async with asyncio.timeout(wait):
                    await process.wait()
                break
            process.terminate()
    finally:
        if process.returncode is None:
            process.kill()
            await process.wait()


async def told(*arguments: str, python: Path = OURS) -> str:
    """Run a Python program to its end, and give what it printed.

    Raises:
        RuntimeError: It failed.
    """
    process = await asyncio.create_subprocess_exec(
        python, *arguments, stdout=asyncio.subprocess.PIPE, cwd=ROOT
    )
    try:
        out, _ = await process.communicate()
    finally:
        if process.returncode is None:
            process.kill()
            await process.wait()
    if process.returncode:
        raise RuntimeError(f"{' '.join(arguments[:3])} ended with {process.returncode}")
    return out.decode()


def spent(pid: int, *, children: bool = False) -> float:
    """Processor seconds of a process so far.

    Args:
        pid: Which.
        children: With those of its children, as a PostgreSQL has one for each connection.
    """
    process = psutil.Process(pid)
    if not children:
        return sum(process.cpu_times()[:2])
    seconds = sum(process.cpu_times()[:4])  # of children that are gone it knows itself
    for child in process.children(recursive=True):
        with suppress(psutil.NoSuchProcess):
            seconds += sum(child.cpu_times()[:2])
    return seconds
