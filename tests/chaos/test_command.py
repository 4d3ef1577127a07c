"""The short form of `make chaos`: an audit after each scenario finds nothing amiss."""

import asyncio
import json
import sys

import pytest

from chaos.__main__ import main

# What no other test of the suite does: an audit of everything after a kill -9, actions that are cut
# off at each round trip, a server that is killed while webhooks come. What all other scenarios find
# at length, other tests here find with less (`docs/RELIABILITY.md` names them).
SHORT = ("kills", "actions", "webhooks")


@pytest.mark.timeout(600)  # beside busy loops
async def test_nothing_is_lost() -> None:
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "chaos", "--short", "--only", ",".join(SHORT)),
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE,
    )
    output, told = await process.communicate()
    assert output, told.decode()
    report = json.loads(output.decode().splitlines()[-1])
    assert report["ok"], told.decode()
    assert report["scenarios"].keys() == set(SHORT)
    assert all(found["jobs"] > 0 for found in report["scenarios"].values())
    assert process.returncode == 0


def test_an_unknown_scenario_is_refused(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(sys, "argv", ["chaos", "--only", "nothing"])
    with pytest.raises(SystemExit) as ended:
        main()
    assert ended.value.code == 2
    assert "no scenario nothing" in capsys.readouterr().err
