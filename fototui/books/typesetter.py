"""Typesets books in a worker process, within limits of time and memory."""

import asyncio
import stat
from collections.abc import Mapping
from pathlib import Path

from fototui.books.folder import remove_left_overs, work_folder
from fototui.books.parcel import pack, unpack
from fototui.books.request import SERVICE, BookRequest, TypesetBook
from fototui.decoding.workers import DIED, WorkerError, WorkerLimits, Workers
from fototui.domain.books import Finding
from fototui.domain.errors import (
    ConfigurationError,
    InvalidInputError,
    PermanentError,
    TransientError,
)
from fototui.domain.sentences import Sentence
from fototui.net.closing import Closing

LIMITS = WorkerLimits(cpu_seconds=240.0, seconds=600.0, memory=4_000_000_000, at_once=1)
"""What one book may take; `bench/books.py` tells what 200 pages do take."""

CHECK_LIMITS = WorkerLimits(cpu_seconds=20.0, seconds=60.0, memory=2_000_000_000, at_once=1)
"""What looking at one SVG may take, while somebody waits for what is found."""

# Typst would fetch packages that a template names: over a proxy that is not there it cannot.
_NO_NETWORK = dict.fromkeys(
    ("https_proxy", "HTTPS_PROXY", "http_proxy", "HTTP_PROXY", "all_proxy", "ALL_PROXY"),
    "http://127.0.0.1:1",
)
_LONGEST_TEMPLATE = 10_000_000

DEFAULT_TEMPLATE = Path(__file__).parent / "book.typ"


class Typesetter(Closing):
    """Makes books, and pictures of their pages.

    A book is made in a worker process, which holds no secrets and is ended when it takes too long
    or too much. The template sees nothing but the files of the book.

    Args:
        template: A shop's own template (`docs/book-template.md`); the program's where not given.
        limits: What one book may take.
    """

    def __init__(self, template: Path | None = None, limits: WorkerLimits = LIMITS) -> None:
        self._template = template or DEFAULT_TEMPLATE
        self._workers = Workers(limits, environment=_NO_NETWORK)

    async def typeset(self, request: BookRequest) -> TypesetBook:
        """Make a book.

        Args:
            request: What it is made of.

        Raises:
            PermanentError: It cannot be made of this; a broken SVG is named by its place.
            ConfigurationError: The shop's template cannot be read.
            TransientError: No process could be started, it died, or there is no room for its files.
        """
        value, packed = await self._run_in_folder("typeset", request)
        head, (pdf,) = unpack(packed)
        return TypesetBook(pdf, int(str(value["pages"])), _findings(head))

    async def render(self, request: BookRequest, page: int, ppi: int) -> bytes:
        """Draw one page of a book, as it is after it was cut.

        Args:
            request: What the book is made of.
            page: Which page of the file, from 1.
            ppi: Pixels per inch, 10 to 600.

        Returns:
            A PNG.

        Raises:
            InvalidInputError: The book has no such page.
            PermanentError: It cannot be made of this.
            ConfigurationError: The shop's template cannot be read.
            TransientError: No process could be started.
        """
        params = {"page": page, "ppi": min(max(ppi, 10), 600)}
        return (await self._run_in_folder("render", request, params))[1]

    async def check_svg(self, svg: bytes) -> tuple[Finding, ...]:
        """Tell what an operator should know of an SVG before it is printed in a book.

        Args:
            svg: The file.

        Returns:
            What would be found on its page, were that upright.

        Raises:
            PermanentError: It cannot be printed at all.
            TransientError: No process could be started.
        """
        _, packed = await self._run("check", svg)
        return _findings(unpack(packed)[0])

    async def aclose(self) -> None:
        """End the worker processes."""
        self._workers.close()

    async def _run_in_folder(
        self, task: str, request: BookRequest, params: Mapping[str, object] | None = None
    ) -> tuple[dict[str, object], bytes]:
        head = {
            "order_number": request.order_number,
            "title": request.title,
            "dedication": request.dedication,
            "layout": request.layout,
            "options": request.options.model_dump(mode="json"),
        }
        data = await asyncio.to_thread(
            lambda: pack(head, [_read_template(self._template), *request.pages])
        )
        await asyncio.to_thread(remove_left_overs)
        # Here and not in the process, which may be ended at any moment: no picture is left behind.
        with work_folder() as folder:
            return await self._run(task, data, {"folder": str(folder), **(params or {})})

    async def _run(
        self, task: str, data: bytes, params: Mapping[str, object] | None = None
    ) -> tuple[dict[str, object], bytes]:
        try:
            return await self._workers.run(f"fototui.books.tasks:{task}", data, params)
        except WorkerError as error:
            if error.sentence is not None and error.code == InvalidInputError.code:
                raise InvalidInputError(error.sentence) from None
            if error.sentence is not None and error.code == TransientError.code:
                raise TransientError(error.sentence, service=SERVICE) from None
            if error.code == DIED:
                raise TransientError(
                    "The process that typesets the book ended before its time, twice. Another "
                    "program may have ended it, or this machine is short of memory; see its log.",
                    service=SERVICE,
                ) from None
            if error.sentence is not None:
                raise PermanentError(error.sentence, service=SERVICE) from None
            raise PermanentError(
                "Typesetting takes more than {seconds} s or {megabytes} MB of memory; generate the "
                "book's SVGs again with fewer pixels.",
                service=SERVICE,
                seconds=self._workers.limits.cpu_seconds,
                megabytes=self._workers.limits.memory // 1_000_000,
            ) from None


def _read_template(path: Path) -> bytes:
    try:
        if not stat.S_ISREG(path.stat().st_mode):
            raise _no_template(path, Sentence.make("it is no file"))
        with path.open("rb") as file:
            source = file.read(_LONGEST_TEMPLATE + 1)
    except OSError as error:
        raise _no_template(path, error.strerror or type(error).__name__) from None
    if len(source) > _LONGEST_TEMPLATE:
        raise _no_template(path, Sentence.make("it is too big"))
    return source


def _no_template(path: Path, reason: str | Sentence) -> ConfigurationError:
    return ConfigurationError(
        "BOOK_TEMPLATE names {path}, which cannot be read ({reason}); correct the path or "
        "leave it out.",
        path=str(path),
        reason=reason,
    )


def _findings(head: Mapping[str, object]) -> tuple[Finding, ...]:
    found = head["findings"]
    assert isinstance(found, list)
    return tuple(Finding.model_validate(each) for each in found)
