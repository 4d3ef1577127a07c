"""An engine that systemd started tells how it is."""

from __future__ import annotations

import asyncio
import os
import signal
import sys
from pathlib import Path

from tests.systemd import listening
from tests.waiting import PATIENCE


async def test_an_engine_tells_that_it_is_ready_lives_and_stops(
    tmp_path: Path, database_url: str
) -> None:
    with listening(tmp_path / "notify") as systemd:
        process = await asyncio.create_subprocess_exec(
            *(sys.executable, "-m", "fototui", "engine", "--lanes", "download"),
            env={
                "PATH": os.environ["PATH"],
                "HOME": str(tmp_path),
                "DATABASE_URL": database_url,
                "STORAGE_PATH": str(tmp_path / "files"),
                "NOTIFY_SOCKET": str(systemd.path),
                "WATCHDOG_USEC": "200000",
            },
            cwd=tmp_path,
            stdout=asyncio.subprocess.DEVNULL,
            stderr=asyncio.subprocess.PIPE,
        )
        assert process.stderr is not None
        try:
            await systemd.hear("READY=1")
            systemd.told.clear()
            await systemd.hear("WATCHDOG=1")
            process.send_signal(signal.SIGTERM)
            await systemd.hear("STOPPING=1")
            said = await asyncio.wait_for(process.stderr.read(), PATIENCE)
            assert await process.wait() == 0, said.decode()
            assert b"Traceback" not in said
        finally:
            if process.returncode is None:
                process.kill()
                await process.wait()
