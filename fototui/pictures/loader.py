"""Loads pictures from storage, decodes and scales them off the event loop, and keeps them."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Coroutine, Hashable, Sequence
from contextlib import AsyncExitStack
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

import platformdirs

from fototui.domain.errors import FototuiError
from fototui.domain.files import S3ObjectRefData
from fototui.domain.sentences import Sentence
from fototui.log import get_logger
from fototui.net.closing import Closing
from fototui.pictures.cache import DiskCache, MemoryCache
from fototui.pictures.errors import PictureError, PictureMissingError, PictureTooBigError
from fototui.pictures.levels import side_for
from fototui.pictures.terminal import Renderer
from fototui.storage.base import FileMissingError, Storage

if TYPE_CHECKING:
    from PIL import Image

log = get_logger(__name__)


@dataclass(frozen=True, slots=True)
class PdfPage:
    """A page of a PDF, which is a picture as well.

    Args:
        file: The PDF.
        number: Which page, from 1.
    """

    file: S3ObjectRefData
    number: int


PictureSource = S3ObjectRefData | PdfPage

MEMORY_LIMIT = 160_000_000
DISK_LIMIT = 500_000_000

# Decoding takes up to 400 MB for a moment and a core, and what is kept is written then; more at
# once would slow each other down.
_DECODES_AT_ONCE = 2
_MOST_AHEAD = 8
_LOAD_SECONDS = 60.0

_PASSED_SECONDS = 1.0
"""How long a picture that nobody waits for any more is still decoded. Nearly all are ready by then,
and their process can go on; to start another takes longer than most pictures, and whoever steps
through pictures would have one started at each step."""

_MISSING = Sentence.make("The file is not in storage; fetch or generate it again.")
_SLOW = Sentence.make("The storage does not answer; try again in a moment.")


@dataclass(slots=True)
class _Shared:
    """One piece of work under way, and how many wait for it."""

    task: asyncio.Task[Image.Image]
    waiting: int = 0


class PictureLoader(Closing):
    """The pictures of one terminal.

    A picture is decoded no bigger than the screen needs (`levels`), and kept so in memory and on
    disk, by key and content, so that a file that changed is not shown stale; what a window shows is
    scaled from it. Looking closer takes a bigger one.

    Args:
        storage: Where files are kept.
        cache_folder: Where pictures are kept; the platform's cache folder where not given.
        memory_limit: Most bytes of decoded pictures in memory.
        disk_limit: Most bytes on disk.
        renderer: How the terminal shows pictures.
    """

    def __init__(
        self,
        storage: Storage,
        *,
        cache_folder: Path | None = None,
        memory_limit: int = MEMORY_LIMIT,
        disk_limit: int = DISK_LIMIT,
        renderer: Renderer | None = None,
    ) -> None:
        self._storage = storage
        folder = cache_folder or Path(platformdirs.user_cache_path("fototui")) / "pictures"
        self._disk = DiskCache(folder, disk_limit)
        self._memory = MemoryCache(memory_limit)
        self._under_way: dict[Hashable, _Shared] = {}
        self._ahead: dict[tuple[PictureSource, int], asyncio.Task[None]] = {}
        self._loads: set[asyncio.Task[Image.Image]] = set()
        self._decodes: set[asyncio.Task[Image.Image]] = set()
        self._writing: set[asyncio.Task[None]] = set()
        self._screen = 0
        self._decoding = asyncio.Semaphore(_DECODES_AT_ONCE)
        self._one_ahead = asyncio.Semaphore(1)
        self.renderer = renderer or Renderer()
        """How the terminal shows pictures."""

    def fit_screen(self, columns: int, rows: int) -> None:
        """Make pictures big enough for a whole screen, whatever window they are first seen in.

        Args:
            columns: Characters across.
            rows: Characters down.
        """
        renderer = self.renderer
        wide = min(columns * renderer.cell_width, renderer.most_wide)
        high = min(rows * renderer.cell_height, renderer.most_high)
        self._screen = max(wide, high)

    async def load(
        self,
        ref: PictureSource,
        *,
        width_px: int,
        height_px: int,
        zoom: float = 1.0,
        pan: tuple[float, float] = (0.5, 0.5),
        has_map: bool = False,
    ) -> Image.Image:
        """Give what is seen of a picture in a window, with its proportions kept.

        Asking twice at once for the same is one piece of work, which ends when all who asked have
        been cancelled.

        Args:
            ref: The file, or the page of one.
            width_px: Of the window, in pixels.
            height_px: Of the window, in pixels.
            zoom: 1 shows all of it; 2 half of its width and height.
            pan: Which point is in the middle, each from 0 to 1.
            has_map: A small map in its corner tells which part is seen, where that is not all.

        Returns:
            An RGB picture no bigger than the window; not to be changed.

        Raises:
            PictureError: The file is missing, broken or too big.
            FototuiError: The storage did not give it.
        """
        picture = await self._picture(ref, side_for(max(width_px, height_px, self._screen) * zoom))
        cell = (self.renderer.cell_width, self.renderer.cell_height) if has_map else None
        return await asyncio.to_thread(
            _fit, picture, max(1, width_px), max(1, height_px), zoom, pan, cell
        )

    async def address(self, ref: PictureSource) -> str:
        """Where a browser finds the file."""
        return await self._storage.url(_file(ref).key)

    def prefetch(self, refs: Sequence[PictureSource], *, zoom: float = 1.0) -> None:
        """Load some pictures ahead, one by one; those of the call before no longer.

        Args:
            refs: What will be looked at next, the next one first; the first few are loaded.
            zoom: How close they will be looked at.
        """
        side = side_for(self._screen * zoom)
        wanted = [(ref, side) for ref in dict.fromkeys(refs)][:_MOST_AHEAD]
        for place in [place for place in self._ahead if place not in wanted]:
            self._ahead.pop(place).cancel()
        for place in wanted:
            if place not in self._ahead:
                name = f"picture {_file(place[0]).key}"
                task = asyncio.create_task(self._load_ahead(*place), name=name)
                self._ahead[place] = task
                task.add_done_callback(partial(self._forget, place))

    async def aclose(self) -> None:
        """End what is under way; what is being written is written."""
        tasks = [*self._ahead.values(), *self._loads, *self._decodes]
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, *self._writing, return_exceptions=True)

    # --- how -----------------------------------------------------------------------------------

    def _forget(self, place: tuple[PictureSource, int], task: asyncio.Task[None]) -> None:
        if self._ahead.get(place) is task:
            del self._ahead[place]

    async def _load_ahead(self, ref: PictureSource, side: int) -> None:
        async with self._one_ahead:
            try:
                await self._picture(ref, side)
            except FototuiError as error:  # told when it is looked at
                log.debug(
                    "a picture could not be loaded ahead", key=_file(ref).key, reason=str(error)
                )

    async def _picture(self, ref: PictureSource, side: int) -> Image.Image:
        key = await self._content_key(ref)
        found = self._memory.get(key, side)
        if found is not None:
            return found
        return await self._share((key, side), lambda: self._fetch(ref, key, side))

    async def _content_key(self, ref: PictureSource) -> str:
        """Name a file's content; where the database does not know it, the storage is asked."""
        if isinstance(ref, PdfPage):
            return f"{await self._content_key(ref.file)}\n{ref.number}"
        content = ref.sha256 or ref.etag
        if content is None:
            try:
                async with asyncio.timeout(_LOAD_SECONDS):
                    head = await self._storage.head(ref.key)
            except TimeoutError as error:
                raise PictureError(_SLOW) from error
            if head is None:
                raise PictureMissingError(_MISSING)
            content = head.sha256 or head.etag or ""
        return f"{ref.bucket}\n{ref.key}\n{content}"

    async def _share(
        self, key: Hashable, work: Callable[[], Coroutine[None, None, Image.Image]]
    ) -> Image.Image:
        shared = self._under_way.get(key)
        if shared is None:
            shared = self._under_way[key] = _Shared(asyncio.create_task(work()))
            self._loads.add(shared.task)
            shared.task.add_done_callback(self._loads.discard)
            shared.task.add_done_callback(lambda task: self._done(key, task))
        shared.waiting += 1
        try:
            return await asyncio.shield(shared.task)
        finally:
            shared.waiting -= 1
            if not shared.waiting and not shared.task.done():
                shared.task.cancel()
                self._done(key, shared.task)

    def _done(self, key: Hashable, task: asyncio.Task[Image.Image]) -> None:
        if (shared := self._under_way.get(key)) is not None and shared.task is task:
            del self._under_way[key]

    async def _fetch(self, ref: PictureSource, key: str, side: int) -> Image.Image:
        image = await asyncio.to_thread(self._disk.get, key, side)
        if image is None:
            image = await self._decode(ref, key, side)
        self._memory.put(key, side, image)
        return image

    async def _decode(self, ref: PictureSource, key: str, side: int) -> Image.Image:
        from fototui.pictures.apart import PICTURE_WORKERS, decode_apart
        from fototui.pictures.decoding import MAX_FILE_BYTES, TOO_BIG

        file = _file(ref)
        if file.size is not None and file.size > MAX_FILE_BYTES:
            raise PictureTooBigError(TOO_BIG)
        page = ref.number if isinstance(ref, PdfPage) else None
        async with AsyncExitStack() as room:
            await room.enter_async_context(self._decoding)
            PICTURE_WORKERS.prepare()
            image = await self._nearly_uncancelled(decode_apart(await self._read(file), side, page))
            # It is looked at while it is written.
            task = asyncio.create_task(self._write(room.pop_all(), key, side, image))
            self._writing.add(task)
            task.add_done_callback(self._writing.discard)
        return image

    async def _nearly_uncancelled(
        self, decoding: Coroutine[None, None, Image.Image]
    ) -> Image.Image:
        """Decode a picture; whoever cancels that has a moment's patience with the decoder."""
        task = asyncio.create_task(decoding)
        self._decodes.add(task)
        try:
            await asyncio.wait({task})
        except asyncio.CancelledError:
            await asyncio.wait({task}, timeout=_PASSED_SECONDS)
            raise
        finally:
            task.cancel()
            await asyncio.gather(task, return_exceptions=True)
            self._decodes.discard(task)
        return task.result()

    async def _write(self, room: AsyncExitStack, key: str, side: int, image: Image.Image) -> None:
        async with room:
            await asyncio.to_thread(self._disk.put, key, side, image)

    async def _read(self, ref: S3ObjectRefData) -> bytes:
        from fototui.pictures.decoding import MAX_FILE_BYTES

        try:
            async with asyncio.timeout(_LOAD_SECONDS):
                return await self._storage.get(ref.key, max_bytes=MAX_FILE_BYTES)
        except FileMissingError as error:
            raise PictureMissingError(_MISSING) from error
        except TimeoutError as error:
            raise PictureError(_SLOW) from error


def _file(ref: PictureSource) -> S3ObjectRefData:
    return ref.file if isinstance(ref, PdfPage) else ref


def _fit(
    image: Image.Image,
    width: int,
    height: int,
    zoom: float,
    pan: tuple[float, float],
    cell: tuple[int, int] | None,
) -> Image.Image:
    # Pillow is imported with the first picture, and not where keys are answered.
    from fototui.pictures.decoding import fit

    return fit(image, width, height, zoom, pan, cell=cell)
