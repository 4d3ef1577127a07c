"""The short form of `make chaos`: an audit after each scenario finds nothing amiss."""

import asyncio
import json
import sys
from collections.abc import Sequence

import pytest

from chaos.scenarios import SCENARIOS

# Each scenario once. They wait more than they work, so four processes run them side by side; the
# pieces take about as long as each other.
PIECES = [
    ("kills", "freezes", "poison"),
    ("signals", "clocks", "lines"),
    ("database", "storage", "actions", "two_operators"),
    ("hub", "services", "webhooks"),
]


def test_each_scenario_is_in_one_piece() -> None:
    assert sorted(name for piece in PIECES for name in piece) == sorted(SCENARIOS)


@pytest.mark.timeout(600)  # beside busy loops
@pytest.mark.parametrize("piece", PIECES, ids=",".join)
async def test_nothing_is_lost(piece: Sequence[str]) -> None:
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "chaos", "--short", "--only", ",".join(piece)),
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE,
    )
    output, told = await process.communicate()
    assert output, told.decode()
    report = json.loads(output.decode().splitlines()[-1])
    assert report["ok"], told.decode()
    assert report["scenarios"].keys() == set(piece)
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
