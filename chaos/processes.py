"""The program's own processes: started, killed, frozen, and never left behind."""

from __future__ import annotations

import asyncio
import os
import random
import signal
import sys
from collections.abc import Mapping
from pathlib import Path

_END_SECONDS = 30.0


class Processes:
    """Processes of `fototui`, all with the same environment.

    Args:
        environment: Their variables.
        folder: Their working folder; each writes its log there.
        chance: Chooses victims.
    """

    def __init__(self, environment: Mapping[str, str], folder: Path, chance: random.Random) -> None:
        kept = {name: os.environ[name] for name in ("PATH", "HOME") if name in os.environ}
        self.environment = {**kept, **environment}
        self._folder = folder
        self._chance = chance
        self.running: list[asyncio.subprocess.Process] = []
        self.bad_exits: list[int] = []
        """Exit codes of processes that were asked to end and did not end well."""

    async def start(self, *arguments: str, **variables: str) -> asyncio.subprocess.Process:
        """Start a command of `fototui`.

        Args:
            arguments: Its arguments.
            variables: Variables of this process alone.
        """
        number = len(list(self._folder.glob("*.log")))
        with (self._folder / f"{number:04}-{arguments[0]}.log").open("wb") as log:
            process = await asyncio.create_subprocess_exec(
                *(sys.executable, "-m", "fototui", *arguments),
                env={**self.environment, **variables},
                cwd=self._folder,
                stdin=asyncio.subprocess.DEVNULL,
                stdout=log,
                stderr=log,
            )
        self.running.append(process)
        return process

    def victim(self) -> asyncio.subprocess.Process:
        """One of those that run, by chance."""
        return self._chance.choice(self.running)

    async def kill(self, process: asyncio.subprocess.Process) -> None:
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
