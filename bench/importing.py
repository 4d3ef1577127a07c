"""An import from the shop: a thousand orders with four photos each, and the same once more.

What the shop tells is taken in, fifty orders in a transaction, with their events. The floor sends
the same requests over a bare client, one after the other, and copies the rows into the tables
(COPY). A second import finds no news, and asks for no more than each order's head. *With photos* a
hundred orders are imported and an engine fetches their photos, looks at them and stores them; its
floor fetches them ten at a time and writes them to files as they come. Both start from an empty
database each time.
"""

from __future__ import annotations

import asyncio
import json
import tempfile
import time
import uuid
from collections.abc import AsyncIterator, Iterable, Iterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import datetime
from functools import partial
from itertools import count
from pathlib import Path
from urllib.parse import urlsplit

import asyncpg
import httpx
from pydantic import SecretStr

from bench.processes import running
from bench.program import FOTOTUI, environment
from bench.rows import Figures, Part, Row, Way
from bench.shop_server import PHOTOS, TOKEN
from bench.start import run
from fototui.clients.shopify import ShopifyClient
from fototui.db.database import Database
from fototui.db.schema import migrate
from fototui.sandbox.postgres.server import EmbeddedPostgres, temporary_postgres
from fototui.services.ingest.imports import ImportService

ORDERS, WITH_PHOTOS = 1000, 100
VERSION = "2026-10"
PHOTOS_AT_ONCE = 10
# The shop's photos are given only to browsers that come from a page.
BROWSER = {"User-Agent": "Mozilla/5.0", "Referer": "https://fotomalovanky.example.com/"}

COLUMNS = {
    "orders": (
        "id",
        "order_number",
        "shopify_id",
        "customer_email",
        "payment_status",
        "status",
        "created_at",
        "updated_at",
        "queued_at",
    ),
    "line_items": ("id", "order_id", "position", "title", "quantity"),
    "images": ("line_item_id", "position", "original_url"),
}


@dataclass
class Bench:
    """What all ways stand on.

    Args:
        postgres: Has a database `empty` to copy.
        shop: The shop's address.
        folder: For files.
        asked: The requests of an import of that many orders.
    """

    postgres: EmbeddedPostgres
    shop: str
    folder: Path
    asked: dict[int, list[str]] = field(default_factory=dict)
    names: Iterator[int] = field(default_factory=count)

    async def empty(self) -> str:
        """A new database, with tables only."""
        name = f"import{next(self.names)}"
        await self.postgres.create_database(name, template="empty")
        return self.postgres.url(name)


async def imported(bench: Bench, database: Database, orders: int) -> Figures:
    """Import as the program does, and remember what the shop was asked."""
    async with (
        ShopifyClient(bench.shop, SecretStr(TOKEN), api_version=VERSION) as shop,
        database.session() as session,
        httpx.AsyncClient() as client,
    ):
        await client.get(f"{bench.shop}/asked")  # what was asked before is forgotten
        began, spent = time.perf_counter(), time.process_time()
        service = ImportService(session, operator="bench", shop=shop)
        report = await service.import_recent(limit=orders)
        seconds, spent = time.perf_counter() - began, time.process_time() - spent
        assert not report.failed, report.failed[0]
        assert len(report.imported) + len(report.skipped) == orders, report
        # The first time: a second import asks for less.
        bench.asked.setdefault(orders, (await client.get(f"{bench.shop}/asked")).json())
    return {"s": seconds, "CPU s": spent}


async def twice(bench: Bench) -> Figures:
    """The first import, and the second, which brings nothing new."""
    async with Database(await bench.empty(), publish=lambda _event: None) as database:
        first = await imported(bench, database, ORDERS)
        second = await imported(bench, database, ORDERS)
    return {**first, "second s": second["s"], "second of the first": second["s"] / first["s"]}


async def copied(bench: Bench, orders: int, *, photos: bool = False) -> Figures:
    """The same requests, and rows by COPY; with photos these too."""
    if orders not in bench.asked:
        async with Database(await bench.empty()) as database:
            await imported(bench, database, orders)
    connection = await asyncpg.connect((await bench.empty()).replace("+asyncpg", ""))
    url = f"{bench.shop}/admin/api/{VERSION}/graphql.json"
    headers = {"X-Shopify-Access-Token": TOKEN, "Content-Type": "application/json"}
    try:
        async with httpx.AsyncClient(timeout=60) as client:
            began, spent = time.perf_counter(), time.process_time()
            answers = [
                (await client.post(url, content=body, headers=headers)).content
                for body in bench.asked[orders]
            ]
            records = rows_of(answers)
            async with connection.transaction():
                for table, rows in records.items():
                    await connection.copy_records_to_table(
                        table, records=rows, columns=COLUMNS[table]
                    )
            if photos:
                await fetched(client, (str(row[-1]) for row in records["images"]), bench.folder)
            seconds, spent = time.perf_counter() - began, time.process_time() - spent
    finally:
        await connection.close()
    return {"s": seconds, "CPU s": spent}


def rows_of(answers: Iterable[bytes]) -> dict[str, list[tuple[object, ...]]]:
    """The rows of all orders that the shop told of."""
    records: dict[str, list[tuple[object, ...]]] = {table: [] for table in COLUMNS}
    items = count(1)
    for answer in answers:
        # Pages of heads tell which orders there are; what they are is told apart from that.
        for node in json.loads(answer)["data"].get("nodes", ()):
            order_id, at = uuid.uuid4(), datetime.fromisoformat(node["createdAt"])
            number, paid = int(node["legacyResourceId"]), node["displayFinancialStatus"]
            told = (order_id, node["name"], number, node["email"], paid)
            records["orders"].append((*told, "downloading", at, at, at))
            for position, line in enumerate(node["lineItems"]["nodes"], 1):
                item = next(items)
                records["line_items"].append((item, order_id, position, line["title"], 1))
                pairs = [p for p in line["customAttributes"] if p["key"].startswith("Fotka")]
                records["images"] += [(item, n, pair["value"]) for n, pair in enumerate(pairs, 1)]
    return records


async def fetched(client: httpx.AsyncClient, addresses: Iterable[str], folder: Path) -> None:
    """Fetch photos, and write each to a file."""
    left = enumerate(addresses)

    async def fetch() -> None:
        for number, address in left:
            photo = (await client.get(address, headers=BROWSER)).raise_for_status().content
            await asyncio.to_thread((folder / f"{number}.jpg").write_bytes, photo)

    await asyncio.gather(*(fetch() for _ in range(PHOTOS_AT_ONCE)))


async def with_photos(bench: Bench) -> Figures:
    """Import some orders, and let an engine fetch their photos: two commands, with their starts."""
    variables = environment(
        await bench.empty(),
        bench.folder,
        SHOPIFY_STORE_URL=bench.shop,
        SHOPIFY_ACCESS_TOKEN=TOKEN,
        PHOTO_TRUSTED_HOSTS=urlsplit(bench.shop).netloc,
    )
    began = time.perf_counter()
    costs = [
        await run([str(FOTOTUI), *command], variables, "")
        for command in (
            ("orders", "import", "--limit", str(WITH_PHOTOS)),
            ("engine", "--drain", "--lanes", "ingest,download"),
        )
    ]
    seconds = time.perf_counter() - began
    return {"s": seconds, "CPU s": sum(cost["CPU s"] for cost in costs)}


@asynccontextmanager
async def opened() -> AsyncIterator[Mapping[str, Way]]:
    with tempfile.TemporaryDirectory() as name:
        async with (
            temporary_postgres(durable=True) as postgres,
            running("-m", "bench.shop_server", str(ORDERS)) as shop,
        ):
            await postgres.create_database("empty")
            async with Database(postgres.url("empty")) as database:
                await migrate.upgrade(database.engine)
            bench = Bench(postgres, await shop.hear(), Path(name))
            # The shop answers each question slowly once, and from then on at once.
            for orders in (ORDERS, WITH_PHOTOS):
                await copied(bench, orders)
            yield {
                "import": partial(twice, bench),
                "requests and COPY": partial(copied, bench, ORDERS),
                "import with photos": partial(with_photos, bench),
                "requests, COPY, photos": partial(copied, bench, WITH_PHOTOS, photos=True),
            }


PART = Part(
    "import",
    opened,
    rows=[
        Row(
            f"import of {ORDERS:,} orders with four photos each, without the photos",
            figure="s",
            ours="import",
            unit="s",
            floor="requests and COPY",
            to_floor=3,
            cpu="CPU s",
            why="what the shop tells is checked field by field, triggers keep what is searched and "
            "counted, and the activity log is written; the floor is one COPY of all of them",
        ),
        Row(
            f"import of {WITH_PHOTOS} orders with their {WITH_PHOTOS * PHOTOS} photos",
            figure="s",
            ours="import with photos",
            unit="s",
            floor="requests, COPY, photos",
            to_floor=3,
            cpu="CPU s",
            why="beside the above two programs are started, and two processes that decode; each "
            "photo is decoded to see that it is one, synced, put in place while its order's claim "
            "is held, and committed by itself, as each of the order's moves is",
        ),
        Row(
            f"second import of {ORDERS:,} orders, with no news: of the first",
            figure="second of the first",
            ours="import",
            unit="×",
            limit=0.1,
            why="the shop is asked for the heads of all orders, and each is read and compared",
        ),
    ],
)
