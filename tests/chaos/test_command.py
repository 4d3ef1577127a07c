"""The short form of `make chaos`: an audit after each scenario finds nothing amiss."""

import asyncio
import json
import sys

import pytest

# One of each kind; all of them take minutes, and `make chaos` is for that.
SHORT = ["kills", "database", "services,webhooks"]


@pytest.mark.timeout(300)
@pytest.mark.parametrize("names", SHORT)
async def test_nothing_is_lost(names: str) -> None:
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "chaos", "--short", "--only", names),
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE,
    )
    output, told = await process.communicate()
    assert output, told.decode()
    report = json.loads(output.decode().splitlines()[-1])
    assert report["ok"], told.decode()
    assert report["jobs"] > 0
    assert process.returncode == 0


async def test_an_unknown_scenario_is_refused() -> None:
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "chaos", "--only", "nothing"),
        stdout=asyncio.subprocess.DEVNULL,
        stderr=asyncio.subprocess.PIPE,
    )
    _, told = await process.communicate()
    assert process.returncode == 2
    assert b"no scenario nothing" in told
