"""An engine on real parts: PostgreSQL, files, and the sandbox over HTTP, with tiny pictures."""

import asyncio
import io
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path

import pytest
from PIL import Image as Picture
from pydantic import SecretStr
from ulid import ULID

from fototui import retry
from fototui.books.request import BookRequest, TypesetBook
from fototui.clients.download import PhotoDownload
from fototui.clients.runpod import RunPodService
from fototui.clients.shopify import ShopifyClient
from fototui.clients.vectorizer import VectorizerApiService
from fototui.db.database import Database
from fototui.db.events.session import TrackedAsyncSession
from fototui.db.models.books import Book
from fototui.db.models.orders import (
    VERSION_MODEL,
    ColoringVersion,
    Image,
    LineItem,
    Order,
    SvgVersion,
)
from fototui.db.notify import lane_payload, notify
from fototui.domain.books import Finding, FindingKind
from fototui.domain.errors import PermanentError
from fototui.domain.files import S3ObjectRefData
from fototui.domain.sentences import Sentence
from fototui.domain.statuses import JobKind, OrderStatus, VersionType
from fototui.engine.engine import Engine, EngineSettings
from fototui.engine.execution.context import CALLS, Rescheduling
from fototui.engine.maintenance.duty import Duty
from fototui.engine.maintenance.outside_cancels import SOME_ARE_UNTOLD, OutsideCancels
from fototui.engine.maintenance.rules import Rules, RuleSettings
from fototui.engine.observer import EngineObserver
from fototui.engine.pipelines.book import BookPipeline
from fototui.engine.pipelines.coloring import ColoringGenerationService
from fototui.engine.pipelines.download import DownloadPipeline
from fototui.engine.pipelines.ingest import IngestPipeline
from fototui.engine.pipelines.svg import SvgGenerationService
from fototui.net.asgi import serving
from fototui.sandbox.app import SandboxSettings, create_sandbox
from fototui.sandbox.outcomes import Script
from fototui.sandbox.pictures.generator import GeneratorKind
from fototui.sandbox.shopify import cdn as cdn_module
from fototui.sandbox.shopify.app import ShopSettings
from fototui.sandbox.shopify.cdn import Cdn, Manner, photo_url
from fototui.sandbox.shopify.shop import PlacedOrder, book
from fototui.services.orders.manual import OrderService
from fototui.services.views.orders import OrderDetail
from fototui.storage.directory import DirectoryStorage
from tests.waiting import until

KEY = SecretStr("sandbox")
QUICK = Rescheduling(
    calls=replace(CALLS, attempts=2, first_wait=0.01),
    times=2,
    first=0.01,
    longest=0.05,
    doubt_shortest=0.01,
    doubt_longest=0.05,
)
_ONE_TRY = retry.RetryPolicy(attempts=1, seconds=0.1)


def photo(number: int) -> bytes:
    """A photo like no other."""
    picture = Picture.new("RGB", (24, 16), (number % 256, number // 256 % 256, 90))
    file = io.BytesIO()
    picture.save(file, "PNG")
    return file.getvalue()


def drawing(number: int) -> bytes:
    """An SVG like no other."""
    return (
        b'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 100 140">'
        b'<path d="M10 10L90 %d" stroke="#000" stroke-width="2" fill="none"/></svg>' % number
    )


class PlainTypesetter:
    """Makes a file of the pages' bytes at once: what is typeset is not these tests' business."""

    def __init__(self) -> None:
        self.requests: list[BookRequest] = []
        self.hold: asyncio.Event | None = None
        """Waited for before a book is made, where there is one."""

    async def typeset(self, request: BookRequest) -> TypesetBook:
        self.requests.append(request)
        if self.hold is not None:
            await self.hold.wait()
        for page, svg in enumerate(request.pages, start=1):
            if not svg.startswith(b"<svg"):
                raise PermanentError("Picture {page} is no SVG.", service="Typst", page=page)
        empty = Sentence.make("Hardly a line is on it.")
        return TypesetBook(
            pdf=b"%PDF " + b"".join(request.pages),
            pages=len(request.pages) + bool(request.dedication),
            findings=(Finding(page=1, kind=FindingKind.NEARLY_EMPTY, sentence=empty),),
        )


@dataclass
class World:
    """All that an engine meets."""

    database: Database
    storage: DirectoryStorage
    folder: Path
    url: str
    runpod: Script
    vectorizer: Script
    shop: ShopSettings
    cdn: Cdn
    downloads: PhotoDownload
    stack: AsyncExitStack
    photos: int = 0
    runpod_key: SecretStr = KEY
    shop_token: SecretStr = KEY
    engines: list[Engine] = field(default_factory=list)
    typesetter: PlainTypesetter = field(default_factory=PlainTypesetter)

    @property
    def environment(self) -> Mapping[str, str]:
        """The variables by which an engine in a process of its own finds the same parts."""
        return {
            "DATABASE_URL": self.database.url.render_as_string(hide_password=False),
            "STORAGE_PATH": str(self.folder),
            "RUNPOD_API_URL": f"{self.url}/runpod/v2",
            "RUNPOD_ENDPOINT_ID": "sandbox",
            "RUNPOD_API_KEY": "sandbox",
            "RUNPOD_POLL_INTERVAL": "0.1",
            "VECTORIZER_URL": f"{self.url}/vectorizer/api/v1/vectorize",
            "VECTORIZER_API_KEY": "sandbox",
            "VECTORIZER_API_SECRET": "sandbox",
            "MIN_IMAGE_SIZE": "1",
            "SHOPIFY_STORE_URL": f"{self.url}/shopify",
            "SHOPIFY_ACCESS_TOKEN": "sandbox",
            "PHOTO_TRUSTED_HOSTS": self.url.removeprefix("http://"),
        }

    def photo_url(self, name: str, manner: Manner = Manner.PHOTOS, **query: str | float) -> str:
        """Where the shop's customers keep a photo of this name, which is like no other."""
        if name not in self.cdn.pictures:
            self.photos += 1
            self.cdn.pictures[name] = photo(self.photos)
        return photo_url(f"{self.url}/cdn", name, manner, **query)

    def place(self, *photos: str, payment: str = "PAID") -> PlacedOrder:
        """A customer orders one book of these photos."""
        return self.shop.shop.place([book(photos)], last_name="Nováková", payment=payment)

    async def know(self, placed: PlacedOrder) -> str:
        """Have the shop's order known here by its number, as a webhook does; its ULID."""
        async with self.database.session() as session, session.begin():
            order = Order(order_number=placed.name, shopify_id=placed.id)
            session.add(order)
            await session.flush()
            await notify(session, lane_payload(JobKind.INGEST))
            return str(order.id)

    async def order(self, order_id: str) -> OrderDetail:
        """An order as operators see it now."""
        async with self.database.autocommit() as session:
            return await OrderService(session, operator="test").get_order(order_id)

    async def until_order(self, order_id: str, *statuses: OrderStatus) -> OrderDetail:
        """Wait until an order stands in one of some statuses, and nothing is asked of it."""

        async def reached() -> bool:
            async with self.database.session() as session:
                row = await session.get_one(Order, ULID.from_str(order_id))
            return row.status in statuses and row.sync_requested_at is None

        await until(reached)
        return await self.order(order_id)

    async def add_images(self, count: int) -> list[int]:
        """Make an order whose photos are in storage; the ids of its images."""
        async with self.database.session() as session, session.begin():
            return [image.id for image in await self._images(session, count)]

    async def queue_colorings(self, count: int, **fields: object) -> list[int]:
        """Queue one colouring for each of some new images; the versions' ids."""
        async with self.database.session() as session, session.begin():
            images = await self._images(session, count)
            versions = [ColoringVersion(image_id=image.id, version=1, **fields) for image in images]
            session.add_all(versions)
            await session.flush()
            return [version.id for version in versions]

    async def queue_svgs(self, count: int, **fields: object) -> list[int]:
        """Queue one SVG for each of some new images with a colouring; the versions' ids."""
        async with self.database.session() as session, session.begin():
            images = await self._images(session, count)
            return [svg.id for svg in await self._svgs(session, images, **fields)]

    async def queue_books(self, count: int, *, pages: int = 2, **fields: object) -> list[int]:
        """Queue one book each for some new orders, of as many drawings; the books' ids."""
        async with self.database.session() as session, session.begin():
            return [await self._book(session, pages, **fields) for _ in range(count)]

    async def _images(self, session: TrackedAsyncSession, count: int) -> list[Image]:
        order = Order(order_number=f"#T{self.photos}", status=OrderStatus.READY_FOR_REVIEW)
        item = LineItem(order=order, position=1, title="Omalovánky")
        images = [Image(line_item=item, position=n) for n in range(1, count + 1)]
        session.add_all([order, item, *images])
        await session.flush()
        for image in images:
            self.photos += 1
            key = f"{order.id}/{item.id}/image_{image.position}.png"
            image.file_ref = await self.storage.put(
                key, photo(self.photos), content_type="image/png"
            )
        return images

    async def _svgs(
        self, session: TrackedAsyncSession, images: Sequence[Image], **fields: object
    ) -> list[SvgVersion]:
        colorings = [
            ColoringVersion(
                image_id=image.id, version=1, status="completed", file_ref=image.file_ref
            )
            for image in images
        ]
        session.add_all(colorings)
        await session.flush()
        svgs = [
            SvgVersion(
                image_id=coloring.image_id, version=1, coloring_version_id=coloring.id, **fields
            )
            for coloring in colorings
        ]
        session.add_all(svgs)
        await session.flush()
        return svgs

    async def _book(self, session: TrackedAsyncSession, pages: int, **fields: object) -> int:
        images = await self._images(session, pages)
        svgs = await self._svgs(session, images, status="completed")
        item = images[0].line_item
        for image, svg in zip(images, svgs, strict=True):
            key = f"{item.order_id}/{item.id}/svg/v1/image_{image.position}.svg"
            self.photos += 1
            svg.file_ref = await self.storage.put(
                key, drawing(self.photos), content_type="image/svg+xml"
            )
            image.selected_svg_id = svg.id
        values: dict[str, object] = {"title": item.title, "options": {}, **fields}
        made = Book(
            line_item_id=item.id,
            order_id=item.order_id,
            version=1,
            svg_ids=[svg.id for svg in svgs],
            **values,
        )
        session.add(made)
        await session.flush()
        return made.id

    async def book(self, book_id: int) -> Book:
        """A book as it stands now."""
        async with self.database.session() as session:
            return await session.get_one(Book, book_id)

    async def until_book(self, book_id: int, *statuses: str) -> None:
        """Wait until a book stands in one of some statuses."""

        async def reached() -> bool:
            return (await self.book(book_id)).status in statuses

        await until(reached)

    def engine(
        self,
        *,
        coloring: int = 4,
        svg: int = 4,
        books: int = 2,
        orders: int = 0,
        lease: float = 30.0,
        grace: float = 0.0,
        rescheduling: Rescheduling = QUICK,
        database: Database | None = None,
        job_timeout: float = 90.0,
        poll_seconds: float = 0.2,
        rules: RuleSettings | None = None,
        observer: EngineObserver | None = None,
        cancels: OutsideCancels | None = None,
        more_duties: Sequence[Duty] = (),
    ) -> Engine:
        """An engine, to be entered by the test."""
        database = database or self.database
        runpod = RunPodService(
            f"{self.url}/runpod/v2", "sandbox", self.runpod_key, poll_interval=0.1
        )
        vectorizer = VectorizerApiService(
            f"{self.url}/vectorizer/api/v1/vectorize", KEY.get_secret_value(), KEY
        )
        self.stack.push_async_callback(runpod.aclose)
        self.stack.push_async_callback(vectorizer.aclose)
        shop = ShopifyClient(
            f"{self.url}/shopify",
            self.shop_token,
            api_version="2026-10",
            retry=retry.RetryPolicy(attempts=1, seconds=0.1),
        )
        self.stack.push_async_callback(shop.aclose)
        cancels = cancels or OutsideCancels(database, runpod)
        duties = [Duty("outside cancels", cancels.tell, when=SOME_ARE_UNTOLD), *more_duties]
        if rules is not None:
            due = Rules(database, rules, actor="test (engine)")
            duties.append(Duty("rules", due.apply, when=due.when))
        return Engine(
            database,
            EngineSettings(
                operator="test",
                concurrency={
                    JobKind.COLORING: coloring,
                    JobKind.SVG: svg,
                    JobKind.BOOK: books,
                    JobKind.INGEST: orders,
                    JobKind.DOWNLOAD: orders,
                },
                lease=lease,
                poll_seconds=poll_seconds,
                grace=grace,
                rescheduling=rescheduling,
            ),
            [
                ColoringGenerationService(
                    runpod, self.storage, min_image_size=1, timeout_seconds=job_timeout
                ),
                SvgGenerationService(vectorizer, self.storage),
                BookPipeline(self.typesetter, self.storage),
                IngestPipeline(database, shop, actor="test (engine)"),
                DownloadPipeline(database, self.storage, self.downloads, actor="test (engine)"),
            ],
            duties=duties,
            observer=observer,
        )

    async def version(
        self, version_id: int, kind: VersionType = VersionType.COLORING
    ) -> ColoringVersion | SvgVersion:
        """A version as it stands now."""
        async with self.database.session() as session:
            return await session.get_one(VERSION_MODEL[kind], version_id)

    async def coloring(self, version_id: int) -> ColoringVersion:
        """A colouring as it stands now."""
        async with self.database.session() as session:
            return await session.get_one(ColoringVersion, version_id)

    async def svg(self, version_id: int) -> SvgVersion:
        """An SVG as it stands now."""
        async with self.database.session() as session:
            return await session.get_one(SvgVersion, version_id)

    async def image(self, image_id: int) -> Image:
        """An image as it stands now."""
        async with self.database.session() as session:
            return await session.get_one(Image, image_id)

    async def until(
        self, version_id: int, *statuses: str, kind: VersionType = VersionType.COLORING
    ) -> None:
        """Wait until a version stands in one of some statuses."""

        async def reached() -> bool:
            return (await self.version(version_id, kind)).status in statuses

        await until(reached)

    async def stored(self, ref: S3ObjectRefData | None) -> bytes:
        """The content of a stored file."""
        assert ref is not None
        return await self.storage.get(ref.key)


@asynccontextmanager
async def open_world(database: Database, folder: Path) -> AsyncIterator[World]:
    runpod, vectorizer = Script(), Script()
    shop, cdn = ShopSettings(token=KEY), Cdn({})
    sandbox = SandboxSettings(
        runpod_key=KEY,
        vectorizer_key=KEY,
        vectorizer_secret=KEY,
        runpod=runpod,
        vectorizer=vectorizer,
        generator=GeneratorKind.QUICK,
        shop=shop,
        cdn=cdn,
    )
    async with AsyncExitStack() as stack:
        url = await stack.enter_async_context(serving(create_sandbox(sandbox)))
        yield World(
            database=database,
            storage=DirectoryStorage(folder),
            folder=folder,
            url=url,
            runpod=runpod,
            vectorizer=vectorizer,
            shop=shop,
            cdn=cdn,
            downloads=await stack.enter_async_context(
                PhotoDownload(
                    trusted_hosts=frozenset({url.removeprefix("http://")}),
                    referer="https://shop.example",
                    retry=retry.RetryPolicy(attempts=2, first_wait=0.01),
                )
            ),
            stack=stack,
        )


def hold_slow_photos(monkeypatch: pytest.MonkeyPatch) -> asyncio.Event:
    """Have the photos that are slow come once the event is set, however long that takes."""
    let_go, drops = asyncio.Event(), cdn_module._drops

    async def held(picture: bytes, _seconds: float) -> AsyncIterator[bytes]:
        await let_go.wait()
        async for drop in drops(picture, 0):
            yield drop

    monkeypatch.setattr(cdn_module, "_drops", held)
    return let_go


@pytest.fixture
async def world(database: Database, tmp_path: Path) -> AsyncIterator[World]:
    async with open_world(database, tmp_path / "files") as world:
        yield world
