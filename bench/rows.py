"""What is measured, and what it is to reach.

A part opens what its ways need and measures them in turns; a row reads one figure of several ways:
this program's, those of others, and that of the floor, which nothing that does the same goes below.
"""

from __future__ import annotations

import statistics
import traceback
from collections.abc import Awaitable, Callable, Mapping, Sequence
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass, field

Figures = Mapping[str, float]
"""What one run of a way came to, by the figures' names."""

Way = Callable[[], Awaitable[Figures]]


@dataclass(frozen=True)
class Row:
    """One line of the table. What it is to reach holds of medians, and all of it must be so.

    Args:
        name: What is measured.
        figure: Which figure of the ways.
        ours: The way of this program.
        unit: Of the figure.
        more: More of it is better.
        peers: Ways of others.
        floor: What it stands on, or what it is compared with.
        ahead: Better than each of the peers.
        to_floor: Ours divided by the floor: at least this where more is better, else at most.
        over_floor: At most so much more than the floor.
        limit: At least this where more is better, else at most.
        cpu: The figure that tells its processor time.
        why: The reason, where it is known not to be reached.
    """

    name: str
    figure: str
    ours: str
    unit: str
    more: bool = False
    peers: tuple[str, ...] = ()
    floor: str | None = None
    ahead: bool = False
    to_floor: float | None = None
    over_floor: float | None = None
    limit: float | None = None
    cpu: str | None = None
    why: str = ""

    @property
    def ways(self) -> tuple[str, ...]:
        """The ways that it is read off."""
        return (self.ours, *self.peers, *([] if self.floor is None else [self.floor]))

    @property
    def target(self) -> str:
        """What is to be reached, in words."""
        sign = "≥" if self.more else "≤"
        words = ["ahead of the others"] if self.ahead else []
        if self.to_floor is not None:
            words.append(f"{sign} {self.to_floor:g} × {self.floor}")
        if self.over_floor is not None:
            words.append(f"≤ {self.over_floor:g} {self.unit} over {self.floor}")
        if self.limit is not None:
            words.append(f"{sign} {self.limit:g} {self.unit}")
        return ", ".join(words)


@dataclass(frozen=True)
class Part:
    """Ways that are measured in turns.

    Args:
        name: By which it is asked for.
        opened: Opens what the ways need, gives them by name, and closes it.
        rows: What is read off.
        turns: Of each way in a round: more where one run is short.
    """

    name: str
    opened: Callable[[], AbstractAsyncContextManager[Mapping[str, Way]]]
    rows: Sequence[Row]
    turns: int = 1


@dataclass
class Measured:
    """What a part came to.

    Args:
        runs: The runs of each way.
        skipped: Why a way was not measured.
    """

    runs: dict[str, list[Figures]] = field(default_factory=dict)
    skipped: dict[str, str] = field(default_factory=dict)

    def median(self, way: str, figure: str) -> float | None:
        """A figure's median over the rounds; None where it was not measured."""
        values = self.values(way, figure)
        return statistics.median(values) if values else None

    def values(self, way: str, figure: str) -> list[float]:
        """A figure of each round."""
        return [run[figure] for run in self.runs.get(way, ()) if figure in run]


async def measure(
    part: Part, rounds: int, tell: Callable[[str, Figures], None], *, into: Measured
) -> None:
    """Let the ways take turns, every other time from the last to the first.

    A way that fails is left out from then on; the others go on.

    Args:
        part: What is measured.
        rounds: How often.
        tell: Told of each run.
        into: Gets the figures, also where it breaks off.

    Raises:
        LookupError: A row is read off a way that there is not.
    """
    async with part.opened() as ways:
        names = list(ways)
        if unknown := {way for row in part.rows for way in row.ways} - ways.keys():
            raise LookupError(f"no such ways: {', '.join(sorted(unknown))}")
        for number in range(rounds * part.turns):
            for name in names if number % 2 == 0 else reversed(names):
                if name in into.skipped:
                    continue
                try:
                    figures = await ways[name]()
                except Exception as error:  # noqa: BLE001 - a row must not hide the others
                    traceback.print_exc()
                    into.skipped[name] = str(error)
                else:
                    into.runs.setdefault(name, []).append(figures)
                    tell(name, figures)


@dataclass(frozen=True)
class Verdict:
    """What a row came to; None is what is not known.

    Args:
        name: The row's.
        unit: Of ours, peers and floor.
        ours: The median.
        range: The least and the most of ours.
        peers: Medians.
        floor: The median.
        ratio_to_best_peer: Ours divided by the best of them.
        ratio_to_floor: Ours divided by it.
        target: What is to be reached.
        met: Whether it is.
        cpu: Processor time of each way.
        skipped: Peers that were not measured, and why.
        reason: Why it is not met, or not known.
    """

    name: str
    unit: str
    ours: float | None
    range: tuple[float, float] | None
    peers: Mapping[str, float]
    floor: float | None
    ratio_to_best_peer: float | None
    ratio_to_floor: float | None
    target: str
    met: bool | None
    cpu: Mapping[str, float]
    skipped: Mapping[str, str]
    reason: str


def judge(row: Row, measured: Measured) -> Verdict:
    """Read a row off what its part came to.

    Args:
        row: The row.
        measured: What its part came to.
    """

    def medians(ways: Sequence[str], figure: str) -> dict[str, float]:
        found = ((way, measured.median(way, figure)) for way in ways)
        return {way: value for way, value in found if value is not None}

    ours = measured.median(row.ours, row.figure)
    peers = medians(row.peers, row.figure)
    best = (max if row.more else min)(peers.values(), default=None)
    floor = measured.median(row.floor, row.figure) if row.floor else None
    met = (
        None
        if ours is None
        else _is_met(row, ours, best, floor, all_peers=len(peers) == len(row.peers))
    )
    values = measured.values(row.ours, row.figure)
    reason = measured.skipped.get(row.ours, "it broke off") if ours is None else row.why
    return Verdict(
        name=row.name,
        unit=row.unit,
        ours=None if ours is None else _short(ours),
        range=(_short(min(values)), _short(max(values))) if values else None,
        peers={way: _short(value) for way, value in peers.items()},
        floor=None if floor is None else _short(floor),
        ratio_to_best_peer=_ratio(ours, best),
        ratio_to_floor=_ratio(ours, floor),
        target=row.target,
        met=met,
        cpu={w: _short(v) for w, v in medians(row.ways, row.cpu).items()} if row.cpu else {},
        skipped={way: why for way, why in measured.skipped.items() if way in row.peers},
        reason="" if met else reason,
    )


def _is_met(
    row: Row, ours: float, best: float | None, floor: float | None, *, all_peers: bool
) -> bool | None:
    """None where a part of the answer could not be measured, and the rest is as it should be."""
    sign = 1 if row.more else -1
    answers: list[bool | None] = []
    if row.ahead:
        is_ahead = best is None or (ours - best) * sign > 0
        answers.append(None if is_ahead and not all_peers else is_ahead)
    if row.to_floor is not None:
        answers.append(None if floor is None else (ours - row.to_floor * floor) * sign >= 0)
    if row.over_floor is not None:
        answers.append(None if floor is None else ours - floor <= row.over_floor)
    if row.limit is not None:
        answers.append((ours - row.limit) * sign >= 0)
    if False in answers:
        return False
    return None if None in answers else True


def _ratio(ours: float | None, other: float | None) -> float | None:
    return round(ours / other, 2) if ours is not None and other else None


def _short(value: float) -> float:
    """Three figures are all that a busy machine tells."""
    return float(f"{value:.3g}") if abs(value) < 1000 else round(value)
