"""An engine on real parts: PostgreSQL, files, and the sandbox over HTTP, with tiny pictures."""

import asyncio
import io
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path

import pytest
from PIL import Image as Picture
from pydantic import SecretStr

from fototui.clients.runpod import RunPodService
from fototui.clients.vectorizer import VectorizerApiService
from fototui.db.database import Database
from fototui.db.models import VERSION_MODEL, ColoringVersion, Image, LineItem, Order, SvgVersion
from fototui.domain.files import S3ObjectRefData
from fototui.domain.statuses import OrderStatus, VersionType
from fototui.engine.coloring import ColoringGenerationService
from fototui.engine.outside_cancels import OutsideCancels
from fototui.engine.runner import Engine, EngineSettings
from fototui.engine.svg import SvgGenerationService
from fototui.engine.work import Patience
from fototui.sandbox.app import SandboxSettings, create_sandbox
from fototui.sandbox.generator import GeneratorKind
from fototui.sandbox.outcomes import Script
from fototui.serving import serving
from fototui.storage.directory import DirectoryStorage

KEY = SecretStr("sandbox")
QUICK = Patience(
    attempts=2, first_wait=0.01, put_backs=2, put_back_first=0.01, put_back_longest=0.05
)


async def eventually(
    condition: Callable[[], Awaitable[object]], *, seconds: float = 20, what: str = "condition"
) -> None:
    """Wait until a condition holds, asking again and again."""
    async with asyncio.timeout(seconds):
        while not await condition():  # noqa: ASYNC110 - what it asks is in other processes
            await asyncio.sleep(0.02)


def photo(number: int) -> bytes:
    """A photo like no other."""
    picture = Picture.new("RGB", (24, 16), (number % 256, number // 256 % 256, 90))
    file = io.BytesIO()
    picture.save(file, "PNG")
    return file.getvalue()


@dataclass
class World:
    """All that an engine meets."""

    database: Database
    storage: DirectoryStorage
    folder: Path
    url: str
    runpod: Script
    vectorizer: Script
    stack: AsyncExitStack
    photos: int = 0
    runpod_key: SecretStr = KEY
    engines: list[Engine] = field(default_factory=list)

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
        }

    async def add_images(self, count: int) -> list[int]:
        """Make an order whose photos are in storage; the ids of its images."""
        async with self.database.session() as session, session.begin():
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
            return [image.id for image in images]

    async def queue_colorings(self, count: int, **fields: object) -> list[int]:
        """Queue one colouring for each of some new images; the versions' ids."""
        image_ids = await self.add_images(count)
        async with self.database.session() as session, session.begin():
            versions = [
                ColoringVersion(image_id=image_id, version=1, **fields) for image_id in image_ids
            ]
            session.add_all(versions)
            await session.flush()
            return [version.id for version in versions]

    async def queue_svgs(self, count: int, **fields: object) -> list[int]:
        """Queue one SVG for each of some new images with a colouring; the versions' ids."""
        coloring_ids = await self.queue_colorings(count, status="completed")
        async with self.database.session() as session, session.begin():
            versions = []
            for coloring_id in coloring_ids:
                coloring = await session.get_one(ColoringVersion, coloring_id)
                image = await session.get_one(Image, coloring.image_id)
                coloring.file_ref = image.file_ref
                versions.append(
                    SvgVersion(
                        image_id=image.id, version=1, coloring_version_id=coloring_id, **fields
                    )
                )
            session.add_all(versions)
            await session.flush()
            return [version.id for version in versions]

    def engine(
        self,
        *,
        coloring: int = 4,
        svg: int = 4,
        lease: float = 3.0,
        grace: float = 0.0,
        patience: Patience = QUICK,
        database: Database | None = None,
        job_timeout: float = 20.0,
        poll_seconds: float = 0.2,
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
        return Engine(
            database,
            EngineSettings(
                operator="test",
                concurrency={VersionType.COLORING: coloring, VersionType.SVG: svg},
                lease=lease,
                poll_seconds=poll_seconds,
                grace=grace,
                patience=patience,
            ),
            [
                ColoringGenerationService(
                    runpod, self.storage, min_image_size=1, timeout_seconds=job_timeout
                ),
                SvgGenerationService(vectorizer, self.storage),
            ],
            outside_cancels=OutsideCancels(database, runpod),
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

        await eventually(reached)

    async def stored(self, ref: S3ObjectRefData | None) -> bytes:
        """The content of a stored file."""
        assert ref is not None
        return await self.storage.get(ref.key)


@asynccontextmanager
async def open_world(database: Database, folder: Path) -> AsyncIterator[World]:
    runpod, vectorizer = Script(), Script()
    sandbox = SandboxSettings(
        runpod_key=KEY,
        vectorizer_key=KEY,
        vectorizer_secret=KEY,
        runpod=runpod,
        vectorizer=vectorizer,
        generator=GeneratorKind.QUICK,
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
            stack=stack,
        )


@pytest.fixture
async def world(database: Database, tmp_path: Path) -> AsyncIterator[World]:
    async with open_world(database, tmp_path / "files") as world:
        yield world
