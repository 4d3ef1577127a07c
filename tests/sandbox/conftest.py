import contextlib
import os
import shutil
import tempfile
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from pathlib import Path
from typing import TypeAlias

import httpx
import psutil
import pytest
from starlette.types import ASGIApp

from fototui.net.asgi import serving
from tests.waiting import PATIENCE

Serve: TypeAlias = Callable[[ASGIApp], Awaitable[httpx.AsyncClient]]


MEMORY = Path("/dev/shm")


@pytest.fixture
def open_folder() -> Iterator[Path]:
    """A temporary folder that other users may pass through (pytest's own are closed to them).

    It is in memory where there is enough, which makes new databases three times faster.
    """
    roomy = MEMORY.exists() and shutil.disk_usage(MEMORY).free > 2**30
    with tempfile.TemporaryDirectory(
        prefix="fototui test ", dir=MEMORY if roomy else None
    ) as folder:
        os.chmod(folder, 0o711)
        yield Path(folder)


@pytest.fixture
async def serve() -> AsyncIterator[Serve]:
    """Serve an app over HTTP until the test ends, and make a client for it."""
    async with contextlib.AsyncExitStack() as stack:

        async def start(app: ASGIApp) -> httpx.AsyncClient:
            url = await stack.enter_async_context(serving(app))
            return await stack.enter_async_context(
                httpx.AsyncClient(base_url=url, timeout=PATIENCE)
            )

        yield start


@pytest.fixture
def processes_on() -> Callable[[Path], list[str]]:
    """Command lines of the living processes that were started for a folder."""

    def find(folder: Path) -> list[str]:
        found = []
        for process in psutil.process_iter(["cmdline", "status"]):
            line = " ".join(process.info["cmdline"] or [])
            if str(folder) in line and process.info["status"] != psutil.STATUS_ZOMBIE:
                found.append(line)
        return found

    return find
