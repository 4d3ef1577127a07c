"""What a book costs: real line art of the sample photos, typeset in a worker process.

    python -m bench.books

Prints JSON: for books of 24 and of 200 pages the seconds from the request to the file and the same
in processor time, how long a page takes to be drawn for the screen (the first one, and each after
it), the megabytes of the file, and the worker's memory at its peak.
"""

import asyncio
import json
import resource
import time
from itertools import cycle, islice
from pathlib import Path

from fototui import sandbox
from fototui.books.request import BookRequest
from fototui.books.typesetter import Typesetter
from fototui.domain.books import BookOptions
from fototui.domain.options import ColoringOptions, SvgOptions
from fototui.log import configure_logging
from fototui.sandbox.pictures.lineart import line_art
from fototui.sandbox.vectorizer.tracing import vectorize

PPI = 100


def drawings() -> list[bytes]:
    photos = sorted((Path(sandbox.__file__).parent / "samples").glob("*.jpg"))
    return [
        vectorize(line_art(photo.read_bytes(), ColoringOptions()), SvgOptions()) for photo in photos
    ]


async def book(svgs: list[bytes], pages: int) -> dict[str, float]:
    request = BookRequest(
        "#1001",
        "Omalovánky",
        "Milé Aničce k pátým narozeninám. " * 20,
        None,
        tuple(islice(cycle(svgs), pages)),
        BookOptions(bleed=3, crop_marks=True, blank_backs=True, page_numbers=True),
    )
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    async with Typesetter() as typesetter:
        began = time.perf_counter()
        made = await typesetter.typeset(request)
        seconds = time.perf_counter() - began
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    async with Typesetter() as typesetter:
        drawn = []
        for page in (3, 5, 7):
            began = time.perf_counter()
            await typesetter.render(request, page, PPI)
            drawn.append(time.perf_counter() - began)
    return {
        "pages of the file": made.pages,
        "seconds": round(seconds, 1),
        "processor seconds": round(after.ru_utime - before.ru_utime, 1),
        "seconds for the first page on the screen": round(drawn[0], 2),
        "seconds for each page after it": round(min(drawn[1:]), 2),
        "megabytes": round(len(made.pdf) / 1e6, 1),
        # Of the biggest so far, which is this one: books are made in the order of their size.
        "megabytes of memory": round(after.ru_maxrss / 1000),
        "findings": len(made.findings),
    }


async def main() -> None:
    svgs = drawings()
    for pages in (24, 200):
        print(json.dumps({f"{pages} pictures": await book(svgs, pages)}))


if __name__ == "__main__":
    configure_logging("WARNING")
    asyncio.run(main())
