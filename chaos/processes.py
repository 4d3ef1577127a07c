"""The program's own processes: started, killed, frozen, and never left behind."""

from __future__ import annotations

import asyncio
import os
import random
import signal
import sys
from collections.abc import Mapping
from pathlib import Path

from tests.forks import Fork, fork

_END_SECONDS = 30.0

Process = asyncio.subprocess.Process | Fork


class Processes:
    """Processes of `fototui`, all with the same environment.

    Args:
        environment: Their variables.
        folder: Their working folder; each writes its log there.
        chance: Chooses victims.
        forked: They are forked from one that has the program imported, which costs a tenth.
    """

    def __init__(
        self, environment: Mapping[str, str], folder: Path, chance: random.Random, *, forked: bool
    ) -> None:
        kept = {name: os.environ[name] for name in ("PATH", "HOME") if name in os.environ}
        self.environment = {**kept, **environment}
        self._folder = folder
        self._chance = chance
        self._forked = forked
        self.running: list[Process] = []
        self.bad_exits: list[int] = []
        """Exit codes of processes that were asked to end and did not end well."""

    async def start(self, *arguments: str, **variables: str) -> Process:
        """Start a command of `fototui`.

        Args:
            arguments: Its arguments.
            variables: Variables of this process alone.
        """
        number = len(list(self._folder.glob("*.log")))
        log = self._folder / f"{number:04}-{arguments[0]}.log"
        environment = {**self.environment, **variables}
        process: Process
        # A library that is to be loaded first takes a new program.
        if self._forked and "LD_PRELOAD" not in variables:
            process = fork(*arguments, environment=environment, folder=self._folder, output=log)
        else:
            process = await self._run(*arguments, environment=environment, log=log)
        self.running.append(process)
        return process

    async def _run(
        self, *arguments: str, environment: Mapping[str, str], log: Path
    ) -> asyncio.subprocess.Process:
        with log.open("wb") as output:
            return await asyncio.create_subprocess_exec(
                *(sys.executable, "-m", "fototui", *arguments),
                env=environment,
                cwd=self._folder,
                stdin=asyncio.subprocess.DEVNULL,
                stdout=output,
                stderr=output,
            )

    def victim(self) -> Process:
        """One of those that run, by chance."""
        return self._chance.choice(self.running)

    async def kill(self, process: Process) -> None:
        """Kill one with -9, and see it gone."""
        process.kill()
        await process.wait()
        self.running.remove(process)

    async def end(self, how: signal.Signals = signal.SIGTERM) -> None:
        """Ask all to end; one that does not, or not well, is noted and killed."""
        for process in self.running:
            if process.returncode is None:
                process.send_signal(how)
        for process in self.running:
            try:
                code = await asyncio.wait_for(process.wait(), _END_SECONDS)
            except TimeoutError:
                process.kill()
                code = await process.wait()
            # By SIGINT an interactive program ends as the shell expects it.
            if code not in (0, 130):
                self.bad_exits.append(code)
        self.running.clear()

    async def kill_all(self) -> None:
        """Leave none behind."""
        for process in list(self.running):
            if process.returncode is None:
                process.kill()
            await process.wait()
        self.running.clear()
