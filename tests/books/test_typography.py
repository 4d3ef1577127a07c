"""A dedication as a Czech typesetter sets it."""

import pytest

from fototui.books.typography import MAX_CHARACTERS, dedication_text


@pytest.mark.parametrize(
    ("written", "printed"),
    [
        ('Pro "Aničku"', "Pro „Aničku“"),
        ("“Milá” Evo", "„Milá“ Evo"),
        ("„Milá“ Evo", "„Milá“ Evo"),
        ("řekl: 'Ahoj'", "řekl: ‚Ahoj‘"),
        ("\"Říkal 'ahoj'\"", "„Říkal ‚ahoj‘“"),
        ('("tak")', "(„tak“)"),
        ("rock'n'roll", "rock’n’roll"),
        ('"Já"\n"Ty"', "„Já“\n„Ty“"),
        ("ano - ne -- snad", "ano – ne – snad"),
        ("2019-2026", "2019–2026"),
        ("Anna-Marie", "Anna-Marie"),
        ("a tak dále...", "a\u00a0tak dále…"),
        ("k babičce a v lese", "k\u00a0babičce a\u00a0v\u00a0lese"),
        ("24. 12. 2026", "24.\u00a012.\u00a02026"),
        ("  dvě   mezery \t\n\n\n\n konec ", "dvě mezery\n\nkonec"),
        ("první\r\ndruhý\rtřetí", "první\ndruhý\ntřetí"),
        ("x" * 45, "x" * 20 + "\u200b" + "x" * 20 + "\u200b" + "x" * 5),
        ("", None),
        (" \n\0\u200b ", None),
        (None, None),
    ],
)
def test_a_dedication_is_set(written: str | None, printed: str | None) -> None:
    assert dedication_text(written) == (printed, False)


@pytest.mark.parametrize(
    "words", ["slovo " * 20_000, "a\n" * 20_000, '"' * 100_000, "\u0301" * 9999]
)
def test_of_a_book_only_a_page_is_kept(words: str) -> None:
    text, is_cut = dedication_text(words)
    assert is_cut
    assert text is not None
    assert len(text.replace("\u200b", "")) <= MAX_CHARACTERS + 2
    assert text.endswith("…")
