"""What the engine's smallest deeds cost: microseconds of processor time each, in this process.

    python -m bench.hot

Prints JSON. Figures of before and after are kept in `docs/PERFORMANCE.md`.
"""

import json
import os
import statistics
import time
from collections.abc import Callable

from fototui.log import bind_job, configure_logging, get_logger

ROUNDS = 5

log = get_logger("fototui.bench")


def _microseconds(act: Callable[[], object], times: int) -> float:
    act()
    rounds = []
    for _ in range(ROUNDS):
        began = time.process_time()
        for _ in range(times):
            act()
        rounds.append((time.process_time() - began) / times * 1e6)
    return round(statistics.median(rounds), 2)


def _bind() -> None:
    with bind_job(order="#1270", image=7, version=3, engine="0195c3d2"):
        pass


def log_lines() -> dict[str, float]:
    """A line that is written, one that nobody reads, and naming the job that lines are about."""
    costs = {}
    with (
        open(os.devnull, "w") as nowhere,
        bind_job(order="#1270", image=7, version=3, engine="0195c3d2"),
    ):
        configure_logging("INFO", stream=nowhere)
        costs["a line"] = _microseconds(lambda: log.info("job begun", status="queued"), 5_000)
        costs["a line below the level"] = _microseconds(
            lambda: log.debug("step done", left="queued", reached="processing"), 50_000
        )
        configure_logging("WARNING")
    costs["naming the job"] = _microseconds(_bind, 50_000)
    return costs


if __name__ == "__main__":
    print(json.dumps({"microseconds": log_lines()}))
