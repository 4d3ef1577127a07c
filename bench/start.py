"""How soon the app shows orders, and what it weighs: on an embedded PostgreSQL, without a terminal.

    python -m bench.start

Prints JSON: for 100 and 100,000 orders the milliseconds from the start of the process to the first
painted orders, until all are there, and the process's memory then; and the milliseconds that a
headless command needs to start.
"""

import asyncio
import json
import subprocess
import sys
import time
from zoneinfo import ZoneInfo

import psutil

from bench.live import fill
from fototui.db.database import Database
from fototui.db.schema import migrate
from fototui.log import configure_logging
from fototui.sandbox.postgres.server import temporary_postgres


async def show(url: str) -> None:
    """One start of the app, in a process of its own."""
    from pathlib import Path

    from fototui.app import FototuiApp
    from fototui.live.store import LiveStore
    from fototui.screens.orders.screen import OrdersScreen
    from fototui.services.backend import Backend
    from fototui.storage.directory import DirectoryStorage
    from fototui.ui.context import AppSettings
    from fototui.ui.preferences import Preferences

    process = psutil.Process()

    def since_start() -> int:
        return round((time.time() - process.create_time()) * 1000)

    async with Database(url) as database:
        backend = Backend(database, DirectoryStorage(Path("/nonexistent")), operator="bench")
        app = FototuiApp(
            backend,
            LiveStore(backend),
            AppSettings(ZoneInfo("Europe/Prague")),
            Preferences(language="en"),
            home=OrdersScreen,
        )
        async with app.run_test(size=(120, 36)) as pilot:
            while "#1 " not in "".join(s.text for s in app.screen._compositor.render_strips()):
                await pilot.pause(0.005)
            painted = since_start()
            while not app.store.is_complete:
                await pilot.pause(0.05)
            print(
                json.dumps(
                    {
                        "painted ms": painted,
                        "complete ms": since_start(),
                        "memory MB": round(process.memory_info().rss / 1e6),
                    }
                )
            )


def _run(*arguments: str) -> str:
    return subprocess.run(arguments, check=True, capture_output=True, text=True).stdout


async def measure(orders: int) -> object:
    async with temporary_postgres() as postgres:
        await postgres.create_database("bench")
        url = postgres.url("bench")
        async with Database(url) as database:
            await migrate.upgrade(database.engine)
            await fill(database, orders)
        out = await asyncio.to_thread(_run, sys.executable, "-m", "bench.start", url)
        return json.loads(out.splitlines()[-1])


async def main() -> None:
    result: dict[str, object] = {
        f"{orders} orders": await measure(orders) for orders in (100, 100_000)
    }
    began = time.perf_counter()
    await asyncio.to_thread(_run, sys.executable, "-m", "fototui", "--version")
    result["headless command ms"] = round((time.perf_counter() - began) * 1000)
    print(json.dumps(result))


if __name__ == "__main__":
    configure_logging("WARNING")
    asyncio.run(show(sys.argv[1]) if len(sys.argv) > 1 else main())
