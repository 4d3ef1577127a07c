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
