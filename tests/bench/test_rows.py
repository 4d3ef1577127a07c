"""How rows are read off what was measured: the table is only as true as this."""

from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import replace
from itertools import count

import pytest

from bench.__main__ import parts
from bench.rows import Figures, Measured, Part, Row, Way, judge, measure

pytestmark = pytest.mark.quick

ROW = Row(
    "row",
    figure="jobs/s",
    unit="jobs/s",
    more=True,
    ours="ours",
    peers=("a", "b"),
    floor="floor",
    why="for a reason",
)
AHEAD = replace(ROW, ahead=True)


def measured(**runs: Sequence[float]) -> Measured:
    return Measured({way: [{"jobs/s": value} for value in values] for way, values in runs.items()})


def test_medians_decide_and_the_range_is_told() -> None:
    found = judge(AHEAD, measured(ours=[9, 30, 20], a=[10], b=[19, 1, 90], floor=[40]))

    assert (found.ours, found.range, found.peers) == (20, (9, 30), {"a": 10, "b": 19})
    assert (found.ratio_to_best_peer, found.ratio_to_floor, found.met) == (1.05, 0.5, True)


@pytest.mark.parametrize(
    ("row", "met"),
    [
        (replace(ROW, to_floor=0.5), True),
        (replace(ROW, to_floor=0.6), False),
        (replace(ROW, to_floor=0.5, more=False), True),
        (replace(ROW, to_floor=0.4, more=False), False),
        (replace(ROW, limit=20), True),
        (replace(ROW, limit=21), False),
        (replace(ROW, limit=19, more=False), False),
        (replace(ROW, over_floor=1), True),
        (replace(ROW, limit=20, to_floor=0.6), False),
        (replace(ROW, ahead=True), False),
    ],
)
def test_all_that_a_row_is_to_reach_must_be_so(row: Row, met: bool) -> None:
    found = judge(row, measured(ours=[20], a=[5], b=[20], floor=[40]))

    assert found.met is met
    assert found.reason == ("" if met else "for a reason")


def test_ahead_of_others_is_not_known_where_one_is_missing() -> None:
    assert judge(AHEAD, measured(ours=[20], a=[10])).met is None
    assert judge(AHEAD, measured(ours=[20], a=[30])).met is False


def test_what_was_not_measured_says_why() -> None:
    found = judge(
        replace(ROW, limit=1), Measured(skipped={"ours": "no room", "a": "not installed"})
    )

    assert (found.ours, found.met, found.reason) == (None, None, "no room")
    assert found.skipped == {"a": "not installed"}


async def test_ways_take_turns_and_one_that_fails_stops_none() -> None:
    calls = count()
    turns: list[str] = []

    async def ours() -> Figures:
        return {"jobs/s": next(calls)}

    async def fails() -> Figures:
        raise OSError("not installed")

    @asynccontextmanager
    async def opened() -> AsyncIterator[Mapping[str, Way]]:
        yield {"ours": ours, "a": fails, "b": ours}

    found = Measured()
    part = Part("part", opened, rows=(replace(ROW, floor=None),), turns=3)
    await measure(part, 1, lambda way, _figures: turns.append(way), into=found)

    assert turns == ["ours", "b", "b", "ours", "ours", "b"]
    assert found.values("ours", "jobs/s") == [0, 3, 4]
    assert found.skipped == {"a": "not installed"}


async def test_a_row_of_a_way_that_there_is_not_is_a_mistake() -> None:
    @asynccontextmanager
    async def opened() -> AsyncIterator[Mapping[str, Way]]:
        yield {}

    with pytest.raises(LookupError, match="no such ways: a, b, floor, ours"):
        await measure(Part("part", opened, rows=(ROW,)), 1, lambda *_: None, into=Measured())


def test_each_row_has_a_name_of_its_own_and_something_to_reach() -> None:
    every = parts(finished=10, orders=10)
    rows = [row for part in every for row in part.rows]

    assert len({part.name for part in every}) == len(every)
    assert len({row.name for row in rows}) == len(rows)
    assert all(row.target for row in rows)
