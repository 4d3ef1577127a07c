"""From an empty home and an empty database to a generated colouring, without leaving the app."""

import asyncio
import json
import os
import shutil
import sys
import tomllib
from collections.abc import AsyncIterator, Mapping
from pathlib import Path

import pytest

from tests.e2e.test_terminal import Terminal, home, terminal
from tests.waiting import in_time

__all__ = ["home"]
pytestmark = pytest.mark.skipif(
    shutil.which("tmux") is None, reason="tmux is not installed, and it plays the terminal"
)


@pytest.fixture
async def sandbox(home: Path) -> AsyncIterator[Mapping[str, str]]:
    """The outside services; their addresses and keys."""
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "fototui", "sandbox", "--port", "0", "--seconds", "0"),
        *("--orders", "1"),
        env={"PATH": os.environ["PATH"], "HOME": str(home)},
        cwd=home,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.DEVNULL,
    )
    assert process.stdout is not None
    try:
        async with in_time():
            yield json.loads(await process.stdout.readline())
    finally:
        process.terminate()
        await process.wait()


async def _fill(operator: Terminal, *values: str) -> None:
    """Fill in a step's fields, one after the other, and go on; all in one breath."""
    for number, value in enumerate(values):
        if number:
            await operator.press("Tab")
        await operator.press("-l", value)
    await operator.press("C-t")


async def test_from_nothing_to_a_colouring(
    home: Path, sandbox: Mapping[str, str], empty_database_url: str
) -> None:
    # A photo server on this machine is trusted by name only.
    trusted = f"PHOTO_TRUSTED_HOSTS={sandbox['PHOTO_TRUSTED_HOSTS']}"
    command = f"{trusted} {sys.executable} -m fototui --lang en"
    async with terminal(home, command, size=(80, 24)) as operator:
        await operator.shows("What would you like?")
        await operator.press("c")
        await operator.shows("▸ Database", "Check and go on")
        await _fill(operator, empty_database_url)
        await operator.shows("no tables of fototui yet")
        await operator.press("Enter")  # on "Make the tables now"
        await operator.shows("✓ Database", "▸ Storage")
        await _fill(operator, str(home / "files"))
        await operator.shows("✓ Storage", "▸ RunPod")
        runpod = (sandbox[f"RUNPOD_{name}"] for name in ("API_KEY", "ENDPOINT_ID", "API_URL"))
        await _fill(operator, *runpod)  # what is typed takes the place of RunPod's own address
        await operator.shows("✓ RunPod", "▸ Vectorizer.ai")
        await operator.press("C-n")
        await operator.shows("▸ Shopify")
        await _fill(operator, sandbox["SHOPIFY_STORE_URL"], sandbox["SHOPIFY_ACCESS_TOKEN"])
        await operator.shows("✓ Shopify", "▸ Hub")
        await operator.press("C-n")
        # The heading is gone as soon as the button at the end has been scrolled to.
        await operator.shows("Vectorizer.ai: left out", "Hub: left out", "Save and open")
        await operator.press("Enter")
        await operator.shows("● db", "1 Orders", "Not done 0")
        # The shop's order is fetched, opened, and its first photo coloured.
        await operator.press("f")
        await operator.shows("▸  #1001")
        await operator.press("Enter")
        # The order's stage may be told a moment before its photo, which then is drawn.
        await operator.shows("No colouring yet", "To colour 1", "▀")
        await operator.press("g")
        await operator.gets_a_version()
        await operator.leaves()
    written = tomllib.loads((home / ".config/fototui/config.toml").read_text())
    assert written["shopify_access_token"] == sandbox["SHOPIFY_ACCESS_TOKEN"]
    assert "mercure_url" not in written
