"""Typesets books in a worker process, within limits of time and memory."""

from pathlib import Path

from fototui.books.request import BookRequest, TypesetBook
from fototui.decoding.workers import WorkerLimits, Workers
from fototui.domain.books import Finding
from fototui.net.closing import Closing

LIMITS = WorkerLimits(cpu_seconds=240.0, seconds=600.0, memory=4_000_000_000, at_once=1)
"""What one book may take; `bench/books.py` tells what 200 pages do take."""


class Typesetter(Closing):
    """Makes books, and pictures of their pages.

    Args:
        template: A shop's own template (`docs/book-template.md`); the program's where not given.
        limits: What one book may take.
    """

    def __init__(self, template: Path | None = None, limits: WorkerLimits = LIMITS) -> None:
        self._template = template
        self._workers = Workers(limits)

    async def typeset(self, request: BookRequest) -> TypesetBook:
        """Make a book.

        Args:
            request: What it is made of.

        Raises:
            PermanentError: It cannot be made of this; a broken SVG is named by its page.
            ConfigurationError: The shop's template cannot be read.
            TransientError: No process could be started.
        """
        raise NotImplementedError

    async def render(self, request: BookRequest, page: int, ppi: int) -> bytes:
        """Draw one page of a book.

        Args:
            request: What the book is made of.
            page: Which page of the file, from 1.
            ppi: Pixels per inch.

        Returns:
            A PNG.

        Raises:
            InvalidInputError: The book has no such page.
            PermanentError: It cannot be made of this.
            ConfigurationError: The shop's template cannot be read.
            TransientError: No process could be started.
        """
        raise NotImplementedError

    async def check_svg(self, svg: bytes) -> tuple[Finding, ...]:
        """Tell what an operator should know of an SVG before it is printed in a book.

        Args:
            svg: The file.

        Returns:
            What `typeset` would find on its page.

        Raises:
            PermanentError: It cannot be printed at all.
            TransientError: No process could be started.
        """
        raise NotImplementedError

    async def aclose(self) -> None:
        """End the worker processes."""
        self._workers.close()
