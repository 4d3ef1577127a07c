"""Orders as folders of files for a print shop."""

from __future__ import annotations

import asyncio
import hashlib
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from fototui.db.events.session import TrackedAsyncSession
from fototui.domain.errors import ConflictError, NotFoundError, OutsideError
from fototui.domain.files import S3ObjectRefData
from fototui.domain.sentences import Sentence
from fototui.domain.statuses import BookProcessingStatus, VersionType
from fototui.domain.text import clean_line
from fototui.services.books.manifest import Manifest, ManifestLine, digest_of
from fototui.services.books.order_folder import NewFiles, writing
from fototui.services.books.service import BookService
from fototui.services.orders.finishing import FinishReport, FinishService
from fototui.services.orders.manual import OrderService
from fototui.services.orders.queries import rows_now
from fototui.services.orders.refs import find_orders, no_such_order
from fototui.services.verified_files import get_verified
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

        An order's folder comes with all of its files at once, then the manifest tells of it. Orders
        are handed over after all that.

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
        with writing(folder):
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
        new = NewFiles(folder / name)
        try:
            files = [await self._fetch(each, folder / name, new) for each in wanted]
            lines = [
                ManifestLine(
                    number=order.number,
                    customer=order.customer_name,
                    title=each.title,
                    copies=each.copies,
                    pages=each.pages,
                    file=f"{name}/{each.name}",
                    sha256=sha256,
                )
                for each, sha256 in zip(wanted, files, strict=True)
            ]
            left_over = await asyncio.to_thread(
                _publish, new, manifest, folder, order.number, lines
            )
        except OutsideError:
            await asyncio.to_thread(_forget_damaged, manifest, folder, order.number)
            raise
        finally:
            new.discard()
        return ExportedOrder(order.number, tuple(lines), new.count, left_over)

    async def _fetch(self, wanted: _Wanted, folder: Path, new: NewFiles) -> str:
        """Have a file wait for the others, unless it is in its place already; its digest."""
        there = await asyncio.to_thread(digest_of, folder / wanted.name)
        if there is not None and there == wanted.ref.sha256:
            return there
        data = await get_verified(self._storage, wanted.ref)
        digest = (await asyncio.to_thread(hashlib.sha256, data)).hexdigest()
        if digest != there:
            await asyncio.to_thread(new.add, wanted.name, data)
        return digest


def _publish(
    new: NewFiles, manifest: Manifest, folder: Path, number: str, lines: Sequence[ManifestLine]
) -> tuple[str, ...]:
    """Bring an order's files to their place and write it down; what no longer belongs to it.

    Whenever this ends, the manifest tells of nothing that is not there.
    """
    if new.count and any(line.number == number for line in manifest.files):
        manifest.without(number).write(folder)
    new.publish()
    left_over = manifest.replace(number, lines)
    manifest.write(folder)
    return tuple(file for file in left_over if (folder / file).is_file())


def _forget_damaged(manifest: Manifest, folder: Path, number: str) -> None:
    """Tell no longer of an order whose files are not what an earlier export left."""
    its = [line for line in manifest.files if line.number == number]
    if any(digest_of(folder / line.file) != line.sha256 for line in its):
        manifest.replace(number, ())
        manifest.write(folder)


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
