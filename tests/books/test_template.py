"""A shop's own template: what it is given, and what it may not do."""

from __future__ import annotations

import json
import os
from collections.abc import AsyncIterator, Awaitable, Callable
from importlib import import_module
from pathlib import Path

import pytest
import pytest_asyncio

from fototui.books.request import BookRequest, TypesetBook
from fototui.books.typesetter import Typesetter
from fototui.decoding.workers import WorkerLimits
from fototui.domain.books import BookOptions, FindingKind
from fototui.domain.errors import ConfigurationError, PermanentError
from fototui.domain.sentences import Sentence
from tests.books.conftest import PLAIN, drawing, request, svg
from tests.books.pdf import box, opened, text
from tests.waiting import PATIENCE, in_time

pytestmark = pytest.mark.asyncio(loop_scope="module")
LEFT_OUT = FindingKind.PICTURE_LEFT_OUT
DOCUMENTATION = Path(__file__).parents[2] / "docs" / "book-template.md"
SHOWS_ITS_DATA = '#set page(width: 4000mm, height: 99mm)\n#raw(read("book.json"))'


def written(folder: Path, source: str) -> Path:
    path = folder / "own.typ"
    path.write_text(source, encoding="utf-8")
    return path


Typeset = Callable[[str, BookRequest], Awaitable[TypesetBook]]


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def typeset(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Typeset]:
    """Typesets a book by a template, which is read anew each time; one process does it for all."""
    folder = tmp_path_factory.mktemp("template")
    async with Typesetter(folder / "own.typ") as typesetter:

        async def typeset(source: str, what: BookRequest) -> TypesetBook:
            written(folder, source)
            return await typesetter.typeset(what)

        yield typeset


async def test_it_is_given_what_is_documented(typeset: Typeset) -> None:
    book = await typeset(
        SHOWS_ITS_DATA,
        request(
            PLAIN,
            svg("<path d='M9 9H99V99Z'/>", width=300, height=200),
            dedication="Pro Emu",
            layout="Na šířku",
            title="Omalovánky",
            options=BookOptions(bleed=3, page_numbers=True),
        ),
    )

    with opened(book.pdf) as document:
        shown = "".join(text(page) for page in document.pages)
    documented = DOCUMENTATION.read_text(encoding="utf-8").split("```json\n")[1].split("```")[0]
    assert json.loads(shown) == json.loads(documented)


async def test_it_makes_the_book(typeset: Typeset) -> None:
    source = """
        #let book = json("book.json")
        #set page(width: 100mm, height: 100mm)
        #for one in book.pages { page(image(one.file, width: 50mm)) }
    """
    book = await typeset(source, request(drawing(), svg()))

    assert book.pages == 2
    # It does not tell where its pictures are.
    assert [(each.page, each.kind) for each in book.findings] == [(None, FindingKind.NEARLY_EMPTY)]
    with opened(book.pdf) as document:
        assert box(document.pages[0], "/MediaBox") == [0, 0, 100.0, 100.0]


async def test_what_it_tells_wrongly_does_no_harm(typeset: Typeset) -> None:
    source = """
        #for entry in (1, (:), (kind: "dedication"), (number: (1,)), (number: 1, width: "9mm"),
          (number: 2, width: float.inf, page: "x"), (number: 3, width: -1, page: 7)) [
          #metadata(entry)<fototui>
        ]
    """
    book = await typeset(source, request(svg(), svg(), svg()))

    found = [(each.page, each.kind) for each in book.findings if each.kind is not LEFT_OUT]
    assert found == [(page, FindingKind.NEARLY_EMPTY) for page in (None, None, 7)]


async def test_what_it_prints_in_colour_is_found(typeset: Typeset) -> None:
    source = "#page[black]\n#page(rect(fill: red))\n#page(rect(fill: cmyk(0%, 0%, 0%, 100%)))"
    book = await typeset(source, request())

    found = [each for each in book.findings if each.kind is not LEFT_OUT]
    assert [(each.page, each.kind) for each in found] == [(2, FindingKind.COLOURS)]
    assert str(found[0].sentence) == "The template prints colours on the page."


async def test_letters_that_it_prints_and_no_font_has_are_named_with_their_page(
    typeset: Typeset,
) -> None:
    source = """
        #let book = json("book.json")
        #page[Nic]
        #page(book.title)
        #page(columns(2, rotate(9deg, text(font: "Libertinus Serif", book.order_number))))
        #page(block(clip: true, rect(fill: gradient.linear(black, white), text("pořádku"))))
    """
    book = await typeset(source, request(title="Kniha 漢 \u0378 漢", order_number="#字1"))

    found = [each for each in book.findings if each.kind is FindingKind.MISSING_CHARACTERS]
    assert [each.page for each in found] == [2, 3]
    for each in found:
        assert str(each.sentence).endswith("boxes stand in their place: 漢 U+0378 字")


@pytest.mark.parametrize(
    "source",
    [
        '#read("/etc/passwd")',
        '#read("../../../../../etc/passwd")',
        '#image("/proc/self/environ")',
        "#include sys.inputs.x",
        "#let x = (",
    ],
)
async def test_its_errors_are_told_and_nothing_outside_is_read(
    typeset: Typeset, source: str
) -> None:
    with pytest.raises(PermanentError, match="The template cannot be typeset: error: ") as e:
        await typeset(source, request())
    assert "root:" not in str(e.value)
    assert "fototui-book-" not in str(e.value)
    assert isinstance(e.value.sentence, Sentence)


async def test_packages_are_not_fetched(typeset: Typeset) -> None:
    source = '#import "@preview/cetz:0.3.4"'
    with pytest.raises(PermanentError, match=r'imports the package "@preview/cetz:0\.3\.4"'):
        await typeset(source, request())
    # Typst itself would fetch what is put together, were there a way to the network. It is barred
    # to Typst alone.
    before = dict(os.environ)
    import_module("fototui.books.tasks")
    assert dict(os.environ) == before
    source = '#let name = "@preview" + "/cetz:0.3.4"\n#import name: draw'
    with pytest.raises(PermanentError, match=r"the package preview/cetz-0\.3\.4"):
        await typeset(source, request())


@pytest.mark.parametrize(
    ("source", "told"),
    [
        ("", "pictures 1, 2, 3."),
        ('#image("1.svg")', "pictures 2, 3."),
        ('#image("1.svg") #image("/3.svg") #image("3.svg")', "picture 2."),
        ('#image("1.svg") #image("2.svg") #image(bytes(read("3.svg")))', None),
        ('#image("1.svg") #image(bytes(read("3.svg")))', None),
        ('#grid(columns: 3, ..range(1, 4).map(n => image(str(n) + ".svg", width: 3cm)))', None),
    ],
)
async def test_pictures_that_it_does_not_print_are_named(
    typeset: Typeset, source: str, told: str | None
) -> None:
    book = await typeset(source, request(PLAIN, PLAIN, PLAIN))
    found = [str(each.sentence) for each in book.findings if each.kind is LEFT_OUT]
    assert found == ([] if told is None else [f"The template does not print {told}"])


async def test_one_without_end_is_ended(tmp_path: Path) -> None:
    source = "#for i in range(99999) { for j in range(99999) { let k = i + j } }"
    limits = WorkerLimits(cpu_seconds=0.2, seconds=PATIENCE, memory=2_000_000_000, at_once=1)
    async with Typesetter(written(tmp_path, source), limits) as typesetter:
        with pytest.raises(PermanentError, match=r"takes more than 0\.2 s"):
            await typesetter.typeset(request())


@pytest.mark.parametrize(
    "make",
    [
        Path.mkdir,
        os.mkfifo,
        lambda path: path.symlink_to("/dev/zero"),
        lambda path: path.symlink_to(path),
        lambda path: path.write_bytes(bytes(10_000_001)),
    ],
    ids=["folder", "pipe", "endless", "circle", "big"],
)
async def test_one_that_is_no_file_is_a_matter_of_settings(
    tmp_path: Path, make: Callable[[Path], object]
) -> None:
    make(tmp_path / "own.typ")
    async with in_time(), Typesetter(tmp_path / "own.typ") as typesetter:
        with pytest.raises(ConfigurationError, match=r"BOOK_TEMPLATE names .*, which cannot be"):
            await typesetter.typeset(request())


async def test_one_that_is_not_there_is_a_matter_of_settings(tmp_path: Path) -> None:
    async with Typesetter(tmp_path / "none.typ") as typesetter:
        with pytest.raises(ConfigurationError, match=r"BOOK_TEMPLATE names .*none\.typ"):
            await typesetter.typeset(request())
