"""An engine that systemd started tells how it is."""

from __future__ import annotations

import signal
from pathlib import Path

from tests.systemd import ends_well, listening, started


async def test_an_engine_tells_that_it_is_ready_lives_and_stops(
    tmp_path: Path, database_url: str
) -> None:
    engine = ("engine", "--lanes", "download")
    with listening(tmp_path / "notify") as systemd:
        async with started(systemd, tmp_path, database_url, *engine) as process:
            await systemd.hear("READY=1")
            systemd.told.clear()
            await systemd.hear("WATCHDOG=1")
            process.send_signal(signal.SIGTERM)
            await systemd.hear("STOPPING=1")
            await ends_well(process)
