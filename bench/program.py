"""The program as its users run it: its path, and settings for a database of the bench."""

from __future__ import annotations

import asyncio
import os
import sys
from contextlib import suppress
from pathlib import Path

from fototui.net.asgi import bind

FOTOTUI = Path(sys.executable).with_name("fototui")
SCREEN = {"COLUMNS": "120", "LINES": "36", "TERM": "xterm-256color", "LANG": "C.UTF-8"}


def environment(url: str, folder: Path, **more: str) -> dict[str, str]:
    """All that the program needs, and nothing of who runs the bench.

    Args:
        url: Of the database.
        folder: For files, and as a home.
        more: Further variables.
    """
    return {
        "HOME": str(folder),
        "XDG_CONFIG_HOME": str(folder),
        "PATH": os.environ["PATH"],
        **SCREEN,
        "DATABASE_URL": url,
        "STORAGE_PATH": str(folder),
        "VECTORIZER_API_KEY": "key",
        "VECTORIZER_API_SECRET": "secret",
        "RUNPOD_API_KEY": "key",
        "RUNPOD_ENDPOINT_ID": "endpoint",
        "UI_PICTURES": "halfcell",
        **more,
    }


def free_port() -> int:
    """A port that nobody listens on."""
    with bind() as sock:
        port: int = sock.getsockname()[1]
        return port


async def until_listening(port: int) -> None:
    """Wait until somebody takes connections on a port of this machine.

    Raises:
        TimeoutError: Nobody does for a minute.
    """
    async with asyncio.timeout(60):
        while True:
            with suppress(OSError):
                _, writer = await asyncio.open_connection("127.0.0.1", port)
                writer.close()
                return
            await asyncio.sleep(0.05)
