"""What customers and strangers' SVGs may hold: printed as it stands or left out, never run."""

from __future__ import annotations

import asyncio
import unicodedata
from collections.abc import AsyncIterator

import pytest

from fototui.books.typesetter import Typesetter
from fototui.domain.books import FindingKind
from tests.books.conftest import PLAIN, request, svg
from tests.books.pdf import colours, opened, text

pytestmark = pytest.mark.asyncio(loop_scope="module")

CODE = '#read("/etc/passwd")'


@pytest.fixture
async def asked() -> AsyncIterator[tuple[str, list[bytes]]]:
    """A server on this machine, and all that it was asked."""
    requests: list[bytes] = []

    async def answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        requests.append(await reader.readline())
        writer.close()

    async with await asyncio.start_server(answer, "127.0.0.1", 0) as server:
        host, port = server.sockets[0].getsockname()
        yield f"http://{host}:{port}/x.png", requests


@pytest.mark.parametrize(
    ("words", "printed"),
    [
        (CODE, "#read(„/etc/passwd“)"),
        ("#panic() $ x^2 $ *b* _i_ `c` <l> @r \\ // /* [", None),
        ('"]); #import "x.typ"; ([', "„]); #import „x.typ“; (["),
        ("{{7*7}} ${HOME} %s %(x)s", None),
        ("a\0b\x1b[31mc\u202ed", "ab[31mcd"),
    ],
)
async def test_a_dedication_is_printed_and_not_run(
    typesetter: Typesetter, words: str, printed: str | None
) -> None:
    book = await typesetter.typeset(request(dedication=words, title=words, order_number=words))

    assert book.pages == 2
    with opened(book.pdf) as document:
        shown = text(document.pages[0]).replace(" ", "").replace("\u00a0", "")
        assert shown == (printed or words).replace(" ", "")
        assert (
            str(document.docinfo["/Title"]).split()
            == words.translate(dict.fromkeys(map(ord, "\0\x1b\u202e"))).split()
        )


@pytest.mark.parametrize(
    "words",
    [
        CODE * 5000,
        "x" * 100_000,
        "slovo " * 17_000,
        "a\n" * 50_000,
        "\n" * 100_000 + "a",
        "❤" * 9999,
    ],
    ids=["code", "one word", "words", "lines", "nothing", "hearts"],
)
async def test_a_dedication_of_any_length_has_one_page(typesetter: Typesetter, words: str) -> None:
    book = await typesetter.typeset(request(dedication=words))

    assert book.pages == 2
    is_cut = words.strip() != "a"
    found = [(each.page, each.kind) for each in book.findings]
    assert found == [(1, FindingKind.DEDICATION_CUT)] * is_cut


async def test_a_long_dedication_shrinks_until_it_fits(typesetter: Typesetter) -> None:
    words = "Milá Evičko, přejeme Ti hodně barevných dní. " * 90
    book = await typesetter.typeset(request(dedication=words, layout="na šířku"))

    assert (book.pages, book.findings) == (2, ())
    with opened(book.pdf) as document:
        shown = text(document.pages[0]).replace(" ", "").replace("\u00a0", "")
        assert shown == words.replace(" ", "")


async def test_other_scripts_and_emoji_are_printed_as_far_as_there_is_a_font(
    typesetter: Typesetter,
) -> None:
    words = "Pro Олега ❤️🎄👨‍👩‍👧 שלום"
    book = await typesetter.typeset(request(dedication=words))
    assert (book.pages, book.findings) == (2, ())
    assert colours(book.pdf) == []

    book = await typesetter.typeset(request(dedication="Pro 漢 Aničku字"))
    (finding,) = book.findings
    assert finding.kind is FindingKind.MISSING_CHARACTERS
    assert str(finding.sentence).endswith("left out: 漢 字")
    with opened(book.pdf) as document:
        assert text(document.pages[0]) == "Pro Aničku"


async def test_a_dedication_of_which_nothing_can_be_printed_has_no_page(
    typesetter: Typesetter,
) -> None:
    book = await typesetter.typeset(request(dedication="漢字"))
    assert book.pages == 1
    found = [(each.page, each.kind) for each in book.findings]
    assert found == [(None, FindingKind.MISSING_CHARACTERS)]


@pytest.mark.parametrize(
    ("words", "printed", "told"),
    [
        # Typst names it as "\\u{378}": none of these letters goes with it.
        ("Pro 3 u {8} 7 \u0378!", "Pro 3 u {8} 7 !", "U+0378"),
        # The sign above it has a glyph, and hides that the letter below has none.
        ("Pro 漢\u0301 Emu", "Pro Emu", "漢"),
        ('dom\u0378e\u0301k \\ \u0e44\u0e48"', "dome\u0301k \\ “", "U+0378 \u0e44 \u0e48"),
        # The smiley of an old mail program, where the font has an ornament.
        ("Ahoj \uf04a Evo \ue000", "Ahoj Evo", "U+F04A U+E000"),
        ("ᚠ 🂡 ሰ 한 ไ", None, "ᚠ 🂡 ሰ 한 ไ"),
        (
            "".join(map(chr, range(0x4E00, 0x4E00 + 50))),
            None,
            " ".join(map(chr, range(0x4E00, 0x4E28))) + " …",
        ),
    ],
)
async def test_each_letter_that_is_left_out_is_named_and_no_other_goes_with_it(
    typesetter: Typesetter, words: str, printed: str | None, told: str
) -> None:
    book = await typesetter.typeset(request(dedication=words))

    (finding,) = book.findings
    assert finding.kind is FindingKind.MISSING_CHARACTERS
    assert str(finding.sentence).endswith(f"left out: {told}")
    assert book.pages == 1 + (printed is not None)
    if printed is not None:
        with opened(book.pdf) as document:
            shown = text(document.pages[0]).replace(" ", "").replace("\u00a0", "")
            assert unicodedata.normalize("NFC", shown) == unicodedata.normalize(
                "NFC", printed.replace(" ", "")
            )


@pytest.mark.parametrize("words", ["\u200d\u00ad \ufe0f", "\ue000\ufe0f", "漢\u0301" * 45])
async def test_a_dedication_that_leaves_no_ink_has_no_page(
    typesetter: Typesetter, words: str
) -> None:
    assert (await typesetter.typeset(request(dedication=words))).pages == 1


async def test_lines_that_end_by_other_signs_stay_lines(typesetter: Typesetter) -> None:
    lines = "Ahoj\u2028Emo\x0bmáme\x85Tě\x0crádi\u2029všichni"
    book = await typesetter.typeset(request(dedication=lines))
    same = await typesetter.typeset(request(dedication="Ahoj\nEmo\nmáme\nTě\nrádi\nvšichni"))
    assert (book.findings, book.pdf) == ((), same.pdf)


async def test_nothing_that_an_svg_refers_to_is_fetched(
    typesetter: Typesetter, asked: tuple[str, list[bytes]]
) -> None:
    address, requests = asked
    hostile = svg(
        f'<image xlink:href="{address}" width="9" height="9"/>'
        f'<image href="file:///etc/passwd" width="9" height="9"/>'
        f'<use href="{address}#a"/><style>@import "{address}"; rect{{fill:url({address})}}</style>'
        f'<rect x="30" y="30" width="40" height="40" style="fill:url({address}#g)"/>'
        f"<script>fetch('{address}')</script>"
        f'<foreignObject><iframe xmlns="http://www.w3.org/1999/xhtml" src="{address}"/>'
        f"</foreignObject>"
    )

    book = await typesetter.typeset(request(PLAIN, hostile))

    assert requests == []
    assert address.encode() not in book.pdf
    assert [(each.page, each.kind) for each in book.findings] == [
        (2, FindingKind.ACTIVE_CONTENT),
        (2, FindingKind.NO_LINE_ART),
        (2, FindingKind.OUTSIDE_REFERENCE),
        (2, FindingKind.RASTER_IMAGE),
    ]
    assert colours(book.pdf) == []
