"""Makes the README's screenshots: `make screens`. The shop is that of the snapshot tests."""

from __future__ import annotations

import asyncio
import tempfile
from pathlib import Path

from sqlalchemy import text

from fototui.db.database import Database
from fototui.db.schema import migrate
from fototui.sandbox.pictures.generator import LineArtGenerator
from fototui.sandbox.postgres.server import temporary_postgres
from fototui.sandbox.samples import sample_photos
from fototui.storage.directory import DirectoryStorage
from tests.ui.scenes import SCENES, begin, settle
from tests.ui.shop import FILES, Shop, shop_app, stop_clock
from tests.ui.shop_art import Art

_FOLDER = Path(__file__).parent / "screens"
_SIZE = (120, 36)
_SHOTS = ("orders", "review", "engines", "book")
_FRIENDLY = "UPDATE orders SET customer_name = 'Michal Vlček' WHERE order_number = '#1271'"
_PHOTOS = ("astronaut.jpg", "cat.jpg", "coffee.jpg")


async def make() -> None:
    """Open the shop, go to each screen, and store how it looks."""
    photos = [photo.data for photo in sample_photos() if photo.name in _PHOTOS]
    with tempfile.TemporaryDirectory() as folder:
        async with temporary_postgres() as postgres:
            await postgres.create_database("shop")
            async with Database(postgres.url("shop")) as database:
                await migrate.upgrade(database.engine)
                await stop_clock(database)
                storage = DirectoryStorage(Path(folder) / "files", FILES)
                await Shop(database, storage, Art(photos, LineArtGenerator())).open()
                async with database.engine.begin() as connection:
                    await connection.execute(text(_FRIENDLY))
                for name in _SHOTS:
                    await _shoot(name, database, storage, Path(folder) / "cache")


async def _shoot(name: str, database: Database, storage: DirectoryStorage, cache: Path) -> None:
    if (prepare := SCENES[name].prepare) is not None:
        await prepare(database, storage)
    app = shop_app(database, storage, cache)
    async with app.run_test(size=_SIZE) as pilot:
        await begin(app, pilot)
        await SCENES[name].go(app, pilot)
        await settle(app, pilot)
        await pilot.pause(1)  # sizes and badges that just changed come to rest, and the cursor
        await settle(app, pilot)
        (_FOLDER / f"{name}.svg").write_text(app.export_screenshot(), "utf-8")


if __name__ == "__main__":
    _FOLDER.mkdir(exist_ok=True)
    asyncio.run(make())
