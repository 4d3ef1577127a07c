"""How an order's photos are fetched: the customers' upload app → storage, each by itself."""

import asyncio
from collections.abc import Collection, Mapping, Sequence
from contextlib import AsyncExitStack
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Protocol

from sqlalchemy import ColumnElement, func, null, select, update
from sqlalchemy.orm import InstrumentedAttribute
from ulid import ULID

from fototui.clients.download import DownloadedPhoto, PhotoDownload
from fototui.db.base import Base
from fototui.db.database import Database
from fototui.db.events.session import TrackedAsyncSession
from fototui.db.fixed import FixedStatement
from fototui.db.models.operations import Activity
from fototui.db.models.orders import Image, LineItem, Order
from fototui.db.notify import lane_payload, notify
from fototui.db.types import has_no_file
from fototui.domain.errors import OutsideError, PermanentError, TransientError
from fototui.domain.events import Change, ChangeContext, ImageUpdateEvent, Operation
from fototui.domain.files import S3ObjectRefData
from fototui.domain.sentences import Sentence
from fototui.domain.statuses import JobKind
from fototui.domain.statuses import OrderStatus as S
from fototui.engine.engine import engine_actor
from fototui.engine.execution.context import Work
from fototui.engine.execution.pipeline import Step, reason
from fototui.engine.jobs.job import JobStatus, OrderJob, Reason
from fototui.engine.jobs.orders import DOWNLOADS, claimed_order, finish
from fototui.engine.jobs.table import named
from fototui.engine.pipelines.opening import OpenLane, Parts, PipelineEntry
from fototui.log import get_logger
from fototui.services.operations.activity import ActivityAction, ActivityService
from fototui.services.orders.coming_back import bring_back, new_photos
from fototui.storage.base import Storage
from fototui.storage.keys import OrderStoragePaths

log = get_logger(__name__)


# Over all orders of this engine; a photo is in memory while it is on its way.
_AT_ONCE = 8


class PhotoSource(Protocol):
    """Fetches photos."""

    async def fetch(self, url: str) -> DownloadedPhoto:
        """Fetch one; raises an `OutsideError` that says why not."""


@dataclass(frozen=True, slots=True)
class _Missing:
    """A photo that has an address and no file; and why it will never have one, where known."""

    image_id: int
    line_item_id: int
    position: int
    url: str
    hopeless: Sentence | None = field(compare=False)


class DownloadPipeline:
    """The one step of an order's photos, which fetches all that are missing.

    All are fetched at once; each is written down as soon as it is stored, or with its own reason.
    So a crash loses only what was on its way, and a retry fetches only what is missing.

    Args:
        database: The database.
        storage: Where photos go.
        photos: Where they come from.
        actor: Who the activity log names.
    """

    jobs = DOWNLOADS
    retry_from: Mapping[JobStatus, JobStatus] = {}
    doubtful: Collection[JobStatus] = ()

    def __init__(
        self, database: Database, storage: Storage, photos: PhotoSource, *, actor: str
    ) -> None:
        self._database = database
        self._storage = storage
        self._photos = photos
        self._actor = actor
        self._room = asyncio.Semaphore(_AT_ONCE)
        self.steps: Mapping[JobStatus, Step[OrderJob]] = {S.DOWNLOADING: self._download}

    async def fail(self, work: Work[OrderJob], why: Reason) -> None:
        """Write that some photos could not be fetched."""
        await work.persistently(lambda: self._tell_of_done(work.job))
        await work.end(S.ERROR, **why)

    async def _download(self, work: Work[OrderJob]) -> None:
        tried: dict[_Missing, OutsideError | None] = {}
        while not work.ended:
            missing = await self._missing(work.job)
            new = [each for each in missing if not tried.get(each)]  # or it is gone again
            await self._fetch_all(work, new, tried)
            # What is wanted no more, or came otherwise, is no failure of the order.
            failures = [error for each in missing if (error := tried.get(each))]
            # The shop may tell of more photos while some are being fetched.
            if failures and not new:
                raise _summary(failures, of=len({each.image_id for each in tried}))
            if not failures and await work.persistently(lambda: self._finish(work.job)):
                work.ended_at(S.READY_FOR_REVIEW)

    async def _fetch_all(
        self,
        work: Work[OrderJob],
        photos: Sequence[_Missing],
        tried: dict[_Missing, OutsideError | None],
    ) -> None:
        """Fetch photos; one that fails does not keep the others from being fetched."""
        fetched = await asyncio.gather(
            *(self._fetch(work, photo, tried) for photo in photos), return_exceptions=True
        )
        for result in fetched:
            if result is not None:
                raise result

    async def _fetch(
        self, work: Work[OrderJob], missing: _Missing, tried: dict[_Missing, OutsideError | None]
    ) -> None:
        """Fetch and store one photo, and write down what became of it."""
        job = work.job
        if missing.hopeless is not None:
            tried[missing] = PermanentError(missing.hopeless, service="Photos")
            return
        try:
            async with self._room:
                stored = await self._fetch_and_store(work, missing)
        except OutsideError as error:
            log.warning("a photo was not fetched", image=missing.image_id, reason=str(error))
            tried[missing] = error
            fields: Mapping[str, object] = reason(error.code, error.sentence)
        else:
            tried[missing], fields = None, {"file_ref": stored}
        await work.persistently(lambda: self._write(job, missing, fields))

    async def _fetch_and_store(self, work: Work[OrderJob], missing: _Missing) -> S3ObjectRefData:
        photo = await self._photos.fetch(missing.url)
        work.lease.require()
        paths = OrderStoragePaths(work.job.order_id, missing.line_item_id, missing.position)
        return await self._storage.put(
            paths.photo(photo.info.ext),
            photo.data,
            content_type=photo.info.content_type,
            right=work.holding,
        )

    async def _missing(self, job: OrderJob) -> list[_Missing]:
        async with self._database.autocommit() as session:
            rows = await session.execute(
                select(Image, LineItem.id)
                .join(LineItem, LineItem.id == Image.line_item_id)
                .where(
                    LineItem.order_id == ULID.from_str(job.order_id),
                    LineItem.quantity > 0,
                    is_missing(),
                )
                .order_by(Image.id)
            )
            return [
                _Missing(
                    image.id,
                    line_item_id,
                    image.position,
                    image.original_url,
                    # The job was put back for the sake of others; whoever asks anew starts at 0.
                    _hopeless(image) if job.retries else None,
                )
                for image, line_item_id in rows
                if image.original_url is not None
            ]

    async def _write(self, job: OrderJob, missing: _Missing, fields: Mapping[str, object]) -> None:
        """Write what became of a photo; one whose claim is lost is written by others."""
        written = await self._database.run(
            _ARRIVED if "file_ref" in fields else _REFUSED,
            {
                **fields,
                "of_image": missing.image_id,
                "from_url": missing.url,
                "of_order": job.order_id,
                "by_token": job.claim_token,
            },
        )
        if written:
            news = self._database.news()
            news.track_changes(ImageUpdateEvent)
            # An error and a file are the same news: the photo is not what it was.
            news.report(
                Change(Image.__name__, missing.image_id, Operation.UPDATE, {"file_ref": None}),
                ChangeContext(order_id=job.order_id, image_id=missing.image_id),
            )
            news.publish()

    async def _finish(self, job: OrderJob) -> bool:
        """Write that all photos are there, unless there are new ones by now."""
        async with claimed_order(self._database, job) as (session, row):
            more = await session.scalar(
                select(func.count())
                .select_from(Image)
                .join(LineItem, LineItem.id == Image.line_item_id)
                .where(LineItem.order_id == row.id, LineItem.quantity > 0, is_missing())
            )
            if more:
                return False
            finish(row, job, S.READY_FOR_REVIEW)
            if row.finished_at is not None:
                await self._bring_back(session, row, row.finished_at)
            if row.sync_requested_at is not None:
                # News that came during the download: they could not be asked for until now.
                await notify(session, lane_payload(JobKind.INGEST))
            ActivityService(session, operator=self._actor).add(
                ActivityAction.DOWNLOADED, order_id=row.id
            )
        return True

    async def _tell_of_done(self, job: OrderJob) -> None:
        """Bring an order back that was handed over, where an operator waits for its photos.

        Who hands an order over without a photo has decided on that; the shop's news, which try it
        again each time, change nothing of it.
        """
        async with claimed_order(self._database, job) as (session, row):
            if row.finished_at is None:
                return
            if await self._bring_back(session, row, row.finished_at):
                return
            by_operator = select(Activity.id).where(
                Activity.order_id == row.id,
                Activity.action.in_([ActivityAction.REQUESTED, ActivityAction.RETRIED]),
                Activity.version_type.is_(None),
                Activity.at > row.finished_at,
            )
            if await session.scalar(by_operator.limit(1)):
                why = Sentence.make(
                    "Its photos were asked for again after it was handed over, and not all of them "
                    "could be fetched."
                )
                await self._reopen(session, row, why)

    async def _bring_back(
        self, session: TrackedAsyncSession, row: Order, finished_at: datetime
    ) -> bool:
        """Let an order be worked on again that was handed over before its photos had come.

        Returns:
            Whether any came.
        """
        count = await session.scalar(
            select(func.count())
            .select_from(Image)
            .join(LineItem, LineItem.id == Image.line_item_id)
            .where(
                LineItem.order_id == row.id,
                LineItem.quantity > 0,
                Image.uploaded_at > finished_at,
            )
        )
        if count:
            await self._reopen(session, row, new_photos(count))
        return bool(count)

    async def _reopen(self, session: TrackedAsyncSession, row: Order, why: Sentence) -> None:
        await bring_back(session, row, why)
        ActivityService(session, operator=self._actor).add(
            ActivityAction.REOPENED, order_id=row.id, detail=why
        )


def is_missing() -> ColumnElement[bool]:
    """The condition that an image has an address and no file."""
    return Image.original_url.is_not(None) & has_no_file(Image.file_ref)


def _hopeless(image: Image) -> Sentence | None:
    """Why a photo was not fetched, where trying the same again cannot help."""
    return image.error_words if image.error_code == PermanentError.code else None


# Any: columns are of several types.
def _writing(columns: Mapping[InstrumentedAttribute[Any], object]) -> FixedStatement:
    """The statement that writes what became of a photo: once, and while its order is claimed."""
    held = select(Order.id).where(
        Order.id == named("of_order", Order.id),
        Order.claim_token == named("by_token", Order.claim_token),
    )
    return FixedStatement(
        update(Base.metadata.tables[Image.__tablename__])
        .where(
            Image.id == named("of_image", Image.id),
            Image.original_url == named("from_url", Image.original_url),
            is_missing(),
            held.exists(),
        )
        .values({column.key: value for column, value in columns.items()})
        .returning(Image.id)
    )


_ERROR = (Image.error_code, Image.error, Image.error_words)
_REFUSED = _writing({column: named(column.key, column) for column in _ERROR})
_ARRIVED = _writing(
    {
        Image.file_ref: named("file_ref", Image.file_ref),
        Image.uploaded_at: func.now(),
        **dict.fromkeys(_ERROR, null()),
    }
)


def _summary(failures: Sequence[OutsideError], *, of: int) -> OutsideError:
    """One reason for all: worth another try as soon as one of them is."""
    passing = [error for error in failures if isinstance(error, TransientError)]
    first = (passing or failures)[0]
    words = Sentence.make(
        "{count} of {all} photos could not be fetched: {why}",
        "{count} of {all} photos could not be fetched; the first: {why}",
        count=len(failures),
        all=of,
        why=first.sentence,
    )
    if not passing:
        return PermanentError(words, service="Photos")
    longest = max((error.retry_after or 0.0 for error in passing), default=0.0)
    return TransientError(words, service="Photos", retry_after=longest or None)


async def _open(parts: Parts, stack: AsyncExitStack) -> OpenLane:
    settings = parts.settings
    download = PhotoDownload(
        proxies=settings.proxies,
        trusted_hosts=settings.photo_trusted_hosts,
        referer=settings.shopify_store_url,
    )
    photos = await stack.enter_async_context(download)
    actor = engine_actor(settings.operator)
    return OpenLane(DownloadPipeline(parts.database, parts.storage, photos, actor=actor))


ENTRY = PipelineEntry(JobKind.DOWNLOAD, _open)
