"""A book under way, in a worker process: what its template is given, and what it makes of it."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping, Sequence
from functools import cache
from pathlib import Path

import typst

from fototui.books.findings import of_dedication, of_picture, of_pictures_left_out
from fototui.books.letters import ARCHIVABLE, is_visible, missing_characters, named, without
from fototui.books.parcel import unpack
from fototui.books.preflight import measure
from fototui.books.request import SERVICE
from fototui.books.svg import UNDRAWABLE, PrintableSvg, printable
from fototui.books.typography import dedication_text
from fototui.domain.books import BookOptions, Finding, Orientation, orientation
from fototui.domain.errors import PermanentError
from fototui.domain.sentences import Sentence
from fototui.domain.text import clean_line

Value = dict[str, object]

FORMAT_VERSION = 1
"""Of what a template is given (`docs/book-template.md`)."""

_FONTS = Path(__file__).parent / "fonts"
_MAX_PICTURES = 2_000
_LONGEST_SIDE = 1_000
# The names under which a template sees its files.
_TEMPLATE, _DATA = "book.typ", "book.json"

# It would be fetched over the network, and be another one some day.
_PACKAGE = re.compile(rb'"@[\w-]+/[\w-]+:[\d.]+"')
_DOWNLOAD = re.compile(r"failed to download package \((?:https://packages\.typst\.org/)?([^:)\s]+)")
# Where this book's own files lie, and no other's, says nothing to who wrote the template.
_FOLDER = re.compile(r"[^\s(]*fototui-book-[^/\s]+/")
_ONE_PICTURE = b'#image(bytes(sys.inputs.svg), format: "svg")'


class BookJob:
    """A book to be made.

    Args:
        head: Its request without the pictures.
        template: The template's source.
        svgs: Its pictures.

    Raises:
        PermanentError: It has no pictures, too many, or broken ones.
    """

    def __init__(self, head: Mapping[str, object], template: bytes, svgs: Sequence[bytes]) -> None:
        if not svgs:
            raise PermanentError(
                "The book has no pictures; choose SVGs for it first.", service=SERVICE
            )
        if len(svgs) > _MAX_PICTURES:
            raise PermanentError(
                "The book has {count} pictures; {most} are the most.",
                service=SERVICE,
                count=len(svgs),
                most=_MAX_PICTURES,
            )
        if found := _PACKAGE.search(template):
            raise _no_packages(found[0].decode())
        self.options = BookOptions.model_validate(head["options"])
        self._template = template
        self._pictures = [_picture(number, svg) for number, svg in enumerate(svgs, 1)]
        self._title = clean_line(str(head["title"]))
        self._order_number = clean_line(str(head["order_number"]))
        self._layout = clean_line(str(head["layout"])) if head["layout"] else None
        self._orientation, of_layout = orientation(self._layout)
        words = head["dedication"]
        text, self._is_cut = dedication_text(None if words is None else str(words))
        self._missing = missing_characters(text, _fonts()) if text else ""
        if text and self._missing:
            text = without(text, self._missing)
        self._dedication = text if text and is_visible(text) else None
        self._of_layout = [of_layout] if of_layout else []

    @classmethod
    def read(cls, data: bytes) -> BookJob:
        """Take apart what the typesetter has packed.

        Args:
            data: The request and the template.
        """
        head, (template, *svgs) = unpack(data)
        return cls(head, template, svgs)

    def open(self, folder: Path) -> typst.Compiler:
        """Write all that the template may read.

        Args:
            folder: A folder that holds nothing else.
        """
        (folder / _TEMPLATE).write_bytes(self._template)
        (folder / _DATA).write_text(json.dumps(self._given()), encoding="utf-8")
        for number, svg in enumerate(self._pictures, 1):
            (folder / _file(number)).write_bytes(svg.data)
        return typst.Compiler(
            str(folder / _TEMPLATE),
            root=str(folder),
            font_paths=_fonts(),
            ignore_system_fonts=True,
            package_path=str(folder / "packages"),
            package_cache_path=str(folder / "packages"),
        )

    def _given(self) -> Value:
        return {
            "version": FORMAT_VERSION,
            "order_number": self._order_number,
            "title": self._title,
            "dedication": self._dedication,
            "layout": self._layout,
            "orientation": self._orientation.value,
            "options": self.options.model_dump(mode="json"),
            "pages": [
                {"number": number, "file": _file(number), "width": svg.width, "height": svg.height}
                for number, svg in enumerate(self._pictures, 1)
            ],
        }

    def compile(self, compiler: typst.Compiler, form: typst.OutputFormat) -> Sequence[bytes]:
        """Typeset the book.

        Args:
            compiler: What `open` has made.
            form: A PDF is one piece; of pictures there is one a page.

        Raises:
            PermanentError: A picture or the template is broken.
        """
        try:
            # Without a time the file would hold today's, where a template asks for one.
            made = compiler.compile(format=form, timestamp=0, pdf_tags=False)
        except typst.TypstError as error:
            self._refuse_broken_picture()
            reason = _FOLDER.sub("", error.diagnostic or error.message)
            if found := _DOWNLOAD.search(reason):
                raise _no_packages(found[1]) from None
            raise PermanentError(
                "The template cannot be typeset: {reason}",
                service=SERVICE,
                reason=clean_line(reason, limit=600),
            ) from None
        return made if isinstance(made, list) else [made or b""]

    def letters_left_out(self, compiler: typst.Compiler) -> str:
        """The characters in a book that no font here has, each once.

        Args:
            compiler: What `open` has made.
        """
        try:
            compiler.compile(format="pdf", timestamp=0, pdf_standards=ARCHIVABLE)
        except typst.TypstError as error:
            return named(error)
        return ""

    def _refuse_broken_picture(self) -> None:
        for number, svg in enumerate(self._pictures, 1):
            try:
                typst.compile(_ONE_PICTURE, sys_inputs={"svg": svg.data.decode()}, format="svg")
            except typst.TypstError:
                raise _of_picture(number, UNDRAWABLE) from None

    def findings(self, reports: Sequence[Value], sources: Sequence[object]) -> list[Finding]:
        """Look at the dedication, and at each picture in the size that it has on its page.

        Args:
            reports: What the template tells of its pages.
            sources: Of what each image in the book is made.
        """
        dedication = next((each for each in reports if each.get("kind") == "dedication"), {})
        found = list(self._of_layout)
        found += of_dedication(
            _page(dedication),
            is_cut=self._is_cut or dedication.get("fits") is False,
            missing=self._missing,
        )
        placed = {number: each for each in reports if isinstance(number := each.get("number"), int)}
        for number, svg in enumerate(self._pictures, 1):
            report = placed.get(number, {})
            width = report.get("width")
            if not isinstance(width, (int, float)) or not _is_printable(svg, width):
                width = printed_width(svg, self._orientation)
            try:
                kinds = [*svg.left_out, *measure(svg, width).kinds()]
            except PermanentError as error:
                raise _of_picture(number, error.sentence) from None
            found += of_picture(kinds, _page(report))
        return found + of_pictures_left_out(self._left_out(sources))

    def _left_out(self, sources: Sequence[object]) -> list[int]:
        """The pictures that the template does not print."""
        named = {str(each).lstrip("./") for each in sources}
        if not all(each.endswith(".svg") for each in named):
            return []  # which one it has read itself, and handed to Typst as bytes, is not known
        return [
            number for number in range(1, len(self._pictures) + 1) if _file(number) not in named
        ]


def _no_packages(package: str) -> PermanentError:
    return PermanentError(
        "The template imports the package {package}; put what it needs of it into the file itself.",
        service=SERVICE,
        package=package,
    )


def printed_width(svg: PrintableSvg, way: Orientation) -> float:
    """How many millimetres wide a picture is on an A4 page with the usual margins.

    Args:
        svg: The picture.
        way: Which way up the page is.
    """
    width, height = (180.0, 267.0) if way is Orientation.UPRIGHT else (267.0, 180.0)
    return max(1.0, min(width, height * svg.width / svg.height))


def _page(report: Value) -> int | None:
    page = report.get("page")
    return page if isinstance(page, int) else None


def _is_printable(svg: PrintableSvg, width: float) -> bool:
    """Whether a picture of so many millimetres is one that a page may have."""
    return width >= 1 and max(width, width * svg.height / svg.width) <= _LONGEST_SIDE


def _picture(number: int, svg: bytes) -> PrintableSvg:
    try:
        return printable(svg)
    except PermanentError as error:
        raise _of_picture(number, error.sentence) from None


def _of_picture(number: int, why: Sentence) -> PermanentError:
    return PermanentError(
        "Picture {number} of the book: {why}", service=SERVICE, number=number, why=why
    )


def _file(number: int) -> str:
    return f"{number}.svg"


@cache
def _fonts() -> typst.Fonts:
    """The program's own, and those that Typst brings: the same book on every machine."""
    return typst.Fonts(include_system_fonts=False, font_paths=[_FONTS])
