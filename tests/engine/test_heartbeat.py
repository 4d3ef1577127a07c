"""The heartbeat's thread, whatever becomes of the loop that started it."""

import asyncio
import gc
import threading
import uuid
from collections.abc import Callable

import pytest
from sqlalchemy import text

from fototui.db.database import Database
from fototui.engine.heartbeat import EngineIdentity, Heartbeat
from fototui.engine.lease import Lease
from tests.waiting import PATIENCE, until


def _nobody_goes_on(_engine_id: uuid.UUID) -> None:
    """Nobody is there who would."""


def _heartbeat(
    database: Database,
    lease: float = 1.0,
    on_registered_again: Callable[[uuid.UUID], None] = _nobody_goes_on,
) -> Heartbeat:
    return Heartbeat(
        database.url,
        EngineIdentity(
            operator="eva", host="studio", pid=1, version="0", lanes=["coloring"], capacity=1
        ),
        lease_seconds=lease,
        lease=Lease(seconds=lease, margin=0.1),
        on_lease_lost=lambda: None,
        on_registered_again=on_registered_again,
    )


async def test_a_caller_that_is_gone_ends_it_in_silence(
    database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Its engine is declared dead, and the loop that would have to know is closed."""
    faults: list[object] = []
    monkeypatch.setattr(threading, "excepthook", faults.append)
    heartbeat = _heartbeat(database)
    await asyncio.to_thread(lambda: asyncio.run(heartbeat.start()))
    async with database.engine.begin() as connection:
        await connection.execute(text("UPDATE engines SET retired_at = now()"))
    await until(lambda: "heartbeat" not in [thread.name for thread in threading.enumerate()])
    assert faults == []


async def test_an_engine_whose_loop_stands_still_is_given_up_and_comes_back(
    database: Database,
) -> None:
    """It holds jobs that it does not do; its thread alone would keep them for it for ever."""
    goes_on, came_back = threading.Event(), asyncio.Event()
    heartbeat = _heartbeat(database, on_registered_again=lambda _id: came_back.set())

    async def engine() -> uuid.UUID:
        engine_id = await heartbeat.start()
        goes_on.wait(PATIENCE)  # nothing else is done in this loop meanwhile
        await asyncio.wait_for(came_back.wait(), PATIENCE)
        await heartbeat.stop()
        return engine_id

    async def ask(question: str) -> object:
        async with database.engine.begin() as connection:
            return await connection.scalar(text(question))

    running = asyncio.create_task(asyncio.to_thread(lambda: asyncio.run(engine())))
    silent = "SELECT now() > last_seen_at + lease_seconds * interval '1 s' FROM engines"
    await until(lambda: ask(silent))
    goes_on.set()
    former = await running
    assert await ask(f"SELECT count(*) FROM engines WHERE id <> '{former}'") == 1


async def test_a_start_that_fails_for_any_reason_says_so(
    database: Database, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    heartbeat = _heartbeat(database)

    async def fail(_former: object = None) -> uuid.UUID:
        raise ValueError("nobody expected this")

    monkeypatch.setattr(heartbeat, "_register", fail)
    with pytest.raises(ValueError, match="nobody expected this"):
        await asyncio.wait_for(heartbeat.start(), PATIENCE)
    await heartbeat.stop()
    del heartbeat
    gc.collect()
    assert "never retrieved" not in caplog.text
