"""A book as a print shop gets it."""

from __future__ import annotations

import asyncio
import fcntl
import io
import os
import signal
import tempfile
import time
from contextlib import nullcontext
from dataclasses import replace
from pathlib import Path

import psutil
import pytest
from PIL import Image

from fototui.books.request import BookRequest
from fototui.books.typesetter import LIMITS, Typesetter
from fototui.decoding.workers import WorkerLimits
from fototui.domain.books import BookOptions, FindingKind
from fototui.domain.errors import InvalidInputError, PermanentError, TransientError
from tests.books.conftest import PLAIN, drawing, request, svg
from tests.books.pdf import box, colours, opened, paths, text
from tests.waiting import PATIENCE, until

pytestmark = pytest.mark.asyncio(loop_scope="module")

A4 = [0, 0, 210.0, 297.0]


async def test_a_book_has_its_dedication_and_a_page_for_each_picture(
    typesetter: Typesetter,
) -> None:
    book = await typesetter.typeset(
        request(drawing(), drawing("coffee"), dedication='Pro "Aničku" k narozeninám', title="Léto")
    )

    assert (book.pages, book.findings) == (3, ())
    with opened(book.pdf) as document:
        assert [box(page, "/MediaBox") for page in document.pages] == [A4] * 3
        assert text(document.pages[0]).replace("\u00a0", " ") == "Pro „Aničku“ k narozeninám"
        assert [text(page) for page in document.pages[1:]] == ["", ""]
        # Its lines are lines, not pixels.
        assert min(paths(page) for page in document.pages[1:]) > 50
        info = document.docinfo
        assert (str(info["/Title"]), str(info["/Keywords"])) == ("Léto", "#1001")
        assert "#1001" in str(info["/Subject"])
        assert "/CreationDate" not in info


@pytest.mark.parametrize("dedication", [None, "", " \n ", "\u200b\0"])
async def test_without_a_dedication_there_is_no_page_for_it(
    typesetter: Typesetter, dedication: str | None
) -> None:
    assert (await typesetter.typeset(request(dedication=dedication))).pages == 1


async def test_the_layout_turns_the_pages(typesetter: Typesetter) -> None:
    book = await typesetter.typeset(request(layout="Na šířku", dedication="Ahoj"))
    with opened(book.pdf) as document:
        assert [box(page, "/MediaBox") for page in document.pages] == [[0, 0, 297.0, 210.0]] * 2


async def test_an_unknown_layout_is_upright_and_says_so(typesetter: Typesetter) -> None:
    book = await typesetter.typeset(request(layout="kolem dokola"))

    assert [(each.page, each.kind) for each in book.findings] == [
        (None, FindingKind.UNKNOWN_LAYOUT)
    ]
    with opened(book.pdf) as document:
        assert box(document.pages[0], "/MediaBox") == A4


async def test_the_same_book_is_the_same_file_in_any_process() -> None:
    what = request(drawing(), dedication="Ahoj ❤", options=BookOptions(bleed=3, crop_marks=True))
    files = set()
    for _ in range(2):
        async with Typesetter() as typesetter:
            files.add((await typesetter.typeset(what)).pdf)
            files.add((await typesetter.typeset(what)).pdf)
    assert len(files) == 1


@pytest.mark.parametrize("is_stacked", [True, False])
async def test_black_is_black_alone(typesetter: Typesetter, is_stacked: bool) -> None:
    coloured = svg(
        "<style>.a{fill:rgb(200,30,30)} .b{stroke:hsl(120,50%,50%)}</style>"
        '<rect class="a" x="9" width="70" height="90"/><circle class="b" cx="90" cy="90" r="40"/>'
        '<path d="M9 0H50V99Z" fill="#231f20"/><path d="M9 9H50V99Z" style="fill:steelblue"/>'
        '<g opacity=".5"><path d="M99 9H150V99Z" fill="red"/><path d="M99 9H120V99Z"/></g>'
    )
    book = await typesetter.typeset(
        request(
            drawing(is_stacked=is_stacked),
            drawing("coffee", is_stacked=is_stacked),
            coloured,
            dedication="S láskou ❤",
            options=BookOptions(bleed=3, crop_marks=True, page_numbers=True),
        )
    )

    assert colours(book.pdf) == []
    assert [(each.page, each.kind) for each in book.findings] == [(4, FindingKind.COLOURS)]


async def test_bleed_and_crop_marks_are_outside_the_page(typesetter: Typesetter) -> None:
    bleed = await typesetter.typeset(request(options=BookOptions(bleed=3)))
    marks = await typesetter.typeset(request(options=BookOptions(bleed=4, crop_marks=True)))
    plain = await typesetter.typeset(request())

    with opened(plain.pdf) as document:
        without = paths(document.pages[0])
    with opened(bleed.pdf) as document:
        (page,) = document.pages
        assert box(page, "/MediaBox") == box(page, "/BleedBox") == [0, 0, 216.0, 303.0]
        assert box(page, "/TrimBox") == [3.0, 3.0, 213.0, 300.0]
        assert paths(page) == without
    with opened(marks.pdf) as document:
        (page,) = document.pages
        assert box(page, "/MediaBox") == [0, 0, 228.0, 315.0]
        assert box(page, "/TrimBox") == [9.0, 9.0, 219.0, 306.0]
        assert box(page, "/BleedBox") == [5.0, 5.0, 223.0, 310.0]
        assert paths(page) == without + 8


async def test_backs_stay_blank(typesetter: Typesetter) -> None:
    book = await typesetter.typeset(
        request(PLAIN, PLAIN, dedication="Ahoj", options=BookOptions(blank_backs=True))
    )

    assert book.pages == 6
    with opened(book.pdf) as document:
        assert [paths(page) for page in document.pages] == [0, 0, 1, 0, 1, 0]


async def test_pictures_are_numbered(typesetter: Typesetter) -> None:
    book = await typesetter.typeset(
        request(PLAIN, PLAIN, dedication="Ahoj", options=BookOptions(page_numbers=True))
    )
    with opened(book.pdf) as document:
        assert [text(page) for page in document.pages] == ["Ahoj", "1", "2"]


async def test_findings_name_the_page_of_the_file(typesetter: Typesetter) -> None:
    book = await typesetter.typeset(
        request(PLAIN, svg(), dedication="Ahoj", options=BookOptions(blank_backs=True))
    )
    assert [(each.page, each.kind) for each in book.findings] == [(5, FindingKind.NEARLY_EMPTY)]


@pytest.mark.parametrize("size", [(10, 2000), (2000, 10), (1, 1)])
async def test_every_picture_fits_on_its_page(
    typesetter: Typesetter, size: tuple[int, int]
) -> None:
    width, height = size
    picture = svg(f'<rect width="{width}" height="{height}"/>', width=width, height=height)

    png = await typesetter.render(request(picture), 1, 40)

    with Image.open(io.BytesIO(png)) as image:
        ink = image.convert("L").point(lambda level: 255 - level).getbbox()
        assert ink is not None
        left, top, right, bottom = ink
        # Margins of 15 mm at 40 dots per inch, equal to both sides.
        assert min(left, top, image.width - right, image.height - bottom) >= 23
        assert abs(left - (image.width - right)) <= 1
        assert abs(top - (image.height - bottom)) <= 1


async def test_a_page_is_drawn_as_it_is_after_it_was_cut(typesetter: Typesetter) -> None:
    what = request(drawing(), dedication="Ahoj", options=BookOptions(bleed=3, crop_marks=True))

    first, second = [await typesetter.render(what, page, 72) for page in (1, 2)]

    with Image.open(io.BytesIO(first)) as image:
        assert (image.format, image.size) == ("PNG", (595, 842))
    with Image.open(io.BytesIO(second)) as image:
        # Eyes are darker than paper.
        assert image.convert("L").getextrema()[0] == 0
    assert first != second


@pytest.mark.parametrize("page", [0, 2, -1])
async def test_a_page_that_is_not_there_is_not_drawn(typesetter: Typesetter, page: int) -> None:
    with pytest.raises(InvalidInputError, match="its pages are 1 to 1"):
        await typesetter.render(request(), page, 72)


async def test_a_broken_picture_is_named_and_nothing_else_is_harmed(
    typesetter: Typesetter,
) -> None:
    with pytest.raises(PermanentError, match=r"Picture 2 of the book: The SVG is damaged"):
        await typesetter.typeset(request(PLAIN, drawing()[:9000], PLAIN))
    assert (await typesetter.typeset(request())).pages == 1


async def test_a_book_needs_pictures(typesetter: Typesetter) -> None:
    what = request()
    empty = type(what)(what.order_number, what.title, "Ahoj", None, ())
    with pytest.raises(PermanentError, match="has no pictures"):
        await typesetter.typeset(empty)


async def test_what_costs_too_much_fails_with_its_process_only() -> None:
    heavy = svg("".join(f'<path d="M{n} 0{"L1 1 2 5" * 400}"/>' for n in range(5000)))
    limits = WorkerLimits(cpu_seconds=0.3, seconds=PATIENCE, memory=2_000_000_000, at_once=1)
    async with Typesetter(limits=limits) as typesetter:
        with pytest.raises(PermanentError, match=r"takes more than 0\.3 s or 2000 MB"):
            await typesetter.typeset(request(*[heavy] * 4))
        typesetter._workers.limits = LIMITS
        assert (await typesetter.typeset(request())).pages == 1


async def test_what_takes_too_much_memory_fails_as_such() -> None:
    heavy = svg("".join(f'<path d="M{n} 0{"L1 1 2 5" * 400}"/>' for n in range(4000)))
    limits = WorkerLimits(cpu_seconds=60.0, seconds=PATIENCE, memory=400_000_000, at_once=1)
    async with Typesetter(limits=limits) as typesetter:
        with pytest.raises(PermanentError, match=r"takes more than 60 s or 400 MB"):
            await typesetter.typeset(request(*[heavy] * 4))


@pytest.mark.parametrize("megabytes", range(230, 310, 20))
async def test_an_svg_that_memory_does_not_suffice_for_is_not_called_damaged(
    megabytes: int,
) -> None:
    """Somewhere there it is the parser that gets no more; where depends on the machine."""
    heavy = svg("".join(f'<path d="M{n} 0{"L1 1 2 5" * 400}"/>' for n in range(4000)))
    memory = megabytes * 1_000_000
    limits = WorkerLimits(cpu_seconds=60.0, seconds=PATIENCE, memory=memory, at_once=1)
    async with Typesetter(limits=limits) as typesetter:
        said = ""
        try:
            await typesetter.check_svg(heavy)
        except PermanentError as error:
            said = str(error)
    assert not said or f"takes more than 60 s or {megabytes} MB" in said


async def test_no_files_are_left_behind(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    async with Typesetter() as typesetter:
        await typesetter.typeset(request(PLAIN))
        assert list(tmp_path.iterdir()) == []
        # Told to stop while the process works: that is ended, and its files go with it.
        task = asyncio.create_task(typesetter.typeset(big()))
        await until(lambda: any(tmp_path.glob("*/1.svg")))
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task
        assert list(tmp_path.iterdir()) == []


def _signal(signum: signal.Signals, typesetter: Typesetter) -> psutil.Process:
    """Send a signal to the process that works for a typesetter."""
    (pid,) = typesetter._workers.pids
    process = psutil.Process(pid)
    process.send_signal(signum)
    return process


@pytest.fixture
def temporary(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The folder in which temporary ones are made."""
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    return tmp_path


def big() -> BookRequest:
    """A book that takes long enough to be met at work."""
    return request(*[drawing()] * 20)


async def test_one_killed_at_work_is_replaced(temporary: Path) -> None:
    async with Typesetter() as typesetter:
        task = asyncio.create_task(typesetter.typeset(big()))
        await until(lambda: any(temporary.glob("*/1.svg")))
        _signal(signal.SIGKILL, typesetter)
        assert (await task).pages == 20
        assert list(temporary.iterdir()) == []


async def test_one_killed_twice_leaves_nothing_and_may_be_asked_again(temporary: Path) -> None:
    async with Typesetter() as typesetter:
        task = asyncio.create_task(typesetter.typeset(big()))
        await until(lambda: any(temporary.glob("*/1.svg")))
        killed = _signal(signal.SIGKILL, typesetter)
        await until(lambda: typesetter._workers.pids - {killed.pid})
        _signal(signal.SIGKILL, typesetter)
        with pytest.raises(TransientError, match="ended before its time, twice"):
            await task
        assert list(temporary.iterdir()) == []
        assert (await typesetter.typeset(request())).pages == 1


async def test_one_that_stands_still_is_ended_in_time(temporary: Path) -> None:
    async with Typesetter() as typesetter:
        await typesetter.typeset(request())
        stopped = _signal(signal.SIGSTOP, typesetter)
        typesetter._workers.limits = replace(LIMITS, seconds=1)
        with pytest.raises(PermanentError, match="Typesetting takes more than"):
            await typesetter.typeset(big())
        typesetter._workers.limits = LIMITS
        await until(lambda: not stopped.is_running() or stopped.status() == psutil.STATUS_ZOMBIE)
        assert list(temporary.iterdir()) == []
        assert (await typesetter.typeset(request())).pages == 1


async def test_no_room_for_its_files_is_told_and_passes(
    temporary: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    words = "files cannot be written to .*; make room there, or set TMPDIR"
    async with Typesetter() as typesetter:
        with monkeypatch.context() as patch:
            patch.setattr(tempfile, "tempdir", str(temporary / "none"))
            with pytest.raises(TransientError, match=words):
                await typesetter.typeset(request())
        with monkeypatch.context() as patch:  # the process finds the disk full, and not this one
            patch.setattr(
                "fototui.books.typesetter.work_folder", lambda: nullcontext(Path("/proc/nowhere"))
            )
            with pytest.raises(TransientError, match=words):
                await typesetter.typeset(request())
        assert (await typesetter.typeset(request())).pages == 1


async def test_what_a_killed_program_left_is_removed(temporary: Path) -> None:
    def left() -> list[str]:
        return sorted(path.name.rpartition("-")[2] for path in temporary.iterdir())

    for name in ("dead", "new", "living"):
        (temporary / f"fototui-book-{name}").mkdir()
        (temporary / f"fototui-book-{name}" / "1.svg").write_bytes(PLAIN)
    (temporary / "fototui-book-link").symlink_to(temporary / "fototui-book-new")
    handle = os.open(temporary / "fototui-book-living", os.O_RDONLY)
    try:
        fcntl.flock(handle, fcntl.LOCK_EX)
        for name in ("dead", "living"):
            os.utime(temporary / f"fototui-book-{name}", (0, 0))
        os.utime(temporary / "fototui-book-new", (time.time(), time.time()))  # on any day
        async with Typesetter() as typesetter:
            await typesetter.typeset(request())
            assert left() == ["link", "living", "new"]
            os.utime(temporary / "fototui-book-new", (0, 0))
            await typesetter.typeset(request())
            assert left() == ["link", "living"]
    finally:
        os.close(handle)


async def test_an_svg_is_looked_at_by_itself(typesetter: Typesetter) -> None:
    assert await typesetter.check_svg(drawing()) == ()
    (found,) = await typesetter.check_svg(svg())
    assert (found.kind, found.page) == (FindingKind.NEARLY_EMPTY, None)
    with pytest.raises(PermanentError, match="damaged"):
        await typesetter.check_svg(b"<html/>")
