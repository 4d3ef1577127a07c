"""Orders as folders of files for a print shop."""

from __future__ import annotations

import asyncio
import fcntl
import hashlib
import os
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path

from fototui.db.events.session import TrackedAsyncSession
from fototui.domain.errors import ConflictError, InvalidInputError, NotFoundError, OutsideError
from fototui.domain.files import S3ObjectRefData
from fototui.domain.sentences import Sentence
from fototui.domain.statuses import BookProcessingStatus, VersionType
from fototui.domain.text import clean_line
from fototui.services.books.manifest import Manifest, ManifestLine, digest_of, write_if_other
from fototui.services.books.service import BookService
from fototui.services.orders.finishing import FinishReport, FinishService
from fototui.services.orders.manual import OrderService
from fototui.services.orders.queries import rows_now
from fototui.services.orders.refs import find_orders, no_such_order
from fototui.services.views.books import BookView
from fototui.services.views.orders import ImageView, LineItemView, OrderDetail, OrderRow
from fototui.storage.base import Storage
from fototui.storage.keys import file_name


@dataclass(frozen=True, slots=True)
class ExportedOrder:
    """An order whose files are all in the folder.

    Args:
        number: Its number.
        files: Its files, as the manifest tells of them.
        written: How many were written; the others were there already.
        left_over: Files of an earlier export that no longer belong to it, and still are there.
    """

    number: str
    files: tuple[ManifestLine, ...]
    written: int
    left_over: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class RefusedOrder:
    """An order that was not exported.

    Args:
        number: Its number, or what the operator called it.
        reason: Why, for an operator.
    """

    number: str
    reason: Sentence


@dataclass(frozen=True, slots=True)
class ExportReport:
    """What became of orders that were to be exported.

    Args:
        exported: Those whose files are in the folder.
        refused: The others.
        finished: Numbers of those that were handed over by it.
        passed_over: Why others whose files are there were not: they changed meanwhile.
    """

    exported: tuple[ExportedOrder, ...]
    refused: tuple[RefusedOrder, ...]
    finished: tuple[str, ...] = ()
    passed_over: tuple[Sentence, ...] = ()


@dataclass(frozen=True, slots=True)
class _Wanted:
    """A file that is to be in an order's folder."""

    name: str
    ref: S3ObjectRefData
    title: str
    copies: int | None = None
    pages: int | None = None


class ExportService:
    """Exports orders: for each a folder with its books, and the pictures that are chosen for them.

    What is in the folder already stays and is told of in the manifest, so that an export may be
    made again, and another one to the same folder.

    Args:
        session: A session with no transaction under way.
        operator: Who acts, for orders that are handed over.
        storage: Where the files come from.
    """

    def __init__(self, session: TrackedAsyncSession, *, operator: str, storage: Storage) -> None:
        self._session = session
        self._orders = OrderService(session, operator=operator)
        self._books = BookService(session, operator=operator)
        self._finishing = FinishService(session, operator=operator)
        self._storage = storage

    async def export(
        self, refs: Sequence[str], folder: Path, *, finish: bool = False
    ) -> ExportReport:
        """Export orders. One that is not ready, or whose files storage does not give, is left out.

        The manifest is written after all files, and orders are handed over only after that.

        Args:
            refs: The orders' numbers or ids.
            folder: Where to; it is made where it is not there.
            finish: Hand over those that were exported.

        Returns:
            What became of each.

        Raises:
            InvalidInputError: The folder cannot be written to, or its manifest is none.
            ConflictError: Another export writes to the folder.
            RecordLockedError: Someone else kept an order locked: all files are written, and none
                is handed over.
        """
        exported: dict[str, ExportedOrder] = {}
        seen: list[OrderRow] = []
        refused: list[RefusedOrder] = []
        with _writing(folder):
            manifest = Manifest.read(folder)
            for ref in refs:
                number = clean_line(ref, limit=40)
                try:
                    # Before its books are looked at: what changes after that is seen at the end.
                    row = await self._row(ref)
                    order = await self._orders.get_order(row.id)
                    number = order.number
                    if order.id not in exported:
                        exported[order.id] = await self._export(order, folder, manifest)
                        seen.append(row)
                except (NotFoundError, ConflictError, OutsideError) as error:
                    refused.append(RefusedOrder(number, error.sentence))
            if exported or manifest.files:
                await asyncio.to_thread(manifest.write, folder)
        report = FinishReport()
        if finish and seen:
            report = await self._finishing.finish_seen(seen)
        return ExportReport(
            tuple(exported.values()), tuple(refused), report.changed, report.passed_over
        )

    async def _row(self, ref: str) -> OrderRow:
        async with self._session.begin():
            found = await find_orders(self._session, [ref])
            for row in await rows_now(self._session, map(str, found)):
                return row
        raise no_such_order(ref)

    async def _export(self, order: OrderDetail, folder: Path, manifest: Manifest) -> ExportedOrder:
        wanted = _wanted(order, await self._books.list_books(order.id))
        name = file_name(order.number)
        if manifest.owner(name) not in (None, order.number):
            raise ConflictError(
                "The folder {name} holds order {other} already; export {number} to another place.",
                name=name,
                other=manifest.owner(name) or "",
                number=order.number,
            )
        (folder / name).mkdir(exist_ok=True)
        lines: list[ManifestLine] = []
        written = 0
        try:
            for each in wanted:
                sha256, is_new = await self._save(each.ref, folder / name / each.name)
                written += is_new
                lines.append(
                    ManifestLine(
                        number=order.number,
                        customer=order.customer_name,
                        title=each.title,
                        copies=each.copies,
                        pages=each.pages,
                        file=f"{name}/{each.name}",
                        sha256=sha256,
                    )
                )
        except OutsideError:
            # Some of its files may be newer than what an earlier export told of them.
            manifest.replace(order.number, ())
            raise
        left_over = manifest.replace(order.number, lines)
        still_there = tuple(file for file in left_over if (folder / file).is_file())
        return ExportedOrder(order.number, tuple(lines), written, still_there)

    async def _save(self, ref: S3ObjectRefData, path: Path) -> tuple[str, bool]:
        """Bring a file to its place; its digest, and whether it was not there."""
        there = await asyncio.to_thread(digest_of, path)
        if there is not None and there == ref.sha256:
            return there, False
        data = await self._storage.get(ref.key)
        is_new = await asyncio.to_thread(write_if_other, path, data)
        return hashlib.sha256(data).hexdigest(), is_new


def _wanted(order: OrderDetail, books: Sequence[BookView]) -> list[_Wanted]:
    """All files of an order; raises what stands against them."""
    finished = {
        book.line_item_id: book
        for book in books
        if book.current and book.status == BookProcessingStatus.COMPLETED
    }
    name = file_name(order.number)
    wanted: list[_Wanted] = []
    obstacles: list[Sentence] = []
    for item in order.line_items:
        if item.quantity <= 0 or not item.images:  # taken out, or nothing to be coloured
            continue
        book = finished.get(item.id)
        if obstacle := _obstacle(order, item, book):
            obstacles.append(obstacle)
        elif book is not None and book.file is not None:
            stem = f"{name}-{item.position}"
            wanted.append(_Wanted(f"{stem}.pdf", book.file, item.title, item.quantity, book.pages))
            for page, image in enumerate(item.images, start=1):
                wanted += _pictures(image, item.title, f"{stem}-{page:02}")
    if obstacles:
        raise ConflictError(Sentence.joined(obstacles))
    if not wanted:
        raise ConflictError(
            "Order {number} has no books; there is nothing to export.", number=order.number
        )
    return wanted


def _obstacle(order: OrderDetail, item: LineItemView, book: BookView | None) -> Sentence | None:
    title = clean_line(item.title)
    if missing := sum(image.file is None for image in item.images):
        return Sentence.make(
            "{count} photo of {title} is missing; wait for it, or fetch the order again.",
            "{count} photos of {title} are missing; wait for them, or fetch the order again.",
            count=missing,
            title=title,
        )
    chosen = tuple(image.selected_svg_id for image in item.images)
    if book is None or book.file is None or book.svg_ids != chosen:
        return Sentence.make(
            "{title} has no finished book of what is chosen today; "
            "make it with: fototui books make {number}",
            title=title,
            number=order.number,
        )
    return None


def _pictures(image: ImageView, title: str, stem: str) -> Iterator[_Wanted]:
    """The chosen SVG, and the chosen colouring; where none is, that which the SVG was made of."""
    svg = image.told(VersionType.SVG)
    if svg is None:
        return
    if svg.file is not None:
        yield _Wanted(f"{stem}.svg", svg.file, title)
    wanted = image.selected_coloring_id or svg.coloring_version_id
    for coloring in image.coloring:
        if coloring.id == wanted and coloring.file is not None:
            yield _Wanted(f"{stem}.png", coloring.file, title)


@contextmanager
def _writing(folder: Path) -> Iterator[None]:
    """Have a folder to oneself: two exports would each write a manifest without the other's."""
    try:
        folder.mkdir(parents=True, exist_ok=True)
        handle = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
        try:
            with suppress(OSError):  # some file systems know no locks
                _lock(handle, folder)
            yield
        finally:
            os.close(handle)
    except OSError as error:
        raise InvalidInputError(
            "{path} cannot be written: {reason}. Choose another folder with --to.",
            path=str(error.filename or folder),
            reason=error.strerror or type(error).__name__,
        ) from error


def _lock(handle: int, folder: Path) -> None:
    try:
        fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        raise ConflictError(
            "Another export writes to {path}; wait until it has ended.", path=str(folder)
        ) from None
