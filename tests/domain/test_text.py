"""Text from strangers, made safe."""

from __future__ import annotations

import unicodedata

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fototui.domain.errors import FototuiError
from fototui.domain.text import clean, clean_line

# Everything, lone surrogates too: JSON can carry them.
anything = st.text(st.characters(exclude_categories=()), max_size=200)
BIDI = "\u061c\u200e\u200f\u202a\u202b\u202c\u202d\u202e\u2066\u2067\u2068\u2069"


def _is_unsafe(character: str) -> bool:
    return (unicodedata.category(character) in {"Cc", "Cs"} and character not in "\n\t") or (
        character in BIDI + "\u2028\u2029\ufeff"
    )


@given(anything, st.integers(1, 300))
def test_no_control_character_survives(text: str, limit: int) -> None:
    for cleaned in (clean(text, limit=limit), clean_line(text, limit=limit)):
        assert not [character for character in cleaned if _is_unsafe(character)]
        assert len(cleaned) <= limit
        cleaned.encode()


@given(anything, st.integers(1, 300))
def test_cleaning_twice_changes_nothing_more(text: str, limit: int) -> None:
    cleaned, line = clean(text, limit=limit), clean_line(text, limit=limit)
    assert clean(cleaned, limit=limit) == cleaned
    assert clean_line(line, limit=limit) == line


@given(anything)
def test_a_line_is_one_line_without_runs_of_spaces(text: str) -> None:
    line = clean_line(text)
    assert line == " ".join(line.split())
    assert "\n" not in line
    assert "\t" not in line


@given(st.text(st.characters(categories=["L", "N", "P", "S"]), max_size=100))
def test_letters_digits_and_signs_stay(text: str) -> None:
    assert clean(text) == text
    assert clean_line(text) == text


@pytest.mark.parametrize(
    ("text", "cleaned"),
    [
        ("Příliš žluťoučký kůň", "Příliš žluťoučký kůň"),
        ("👩\u200d👩\u200d👧 rodina", "👩\u200d👩\u200d👧 rodina"),  # joined by U+200D
        ("red\x1b[31m\x9b31m", "red[31m31m"),
        ("a\r\nb\rc\x85d", "a\nb\nc\nd"),
        ("two\u2028lines\u2029of\x0bmany\x0cpages", "two\nlines\nof\nmany\npages"),
        ("invoice\u202egnp.exe", "invoicegnp.exe"),
        ("[/foo] [@click=x]", "[/foo] [@click=x]"),  # markup is the screen's business
        ("tab\there", "tab\there"),
    ],
)
def test_examples(text: str, cleaned: str) -> None:
    assert clean(text) == cleaned


def test_long_text_ends_in_an_ellipsis() -> None:
    assert clean("a" * 11, limit=10) == "a" * 9 + "…"
    assert clean("a" * 10, limit=10) == "a" * 10
    assert clean_line("a " * 10_000, limit=5) == "a a …"
    assert len(clean("x" * 20_000)) == 10_000


def test_a_line_is_trimmed_and_joined() -> None:
    assert clean_line("  Jana \n\t Nováková \u200b ") == "Jana Nováková"


def test_messages_of_errors_are_clean() -> None:
    assert str(FototuiError("Odpověď: \x1b[2J\u202eok")) == "Odpověď: [2Jok"
