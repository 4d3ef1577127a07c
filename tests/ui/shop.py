"""One shop that is the same every time: for snapshots, and for the screenshots of the manual.

Its database's clock stands still, so that what is "75 seconds ago" stays so.
"""

from __future__ import annotations

import asyncio
import uuid
from collections.abc import AsyncGenerator
from datetime import UTC, datetime, timedelta
from itertools import count
from pathlib import Path
from zoneinfo import ZoneInfo

from sqlalchemy import text
from ulid import ULID

from fototui.app import FototuiApp
from fototui.db.database import Database
from fototui.db.events.session import TrackedAsyncSession
from fototui.db.models.operations import Activity, Engine, Presence
from fototui.db.models.orders import ColoringVersion, Image, LineItem, Order, SvgVersion
from fototui.domain.errors import PermanentError
from fototui.domain.events import Event
from fototui.domain.files import S3ObjectRefData
from fototui.domain.options import ColoringOptions, SvgOptions
from fototui.domain.sentences import Sentence
from fototui.domain.statuses import ColoringProcessingStatus as Coloring
from fototui.domain.statuses import JobKind, OrderStatus, VersionType
from fototui.domain.statuses import SvgProcessingStatus as Svg
from fototui.live.store import LiveStore
from fototui.mercure.subscriber import (
    LinkState,
    Lost,
    MercureSubscriber,
    Message,
    StateChange,
)
from fototui.pictures.loader import PictureLoader
from fototui.pictures.terminal import Graphics, Renderer
from fototui.screens.orders.screen import OrdersScreen
from fototui.services.backend import Backend
from fototui.services.operations.activity import ActivityAction
from fototui.storage.directory import DirectoryStorage
from fototui.ui.context import AppSettings
from fototui.ui.preferences import Preferences
from fototui.ui.presence import Presence as Terminal
from tests.ui.shop_art import Art

NOW = datetime(2026, 11, 20, 13, 32, tzinfo=UTC)
ZONE = ZoneInfo("Europe/Prague")
FILES = "https://files.example.com"
"""Where the shop's files are served; nothing is there, it is only shown."""

_TERMINAL = uuid.UUID(int=0xF070)
_MINE, _SERVER, _NOTEBOOK = (uuid.UUID(int=n << 96) for n in (0x3FA1C0DE, 0x91B24D07, 0xC4E80B15))
_HOSTILE = "[bold red]Mallory[/] \x1b[2J\u202egnp.exe"

_CUSTOMERS = (
    "Petr Dvořák", "Eva Malá", "Ondřej Čermák", "Kateřina Říhová", "Tomáš Procházka",
    "Lucie Veselá", "Jiří Šťastný", "Markéta Žáková", "Václav Hájek", "Tereza Kučerová",
    "Łukasz Wójcik", "Zoë Müller-Lüdenscheidt", "小林 さくら", "Nguyễn Thị Hồng", "Alžběta Ďuriš",
)  # fmt: skip


def ago(**span: float) -> datetime:
    """A moment before the shop's present one."""
    return NOW - timedelta(**span)


# --- the database ----------------------------------------------------------------------------


async def stop_clock(database: Database) -> None:
    """Let the database's own clock stand at the shop's present moment."""
    async with database.engine.begin() as connection:
        name = await connection.scalar(text("SELECT current_database()"))
        await connection.execute(text("CREATE SCHEMA IF NOT EXISTS standing"))
        for clock in ("now", "clock_timestamp"):
            await connection.execute(
                text(
                    f"CREATE OR REPLACE FUNCTION standing.{clock}() RETURNS timestamptz"
                    f" LANGUAGE sql IMMUTABLE AS $$ SELECT timestamptz '{NOW.isoformat()}' $$"
                )
            )
        # Named here, the system's own catalogue no longer comes first.
        await connection.execute(
            text(f'ALTER DATABASE "{name}" SET search_path = standing, pg_catalog, public')
        )
    await database.engine.dispose()


class Shop:
    """Fills an empty database and an empty storage.

    Args:
        database: A database with all tables.
        storage: Where the pictures go.
        art: The pictures.
    """

    def __init__(self, database: Database, storage: DirectoryStorage, art: Art) -> None:
        self.database = database
        self.storage = storage
        self._art = art
        self._numbers = count(1)
        self._files: dict[tuple[object, ...], S3ObjectRefData] = {}

    async def open(self) -> None:
        """Make everything that is in it; the database's clock must stand still."""
        async with self.database.session() as session, session.begin():
            session.add_all(_engines())
            main = await self._main_order(session)
            newest = await self._new_orders(session)
            await self._older_orders(session)
            session.add_all(_activity(main, newest))
            session.add(
                Presence(
                    terminal_id=uuid.UUID(int=7),
                    operator="petr",
                    host="notebook-petr",
                    screen="order",
                    order_id=main.id,
                    since=ago(minutes=20),
                    seen_at=NOW,
                )
            )

    async def _main_order(self, session: TrackedAsyncSession) -> Order:
        """The one that screens show: every state that a version can be in."""
        order = self._order("#1270", "Jana Nováková", ago(minutes=90))
        order.shipping_method = "Zásilkovna"
        order.line_items = [
            LineItem(
                position=1,
                title="Omalovánka A4, 24 stran",
                dedication="Pro Aničku k 5. narozeninám, s láskou babička Věra",
                layout="A4 na výšku",
                images=[await self._image(place) for place in range(1, 5)],
            ),
            LineItem(
                position=2,
                title="Omalovánka s fotkou na obálce",
                images=[await self._image(place) for place in range(1, 3)],
            ),
        ]
        session.add(order)
        await session.flush()
        one, two, three, four = order.line_items[0].images
        five, _six = order.line_items[1].images

        first = await self._coloring(session, one, 1, minutes=80)
        fine = await self._coloring(
            session, one, 2, minutes=60, options=ColoringOptions(2.0, 8), requested_by="petr"
        )
        session.add(
            ColoringVersion(
                image_id=one.id,
                version=3,
                status=Coloring.ERROR,
                created_at=ago(minutes=42),
                queued_at=ago(minutes=42),
                started_at=ago(minutes=41),
                completed_at=ago(minutes=38),
                megapixels=8.0,
                steps=20,
                attempts=3,
                requested_by="jana",
                error_code="outside",
                error="RunPod ran out of memory. Try again with fewer megapixels.",
            )
        )
        one.selected_coloring_id = fine.id
        svg = await self._svg(session, first, 1, minutes=55)
        one.selected_svg_id = svg.id
        await self._coloring(session, two, 1, minutes=70)
        session.add(
            ColoringVersion(
                image_id=two.id,
                version=2,
                status=Coloring.RUNPOD_PROCESSING,
                queued_at=ago(minutes=2),
                started_at=ago(seconds=75),
                claimed_by=_MINE,
                claimed_at=ago(seconds=75),
                attempts=1,
                submissions=1,
                requested_by="jana",
            )
        )
        session.add(
            ColoringVersion(
                image_id=three.id,
                version=1,
                status=Coloring.ERROR,
                queued_at=ago(minutes=12),
                started_at=ago(minutes=11),
                completed_at=ago(minutes=10),
                attempts=1,
                error_code="invalid_input",
                error="The photo cannot be read; send a JPEG or PNG.",
            )
        )
        session.add(
            ColoringVersion(
                image_id=four.id,
                version=1,
                queued_at=ago(minutes=1),
                not_before=NOW + timedelta(seconds=45),
                attempts=1,
                retries=1,
                error="RunPod is busy (HTTP 503).",
            )
        )
        done = await self._coloring(session, five, 1, minutes=25)
        five.selected_coloring_id = done.id
        session.add(
            SvgVersion(
                image_id=five.id,
                coloring_version_id=done.id,
                version=1,
                status=Svg.VECTORIZER_PROCESSING,
                queued_at=ago(minutes=1),
                started_at=ago(seconds=8),
                claimed_by=_SERVER,
                claimed_at=ago(seconds=8),
                attempts=1,
            )
        )
        return order

    async def _new_orders(self, session: TrackedAsyncSession) -> Order:
        """Orders on their way in, one of each status; gives the newest."""
        pending = self._order("#1274", "Žofie Křížová", ago(minutes=2), status=OrderStatus.PENDING)
        fetched = self._order(
            "#1273", "Bára Šimůnková", ago(minutes=11), status=OrderStatus.PROCESSING
        )
        loading = self._order(
            "#1272", "Miloš Řehoř", ago(minutes=24), status=OrderStatus.DOWNLOADING
        )
        loading.claimed_by, loading.claimed_at, loading.attempts = _SERVER, ago(seconds=20), 1
        loading.line_items = [
            LineItem(position=1, title="Omalovánka A4, 24 stran", images=[
                Image(position=place) for place in range(1, 4)
            ])
        ]  # fmt: skip
        failed = self._order("#1271", _HOSTILE, ago(minutes=47), status=OrderStatus.ERROR)
        gone = PermanentError(
            "The photo {photo} is no longer there (HTTP {status}); ask the customer for it.",
            service="photo server",
            status=404,
            photo="https://cdn.example.com/uploads/8f14e45f.jpg",
        ).sentence
        missing = Sentence.make(
            "{count} of {all} photos could not be fetched: {why}",
            "{count} of {all} photos could not be fetched; the first: {why}",
            count=1,
            all=2,
            why=gone,
        )
        failed.error, failed.error_words = str(missing), missing
        failed.line_items = [
            LineItem(position=1, title="Omalovánka A4, 24 stran", images=[
                await self._image(1), Image(position=2, error=str(gone), error_words=gone)
            ])
        ]  # fmt: skip
        failed.payment_status = "REFUNDED"
        failed.customer_email = "mallory@example.com"
        session.add_all([pending, fetched, loading, failed])
        return pending

    async def _older_orders(self, session: TrackedAsyncSession) -> None:
        """Many, and so all of a kind are written together."""
        made: list[tuple[int, int, Image]] = []
        for number, name in enumerate(_CUSTOMERS * 4):
            is_manual = number % 9 == 4
            order = self._order(
                f"#M{1012 - number // 9}" if is_manual else f"#{1269 - number}",
                name,
                ago(hours=3 + 2.6 * number),
                payment=None if is_manual else ("PAID", "PAID", "PENDING")[number % 3],
            )
            images = [await self._image(place) for place in range(1, 2 + number * 7 % 6)]
            order.line_items = [LineItem(position=1, title="Omalovánka A4", images=images)]
            session.add(order)
            made += [(number, place, image) for place, image in enumerate(images)]
        made.remove(next(each for each in made if each[:2] == (2, 1)))
        await session.flush()
        colorings = []
        for number, place, image in made:
            minutes = 4 + (number * 13 + place * 5) % 55 if number < 12 else 60 * number
            coloring = self._coloring_row(image, 1, minutes=minutes)
            colorings.append((number, place, image, minutes, coloring))
            session.add(coloring)
        await session.flush()
        svgs = []
        for number, place, image, minutes, coloring in colorings:
            image.selected_coloring_id = coloring.id
            if number > 3:
                svg = self._svg_row(coloring, 1, minutes=minutes - 1)
                svgs.append((number, image, svg))
                session.add(svg)
            elif number == 1:
                session.add(
                    SvgVersion(
                        image_id=image.id,
                        coloring_version_id=coloring.id,
                        version=1,
                        queued_at=ago(minutes=3 - place),
                    )
                )
        await session.flush()
        for number, image, svg in svgs:
            image.selected_svg_id = svg.id
            if number > 6:
                image.coloring_chosen_at = image.svg_chosen_at = ago(minutes=1)
        await session.flush()

    def _order(
        self,
        number: str,
        name: str,
        at: datetime,
        *,
        status: OrderStatus = OrderStatus.READY_FOR_REVIEW,
        payment: str | None = "PAID",
    ) -> Order:
        key = next(self._numbers)
        return Order(
            id=ULID.from_str(f"01KAFT00000000000000{key:06}"),
            order_number=number,
            shopify_id=None if payment is None else key,
            customer_name=name,
            customer_email="zakaznik@example.com",
            payment_status=payment,
            status=status,
            created_at=at,
            updated_at=at,
            queued_at=at,
        )

    async def _image(self, place: int) -> Image:
        number = len(self._art.photos)
        file = await self._stored(
            ("photo", place % number),
            f"photos/photo_{place % number + 1}.jpg",
            self._art.photos[place % number],
            "image/jpeg",
        )
        return Image(position=place, file_ref=file, uploaded_at=ago(hours=1))

    async def _coloring(
        self,
        session: TrackedAsyncSession,
        image: Image,
        version: int,
        *,
        minutes: float,
        options: ColoringOptions | None = None,
        requested_by: str | None = "jana",
    ) -> ColoringVersion:
        row = self._coloring_row(image, version, minutes=minutes, options=options)
        row.requested_by = requested_by
        photo = self._art.photos[image.position % len(self._art.photos)]
        drawn = await self._art.generator.coloring(photo, options or ColoringOptions())
        key = f"coloring/{image.position}/v{version}.png"
        row.file_ref = await self._stored((key,), key, drawn, "image/png")
        session.add(row)
        await session.flush()
        return row

    def _coloring_row(
        self,
        image: Image,
        version: int,
        *,
        minutes: float,
        options: ColoringOptions | None = None,
    ) -> ColoringVersion:
        """A finished one; where its file should be there is none yet."""
        options = options or ColoringOptions()
        key = f"coloring/{image.position}/v{version}.png"
        return ColoringVersion(
            image_id=image.id,
            version=version,
            status=Coloring.COMPLETED,
            file_ref=S3ObjectRefData(key=key, bucket="files", content_type="image/png", size=1),
            megapixels=options.megapixels,
            steps=options.steps,
            created_at=ago(minutes=minutes + 1),
            queued_at=ago(minutes=minutes + 1),
            started_at=ago(minutes=minutes + 0.7),
            completed_at=ago(minutes=minutes),
            attempts=1,
            requested_by="jana",
        )

    async def _svg(
        self,
        session: TrackedAsyncSession,
        coloring: ColoringVersion,
        version: int,
        *,
        minutes: float,
    ) -> SvgVersion:
        row = self._svg_row(coloring, version, minutes=minutes)
        assert coloring.file_ref is not None
        png = await self.storage.get(coloring.file_ref.key)
        drawn = await self._art.generator.svg(png, SvgOptions())
        key = f"svg/{coloring.image_id}/v{version}.svg"
        row.file_ref = await self._stored((key,), key, drawn, "image/svg+xml")
        session.add(row)
        await session.flush()
        return row

    def _svg_row(self, coloring: ColoringVersion, version: int, *, minutes: float) -> SvgVersion:
        """A finished one; where its file should be there is none yet."""
        key = f"svg/{coloring.image_id}/v{version}.svg"
        return SvgVersion(
            image_id=coloring.image_id,
            coloring_version_id=coloring.id,
            version=version,
            status=Svg.COMPLETED,
            file_ref=S3ObjectRefData(key=key, bucket="files", content_type="image/svg+xml", size=1),
            created_at=ago(minutes=minutes + 0.4),
            queued_at=ago(minutes=minutes + 0.4),
            started_at=ago(minutes=minutes + 0.2),
            completed_at=ago(minutes=minutes),
            attempts=1,
            credits_charged=1.0,
            requested_by="petr",
        )

    async def _stored(
        self, name: tuple[object, ...], key: str, data: bytes, content_type: str
    ) -> S3ObjectRefData:
        if name not in self._files:
            self._files[name] = await self.storage.put(key, data, content_type=content_type)
        return self._files[name]


def _engines() -> list[Engine]:
    rows = [
        (_MINE, "jana", "studio-1", 4711, 1.0),
        (_SERVER, "server", "render-2", 812, 2.0),
        (_NOTEBOOK, "petr", "notebook-petr", 20881, 11.0),
    ]
    return [
        Engine(
            id=key,
            operator=operator,
            host=host,
            pid=pid,
            version="0.1.0",
            lanes=[kind.value for kind in JobKind],
            capacity=8,
            lease_seconds=15.0,
            started_at=ago(hours=5),
            last_seen_at=ago(seconds=silent),
        )
        for key, operator, host, pid, silent in rows
    ]


def _activity(main: Order, newest: Order) -> list[Activity]:
    one, two = main.line_items[0].images[:2]
    acts = ActivityAction
    rows: list[tuple[float, str, ActivityAction, Order | None, Image | None, str | None]] = [
        (90, "server", acts.ORDER_CREATED, main, None, "6 photos"),
        (81, "jana", acts.REQUESTED, main, one, "Colouring v1"),
        (61, "petr", acts.REQUESTED, main, one, "Colouring v2"),
        (58, "petr", acts.SELECTED, main, one, "Colouring v2"),
        (42, "jana", acts.REQUESTED, main, one, "Colouring v3"),
        (
            38,
            "server",
            acts.FAILED,
            main,
            one,
            "RunPod ran out of memory. Try again with fewer megapixels.",
        ),
        (30, "petr", acts.LANE_PAUSED, None, None, "Credits have run out; new ones come at noon."),
        (17, "petr", acts.LANE_RESUMED, None, None, None),
        (14, "jana", acts.NOTED, main, two, "Ask the customer for a sharper photo."),
        (6, "jana", acts.CANCELLED, main, two, "Colouring v1"),
        (2, "server", acts.ORDER_CREATED, newest, None, None),
    ]
    return [
        Activity(
            at=ago(minutes=minutes),
            operator=operator,
            action=action,
            order_id=None if order is None else order.id,
            image_id=None if image is None else image.id,
            version_type=None if action is acts.ORDER_CREATED else VersionType.COLORING,
            detail=detail,
        )
        for minutes, operator, action, order, image, detail in rows
    ]


# --- the app ---------------------------------------------------------------------------------


class QuietHub(MercureSubscriber[Event]):
    """A hub that is there and has nothing to tell."""

    def __init__(self) -> None:
        """It connects to nothing."""

    async def stream(self) -> AsyncGenerator[Message[Event] | Lost | StateChange]:
        """Live, and then silence."""
        yield StateChange(LinkState.LIVE)
        await asyncio.Event().wait()


def shop_app(
    database: Database,
    storage: DirectoryStorage,
    cache: Path,
    *,
    language: str = "en",
    theme: str = "fototui-dark",
    graphics: Graphics = Graphics.QUADRANT,
    has_hub: bool = True,
    ascii_badges: bool = False,
    preferences: Preferences | None = None,
    jobs_here: int = 0,
) -> FototuiApp:
    """The app in this shop, at its present moment.

    Args:
        database: The shop's database.
        storage: The shop's storage.
        cache: A folder for pictures.
        language: "cs" or "en".
        theme: The theme's name.
        graphics: How pictures are shown.
        has_hub: Live events come.
        ascii_badges: For fonts without the usual signs.
        preferences: What is remembered; language and theme go over it.
        jobs_here: Jobs that run in this process.
    """
    backend = Backend(database, storage, operator="jana")
    remembered = (preferences or Preferences()).model_copy(
        update={"language": language, "theme": theme}
    )
    app = FototuiApp(
        backend,
        LiveStore(backend, QuietHub() if has_hub else None),
        AppSettings(ZONE, now=lambda: NOW, ascii_badges=ascii_badges),
        remembered,
        home=OrdersScreen,
        pictures=PictureLoader(
            storage, cache_folder=cache, disk_limit=0, renderer=Renderer.of(graphics)
        ),
        presence=Terminal(backend, _TERMINAL, host="studio-1"),
        jobs_here=lambda: jobs_here,
    )
    app.animation_level = "none"
    return app


def order_id(app: FototuiApp, number: str) -> str:
    """An order's ULID by its number."""
    return next(row.id for row in app.store.orders.values() if row.number == number)
