"""The program beside others, and beside what it stands on.

    python -m bench [--rounds N] [--only NAME …]

Tables go to standard error; the last line on standard output is one JSON object.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import sys
import time
import traceback
from collections.abc import Mapping, Sequence
from dataclasses import asdict

from bench import (
    badge,
    claims,
    http_api,
    idle,
    importing,
    jobs,
    latency,
    many,
    picture,
    scaling,
    start,
    storm,
)
from bench.rows import Figures, Measured, Part, Verdict, judge, measure
from fototui.log import configure_logging

ROUNDS = 3


def parts(finished: int, orders: int) -> Sequence[Part]:
    """All parts, in the order of the table."""
    return (
        jobs.PART,
        latency.PART,
        claims.part(finished),
        scaling.PART,
        start.PART,
        http_api.PART,
        idle.PART,
        many.part(orders),
        storm.PART,
        badge.PART,
        importing.PART,
        picture.PART,
    )


def say(text: str) -> None:
    print(text, file=sys.stderr, flush=True)


def tell(way: str, figures: Figures) -> None:
    """One run, as soon as it is known."""
    say(f"  {way:32} " + "  ".join(f"{name} {value:.4g}" for name, value in figures.items()))


async def run(part: Part, rounds: int) -> list[Verdict]:
    """Measure a part; what breaks off is told, and the rest goes on."""
    say(f"\n{part.name}")
    began, measured = time.monotonic(), Measured()
    try:
        await measure(part, rounds, tell, into=measured)
    except Exception:  # noqa: BLE001 - a part that cannot be measured must not hide the others
        say(traceback.format_exc())
    say(f"  {time.monotonic() - began:.0f} s")
    return [judge(row, measured) for row in part.rows]


def table(verdicts: Sequence[Verdict]) -> str:
    """Rows as they are told at the end."""
    lines = []
    for verdict in verdicts:
        found = [f"{verdict.ours} {verdict.unit}"]
        if verdict.range:
            found.append("from {} to {}".format(*verdict.range))
        found += [f"{name} {value}" for name, value in verdict.peers.items()]
        if verdict.ratio_to_best_peer is not None:
            found.append(f"× {verdict.ratio_to_best_peer} of the best")
        if verdict.floor is not None:
            found.append(f"floor {verdict.floor} (× {verdict.ratio_to_floor})")
        met = {True: "met", False: "NOT MET", None: "NOT KNOWN"}[verdict.met]
        lines += [f"\n{verdict.name}", f"    {', '.join(found)}"]
        if verdict.cpu:
            lines.append("    processor time: " + _listed(verdict.cpu))
        if verdict.skipped:
            lines.append("    skipped: " + _listed(verdict.skipped))
        lines.append(f"    {verdict.target}: {met}")
        if verdict.reason:
            lines.append(f"    {verdict.reason}")
    return "\n".join(lines)


def _listed(values: Mapping[str, object]) -> str:
    return ", ".join(f"{name} {value}" for name, value in values.items())


async def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m bench")
    parser.add_argument("--rounds", type=int, default=ROUNDS)
    names = [part.name for part in parts(claims.MANY, many.ORDERS)]
    parser.add_argument("--only", nargs="+", choices=names, default=names)
    parser.add_argument("--finished", type=int, default=claims.MANY, help="versions, for claims")
    parser.add_argument("--orders", type=int, default=many.ORDERS, help="for many")
    chosen = parser.parse_args()
    verdicts: list[Verdict] = []
    for part in parts(chosen.finished, chosen.orders):
        if part.name in chosen.only:
            verdicts += await run(part, chosen.rounds)
    say(table(verdicts))
    met = sum(verdict.met is True for verdict in verdicts)
    say(f"\n{met} of {len(verdicts)} are met")
    rows = [asdict(verdict) for verdict in verdicts]
    print(json.dumps({"rows": rows, "met": met, "of": len(rows)}, ensure_ascii=False))


if __name__ == "__main__":
    configure_logging("WARNING")
    asyncio.run(main())
