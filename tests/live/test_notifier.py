"""When listeners hear of changes."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import suppress

import pytest

from fototui.live.notifier import Notifier
from fototui.live.state import Changed
from tests.live.conftest import NEVER
from tests.waiting import until

pytestmark = pytest.mark.quick


@pytest.fixture
async def notifier() -> AsyncIterator[Notifier]:
    """One whose frames never end: what has to wait for the next is not heard of."""
    notifier = Notifier(NEVER)
    task = asyncio.create_task(notifier.run())
    yield notifier
    task.cancel()
    with suppress(asyncio.CancelledError):
        await task


async def test_rows_do_not_wait_for_lanes_and_engines(notifier: Notifier) -> None:
    heard: list[Changed] = []
    notifier.listen(heard.append)

    notifier.engines = True
    notifier.note()
    await until(lambda: heard == [Changed(engines=True)])
    notifier.rows.add("order")
    notifier.note()

    await until(lambda: heard[1:] == [Changed(rows=frozenset({"order"}))])


async def test_rows_do_not_wait_for_an_opened_order(notifier: Notifier) -> None:
    """An event is followed by a reading of the opened order: the next event's row comes soon."""
    heard: list[Changed] = []
    notifier.listen(heard.append)

    notifier.details.add("opened")
    notifier.note()
    await until(lambda: heard == [Changed(details=frozenset({"opened"}))])
    notifier.rows.add("order")
    notifier.note()

    await until(lambda: heard[1:] == [Changed(rows=frozenset({"order"}))])


async def test_an_opened_order_does_not_wait_for_rows(notifier: Notifier) -> None:
    heard: list[Changed] = []
    notifier.listen(heard.append)

    notifier.rows.add("order")
    notifier.note()
    await until(lambda: heard == [Changed(rows=frozenset({"order"}))])
    notifier.details.add("opened")
    notifier.note()

    await until(lambda: heard[1:] == [Changed(details=frozenset({"opened"}))])


async def test_what_changed_at_one_time_is_told_together_and_of_many_once(
    notifier: Notifier,
) -> None:
    heard: list[Changed] = []
    notifier.listen(heard.append)

    for order_id in ("opened", "order"):
        notifier.rows.add(order_id)
        notifier.note()
    notifier.details.add("opened")
    notifier.note()
    await until(lambda: heard)
    notifier.rows.add("later")
    notifier.note()
    await asyncio.sleep(0)

    both = frozenset({"opened", "order"})
    assert heard == [Changed(rows=both, details=frozenset({"opened"}))]
