"""What a worker process does for books: it typesets one, draws a page, looks at an SVG."""

import hashlib
import json
from collections.abc import Sequence
from pathlib import Path

import resvg_py
import typst

from fototui.books.findings import of_letters, of_picture, of_template
from fototui.books.folder import no_room
from fototui.books.job import BookJob, Value, printed_width
from fototui.books.parcel import pack
from fototui.books.preflight import measure
from fototui.books.press import finished
from fototui.books.svg import printable
from fototui.domain.books import Finding, Orientation
from fototui.domain.errors import InvalidInputError

# What a template tells of its pages is put under this label.
_REPORTS = "<fototui>"

# Who pages through a book asks for one page after the other.
_last_drawn: dict[bytes, Sequence[str]] = {}


def typeset(data: bytes, folder: str) -> tuple[Value, bytes]:
    """Make a book.

    Args:
        data: Its request and template, packed.
        folder: An empty folder for its files.

    Returns:
        How many pages it has; its findings and the PDF, packed.
    """
    job = BookJob.read(data)
    compiler = _opened(job, Path(folder))
    raw = job.compile(compiler, "pdf")[0]
    reports = json.loads(compiler.query(_REPORTS, field="value"))
    sources = json.loads(compiler.query("image", field="source"))
    findings = job.findings([each for each in reports if isinstance(each, dict)], sources)
    made = finished(raw, bleed=job.options.bleed)
    for page, kinds in made.not_grey.items():
        findings += of_template(kinds, page)
    if made.boxes:
        findings += of_letters(made.boxes, job.letters_left_out(compiler))
    findings.sort(key=lambda each: each.page or 0)
    return {"pages": made.pages}, pack(_written(findings), [made.pdf])


def render(data: bytes, folder: str, page: int, ppi: int) -> tuple[Value, bytes]:
    """Draw a page of a book.

    Args:
        data: Its request and template, packed.
        folder: An empty folder for its files.
        page: Which page, from 1.
        ppi: Pixels per inch.

    Returns:
        How many pages it has; a PNG.
    """
    pages = _drawn(data, Path(folder))
    if not 1 <= page <= len(pages):
        raise InvalidInputError(
            "The book has no page {page}; its pages are 1 to {last}.", page=page, last=len(pages)
        )
    png = resvg_py.svg_to_bytes(
        svg_string=pages[page - 1],
        background="#ffffff",
        skip_system_fonts=True,
        # Typst gives a page's size in points.
        dpi=float(ppi),
    )
    return {"pages": len(pages)}, bytes(png)


def check(data: bytes) -> tuple[Value, bytes]:
    """Find what is to be said of an SVG that may come into a book.

    Args:
        data: The file.
    """
    svg = printable(data)
    measured = measure(svg, printed_width(svg, Orientation.UPRIGHT))
    return {}, pack(_written(of_picture([*svg.left_out, *measured.kinds()])), [])


def _drawn(data: bytes, folder: Path) -> Sequence[str]:
    key = hashlib.sha256(data).digest()
    if key not in _last_drawn:
        job = BookJob.read(data)
        pages = [page.decode() for page in job.compile(_opened(job, folder), "svg")]
        _last_drawn.clear()
        _last_drawn[key] = pages
    return _last_drawn[key]


def _opened(job: BookJob, folder: Path) -> typst.Compiler:
    try:
        return job.open(folder)
    except OSError as error:
        raise no_room(error) from None


def _written(findings: Sequence[Finding]) -> Value:
    return {"findings": [each.model_dump(mode="json") for each in findings]}
