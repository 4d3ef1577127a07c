"""`python -m chaos`: run the scenarios; what happens goes to stderr, the report to stdout."""

from __future__ import annotations

import argparse
import asyncio
import json
import logging
import shutil
import sys
import tempfile
import time
from dataclasses import replace
from pathlib import Path
from statistics import median

import fototui
from chaos.audit import Audit, audit
from chaos.opening import open_world
from chaos.scenarios import SCENARIOS
from chaos.world import LEASE, Waited, World
from fototui.db.database import Database
from fototui.db.schema import migrate
from fototui.log import configure_logging
from fototui.sandbox.postgres.server import EmbeddedPostgres

_TEMPLATE = "template_chaos"
# Seconds after which a scenario is given up.
_LONGEST, _LONGEST_SHORT = 400, 200
_SUMMED = (
    "jobs",
    "lost",
    "stuck",
    "wrong_files",
    "double_submissions",
    "unexplained_double_submissions",
    "innocents_failed",
    "takeovers",
    "asked_twice",
)


def say(line: str) -> None:
    """Tell whoever watches."""
    print(line, file=sys.stderr, flush=True)


async def run_scenario(name: str, world: World) -> Audit:
    """Run one scenario to its end, and look at what it left."""
    stuck, fault = False, ""
    limit = world.size(_LONGEST, _LONGEST_SHORT)
    try:
        async with asyncio.timeout(limit):
            await SCENARIOS[name](world)
            await world.settle()
    except TimeoutError:
        stuck, fault = True, f"it did not end within {limit} s"
    except Waited as error:
        stuck, fault = True, str(error)
    except AssertionError as error:
        fault = str(error)
    except Exception as error:  # the others are run all the same
        logging.getLogger(__name__).exception("the scenario %s failed", name)
        fault = f"the scenario failed: {type(error).__name__}: {error}"
    await world.processes.kill_all()
    found = await audit(world, stuck=stuck)
    return replace(found, faults=[*found.faults, fault]) if fault else found


async def run(names: list[str], *, seed: int, short: bool, keep: bool) -> dict[str, object]:
    """Run scenarios one after the other.

    Args:
        names: Which.
        seed: Of chance.
        short: The form for the test suite.
        keep: Leave the folder with all logs.

    Returns:
        The report.
    """
    folder = Path(tempfile.mkdtemp(prefix="fototui-chaos-"))
    folder.chmod(0o711)  # root's PostgreSQL runs as another user, who must pass through
    scenarios: dict[str, dict[str, object]] = {}
    program = _program()
    recoveries: list[float] = []
    async with EmbeddedPostgres(folder / "postgres", durable=True) as postgres:
        await postgres.create_database(_TEMPLATE)
        async with Database(postgres.url(_TEMPLATE)) as database:
            await migrate.upgrade(database.engine)
        for name in names:
            place = folder / name
            place.mkdir()
            began = time.monotonic()
            async with open_world(postgres, _TEMPLATE, place, seed=seed, short=short) as world:
                found = await run_scenario(name, world)
            if program != _program():
                # Its processes are started all the time: some ran with the one, some the other.
                found = replace(found, faults=[*found.faults, "the program was changed meanwhile"])
            recoveries += world.recovery_seconds
            seconds = round(time.monotonic() - began, 1)
            scenarios[name] = found.as_dict() | {"seconds": seconds} | world.particulars()
            say(f"{name}: {'ok' if found.ok else 'NOT ok'} in {seconds} s, {found.jobs} jobs")
            for fault in found.faults[:10]:
                say(f"  {fault}")
    if keep or not all(each["ok"] for each in scenarios.values()):
        say(f"logs are kept in {folder}")
    else:
        await asyncio.to_thread(shutil.rmtree, folder, ignore_errors=True)
    return _report(scenarios, recoveries)


def _program() -> dict[Path, int]:
    """When each file of the program was written last."""
    root = Path(fototui.__file__).parent
    return {file: file.stat().st_mtime_ns for file in root.rglob("*.py")}


def _report(scenarios: dict[str, dict[str, object]], recoveries: list[float]) -> dict[str, object]:
    totals = {key: sum(int(str(each[key])) for each in scenarios.values()) for key in _SUMMED}
    return {
        **totals,
        "recovery_seconds_p50": round(median(recoveries), 2) if recoveries else 0.0,
        "recovery_seconds_max": round(max(recoveries), 2) if recoveries else 0.0,
        "lease_seconds": LEASE,
        "scenarios": scenarios,
        "ok": all(each["ok"] for each in scenarios.values()),
    }


def main() -> int:
    """Read the arguments, run, report; 1 where something is not as it must be."""
    parser = argparse.ArgumentParser(prog="python -m chaos", description=__doc__)
    parser.add_argument("--seed", type=int, default=1, help="of chance (1)")
    parser.add_argument("--only", default="", help="scenarios with commas between: kills,hub")
    parser.add_argument("--short", action="store_true", help="the form of under two minutes")
    parser.add_argument("--keep", action="store_true", help="keep all logs")
    given = parser.parse_args()
    names = [name for name in given.only.split(",") if name] or list(SCENARIOS)
    if unknown := set(names) - SCENARIOS.keys():
        parser.error(f"no scenario {', '.join(sorted(unknown))}; there are {', '.join(SCENARIOS)}")
    configure_logging("WARNING")
    # The imitated services are hung up on all the time; their server finds that worth a traceback.
    logging.getLogger("uvicorn.error").setLevel(logging.CRITICAL)
    report = asyncio.run(run(names, seed=given.seed, short=given.short, keep=given.keep))
    print(json.dumps(report))
    return 0 if report["ok"] else 1


if __name__ == "__main__":
    sys.exit(main())
