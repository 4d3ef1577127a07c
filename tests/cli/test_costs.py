"""`fototui costs`."""

import asyncio
import csv
import io
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from datetime import UTC, datetime
from decimal import Decimal

import pytest

from fototui.db.database import Database
from fototui.db.events.session import TrackedAsyncSession
from tests.cli.conftest import Command
from tests.factories import make_call, make_order

PRICES = {
    "RUNPOD_PRICE_PER_SECOND": "0.01",
    "VECTORIZER_PRICE_PER_CREDIT": "0.2",
    "CURRENCY": "EUR",
}


@pytest.fixture
def paid(database_url: str) -> Callable[[], str]:
    """Two orders that were paid for; gives the second's number."""

    options = {"megapixels": 2.0, "steps": 6}
    made = {"options": options, "requested_by": "eva"}
    failed = {"options": options, "outcome": "failed", "wasted": True}
    shapes = {"shape_stacking": "stacked", "group_by": "none"}

    async def work() -> str:
        async with open_database() as session, session.begin():
            first, second = await make_order(session), await make_order(session)
            one, two = [datetime(2026, 5, day, 12, tzinfo=UTC) for day in (1, 2)]
            session.add_all(
                [
                    make_call(first, began_at=one, execution_ms=1500, **made),
                    make_call(first, began_at=one, execution_ms=500, **failed),
                    make_call(second, began_at=two, kind="svg", credits=Decimal(1), options=shapes),
                ]
            )
            return second.order_number

    @asynccontextmanager
    async def open_database() -> AsyncIterator[TrackedAsyncSession]:
        async with Database(database_url) as database, database.session() as session:
            yield session

    return lambda: asyncio.run(work())


def test_without_prices_seconds_and_credits_are_told(
    fototui: Command, paid: Callable[[], str]
) -> None:
    paid()
    result = fototui("costs")
    assert result.code == 0
    head, first, second = result.out.splitlines()
    assert head.split() == ["Day", "Versions", "Calls", "Seconds", "Credits", "Cost", "Wasted"]
    assert first.split() == ["2026-05-01", "1", "2", "2", "0", "0.5", "s", "of", "RunPod"]
    assert second.split() == ["2026-05-02", "1", "1", "0", "1"]


def test_with_prices_money_is_told(fototui: Command, paid: Callable[[], str]) -> None:
    paid()
    lines = fototui("costs", "--by", "month", **PRICES).out.splitlines()
    words = " ".join(lines[1].split())
    assert words == "2026-05 2 3 2 1 0.22 EUR less than 0.01 EUR"


def test_json_and_csv_tell_the_same(fototui: Command, paid: Callable[[], str]) -> None:
    number = paid()
    told = fototui("costs", "--by", "order", "--json", **PRICES)
    assert told.code == 0
    assert told.json[0] == {
        "order": number,
        "versions": 1,
        "chosen": 0,
        "calls": 1,
        "seconds": 0.0,
        "delay_seconds": 0.0,
        "credits": 1.0,
        "cost": 0.2,
        "wasted_calls": 0,
        "wasted_seconds": 0.0,
        "wasted_delay_seconds": 0.0,
        "wasted_credits": 0.0,
        "wasted_cost": 0.0,
        "currency": "EUR",
    }
    assert told.json[1]["wasted_cost"] == 0.005
    rows = list(
        csv.DictReader(io.StringIO(fototui("costs", "--by", "order", "--csv", **PRICES).out))
    )
    assert [{name: str(value) for name, value in row.items()} for row in told.json] == rows


def test_what_was_wasted_is_told_in_the_operators_language(
    fototui: Command, paid: Callable[[], str]
) -> None:
    paid()
    told = fototui("costs", LANG="cs_CZ.UTF-8", LC_ALL="cs_CZ.UTF-8").out
    assert "RunPodu" in told
    assert "of RunPod" not in told


@pytest.mark.parametrize("by", ["day", "month", "order", "options", "operator"])
def test_csv_has_its_head_where_nothing_was_paid(fototui: Command, by: str) -> None:
    result = fototui("costs", "--by", by, "--csv")
    assert (result.code, len(result.out.splitlines())) == (0, 1)
    assert "wasted_credits" in result.out
    assert fototui("costs", "--by", by, "--json").json == []


def test_since_leaves_out_what_was_before(fototui: Command, paid: Callable[[], str]) -> None:
    paid()
    told = fototui("costs", "--since", "2026-05-02", "--json").json
    assert [row["day"] for row in told] == ["2026-05-02"]


def test_options_are_columns_of_their_own(fototui: Command, paid: Callable[[], str]) -> None:
    paid()
    coloring, svg = fototui("costs", "--by", "options", "--json").json
    assert (coloring["lane"], coloring["megapixels"], coloring["steps"]) == ("coloring", 2.0, 6)
    assert (svg["lane"], svg["shape_stacking"], svg["megapixels"]) == ("svg", "stacked", None)
    assert coloring["cost"] is coloring["currency"] is None
    shown = fototui("costs", "--by", "options").out
    assert "2 Mpx, 6 steps" in shown


def test_wrong_use_is_told(fototui: Command) -> None:
    assert fototui("costs", "--json", "--csv").code == 2
    assert fototui("costs", "--since", "yesterday").code == 2
    assert fototui("costs", "--by", "weather").code == 2
    assert fototui("costs", DAILY_BUDGET="0").code == 2
    assert "CURRENCY" in fototui("costs", CURRENCY="Kč").err
