"""What is to be said of an SVG before it is printed, found out while an operator looks at it."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

from fototui.domain.errors import FototuiError, PermanentError
from fototui.domain.files import S3ObjectRefData
from fototui.domain.sentences import Sentence
from fototui.log import get_logger
from fototui.net.closing import Closing
from fototui.storage.base import Storage

if TYPE_CHECKING:
    from fototui.books.typesetter import Typesetter

log = get_logger(__name__)

_LOAD_SECONDS = 60.0


class Preflight(Closing):
    """Checks SVGs for one terminal, one after the other in a process of its own.

    What was found stays until the app is left, by the file's content. A file that the storage does
    not give now is asked for again the next time.

    Args:
        storage: Where files are kept.
    """

    def __init__(self, storage: Storage) -> None:
        self._storage = storage
        self._typesetter: Typesetter | None = None
        self._found: dict[str, tuple[Sentence, ...]] = {}
        self._running: asyncio.Task[None] | None = None
        self._turn = asyncio.Lock()

    def known(self, ref: S3ObjectRefData) -> tuple[Sentence, ...] | None:
        """What was found in a file; None where that is not known.

        Args:
            ref: The SVG.
        """
        return self._found.get(_content(ref))

    async def check(self, ref: S3ObjectRefData) -> None:
        """Find what is to be said of a file, unless it is known.

        One who stops waiting gives up the place in the queue, but not what has begun: the next one
        would have to wait for a new process.

        Args:
            ref: The SVG.
        """
        if self.known(ref) is not None:
            return
        async with self._turn:
            if self._running is not None:  # begun for one who is gone
                await asyncio.shield(self._running)
            if self.known(ref) is None:
                self._running = asyncio.create_task(self._look(ref), name=f"preflight {ref.key}")
                await asyncio.shield(self._running)

    async def aclose(self) -> None:
        """End what is under way, and the process."""
        if self._running is not None:
            self._running.cancel()
            await asyncio.gather(self._running, return_exceptions=True)
        if self._typesetter is not None:
            await self._typesetter.aclose()

    async def _look(self, ref: S3ObjectRefData) -> None:
        try:
            self._found[_content(ref)] = await self._sentences(ref)
        except (FototuiError, TimeoutError):
            log.info("an SVG could not be checked", key=ref.key, exc_info=True)

    async def _sentences(self, ref: S3ObjectRefData) -> tuple[Sentence, ...]:
        # Imported with the first SVG, and not where keys are answered.
        from fototui.books.typesetter import CHECK_LIMITS, Typesetter
        from fototui.pictures.svg import MAX_BYTES

        if self._typesetter is None:
            self._typesetter = Typesetter(limits=CHECK_LIMITS)
        async with asyncio.timeout(_LOAD_SECONDS):
            svg = await self._storage.get(ref.key, max_bytes=MAX_BYTES)
        try:
            findings = await self._typesetter.check_svg(svg)
        except PermanentError as error:  # it would fail its book
            return (error.sentence,)
        return tuple(finding.sentence for finding in findings)


def _content(ref: S3ObjectRefData) -> str:
    return ref.sha256 or f"{ref.bucket}\n{ref.key}\n{ref.etag}"
