"""The program in processes of its own, which can be killed and frozen like any other.

A new Python takes most of a second to import the program. Here it is imported once, by Python's
own fork server, and each process is forked from that: it has its own memory, connections and
environment. What is said of the start itself is tried with `python -m fototui` (`tests/e2e/`).
"""

from __future__ import annotations

import asyncio
import os
import signal
import sys
from collections.abc import Mapping
from multiprocessing import get_context
from multiprocessing.context import ForkServerProcess
from pathlib import Path

IMPORTED = (
    "fototui.cli.engine",
    "fototui.cli.orders",
    "fototui.cli.serve",
    "fototui.runtime.compose",
    "fototui.engine.engine",
    "fototui.server.app",
    "fototui.decoding.worker",
    "fototui.books.tasks",
    "fototui.pictures.tasks",
    "fototui.pictures.terminal",
    "fototui.clients.photo_tasks",
    "fototui.engine.maintenance.budget",
    "fototui.engine.maintenance.left_photos",
    "fototui.engine.pipelines.registry",
    "anyio._backends._asyncio",
    "anyio.streams.tls",
    "httpcore",
    "tests.warmed",
)
"""What commands and decoders import when they are run, some of it late."""

CONTEXT = get_context("forkserver")
CONTEXT.set_forkserver_preload(list(IMPORTED))


class Fork:
    """A process that runs a command of fototui; like asyncio's, as far as tests use that."""

    def __init__(self, process: ForkServerProcess) -> None:
        assert process.pid is not None
        self.pid = process.pid
        self._process = process
        self._loop = asyncio.get_running_loop()
        self._ended: asyncio.Future[None] = self._loop.create_future()
        self._loop.add_reader(process.sentinel, self._end)

    @property
    def returncode(self) -> int | None:
        """How it ended: negative where a signal ended it, None while it runs."""
        return self._process.exitcode

    def send_signal(self, number: signal.Signals) -> None:
        """Send it a signal."""
        if self.returncode is None:
            os.kill(self.pid, number)

    def kill(self) -> None:
        """End it at once."""
        self.send_signal(signal.SIGKILL)

    async def wait(self) -> int:
        """Wait for its end; its exit code."""
        await asyncio.shield(self._ended)
        self._process.join()
        assert self.returncode is not None
        return self.returncode

    def _end(self) -> None:
        self._loop.remove_reader(self._process.sentinel)
        self._ended.set_result(None)


def fork(
    *arguments: str,
    environment: Mapping[str, str],
    folder: Path,
    output: Path | None = None,
    errors: Path | None = None,
) -> Fork:
    """Run a command of fototui.

    Args:
        arguments: The command and its arguments.
        environment: All variables that it has.
        folder: Where it works.
        output: A file for what it prints; nowhere by default.
        errors: A file for what it says on standard error; the same by default.
    """
    output = output or Path(os.devnull)
    told = (output, errors or output)
    process = CONTEXT.Process(target=_run, args=(arguments, dict(environment), folder, told))
    process.start()
    return Fork(process)


def _run(
    arguments: tuple[str, ...],
    environment: dict[str, str],
    folder: Path,
    told: tuple[Path, Path],
) -> None:
    os.dup2(os.open(os.devnull, os.O_RDONLY), 0)
    for number, file in enumerate(told, start=1):
        os.dup2(os.open(file, os.O_WRONLY | os.O_CREAT | os.O_APPEND), number)
    os.environ.clear()
    os.environ.update(environment)
    os.chdir(folder)
    sys.argv = ["fototui", *arguments]
    from fototui.cli import main

    main()
