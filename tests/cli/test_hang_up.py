"""What becomes of a command whose terminal is closed."""

from __future__ import annotations

import os
import pty
import signal
from pathlib import Path

from tests.systemd import ends_well, listening, started


async def test_a_server_ends_with_its_terminal(tmp_path: Path, database_url: str) -> None:
    serve = ("serve", "--port", "0", "--lanes", "download")
    outer, inner = pty.openpty()
    with listening(tmp_path / "notify") as systemd:
        async with started(systemd, tmp_path, database_url, *serve, stdin=inner) as process:
            os.close(inner)
            await systemd.hear("READY=1")
            process.send_signal(signal.SIGHUP)  # it is there still: the settings are read again
            await systemd.hear("RELOADING=1")
            os.close(outer)
            process.send_signal(signal.SIGHUP)
            await systemd.hear("STOPPING=1")
            assert b"the terminal is gone" in await ends_well(process)


async def test_an_engine_under_nohup_goes_on_without_its_terminal(
    tmp_path: Path, database_url: str
) -> None:
    before = signal.signal(signal.SIGHUP, signal.SIG_IGN)
    try:
        with listening(tmp_path / "notify") as systemd:
            engine = ("engine", "--lanes", "download")
            async with started(systemd, tmp_path, database_url, *engine) as process:
                await systemd.hear("READY=1")
                process.send_signal(signal.SIGHUP)
                for _ in range(3):
                    systemd.told.clear()
                    await systemd.hear("WATCHDOG=1")
                assert "STOPPING=1" not in systemd.told
                process.send_signal(signal.SIGTERM)
                await ends_well(process)
    finally:
        signal.signal(signal.SIGHUP, before)
