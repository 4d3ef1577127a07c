"""Sentences: told in each language, with values that are never taken for anything else."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

import pytest
from pydantic import ValidationError
from pydantic_core import to_jsonable_python

from fototui import i18n
from fototui.domain.errors import InvalidInputError, NotFoundError, TransientError
from fototui.domain.options import ColoringOptions
from fototui.domain.sentences import IN_ENGLISH, Sentence
from fototui.services.views import stored

PHOTOS = Sentence.make("{count} photo", "{count} photos", count=2)
NESTED = Sentence.make(
    "It failed. {why}",
    "It failed {count} times. The last time: {why}",
    count=3,
    why=Sentence.make("RunPod failed: {reason}. Try again.", reason="CUDA"),
)


@pytest.fixture(autouse=True)
def in_czech() -> Iterator[None]:
    before = i18n.language()
    i18n.set_language("cs")
    yield
    i18n.set_language(before)


def test_an_error_is_english_for_programs_and_czech_for_operators() -> None:
    error = NotFoundError(
        "There is no order {number}; see the list for those that are.", number="#1270"
    )
    assert str(error) == "There is no order #1270; see the list for those that are."
    assert i18n.translate(error) == "Objednávka #1270 neexistuje; najdete je v seznamu."
    i18n.set_language("en")
    assert i18n.translate(error) == str(error)


def test_an_error_from_outside_speaks_of_service_and_status() -> None:
    error = TransientError(
        "{service} asks for fewer requests ({detail}); it is tried again later.",
        service="RunPod",
        status=429,
        detail="HTTP 429: slow down",
    )
    assert str(error).startswith("RunPod asks for fewer requests (HTTP 429: slow down)")
    assert i18n.translate(error).startswith("RunPod chce méně požadavků (HTTP 429: slow down)")


@pytest.mark.parametrize(
    ("count", "czech", "english"),
    [
        (0, "0 fotek", "0 photos"),
        (1, "1 fotka", "1 photo"),
        (3, "3 fotky", "3 photos"),
        (5, "5 fotek", "5 photos"),
    ],
)
def test_words_follow_their_number(count: int, czech: str, english: str) -> None:
    sentence = Sentence.make("{count} photo", "{count} photos", count=count)
    assert (i18n.translate(sentence), str(sentence)) == (czech, english)


def test_sentences_stand_in_sentences() -> None:
    assert str(NESTED) == "It failed 3 times. The last time: RunPod failed: CUDA. Try again."
    assert (
        i18n.translate(NESTED) == "Selhalo to 3×. Naposledy: RunPod selhal: CUDA. Zkuste to znovu."
    )


def test_several_sentences_stand_in_one() -> None:
    row = (PHOTOS, Sentence.plain("a.jpg"))
    assert i18n.translate(Sentence.make("{news}", news=row)) == "2 fotky a.jpg"
    assert i18n.translate(Sentence.joined(row, "; ")) == "2 fotky; a.jpg"
    assert str(Sentence.joined(row)) == "2 photos a.jpg"


def test_numbers_are_written_as_the_language_writes_them() -> None:
    with pytest.raises(InvalidInputError) as caught:
        ColoringOptions(megapixels=0.25)
    assert str(caught.value) == "Megapixels are 0.25; choose a value from 0.5 to 8."
    assert i18n.translate(caught.value) == "Zadáno 0,25 megapixelů; zvolte hodnotu od 0,5 do 8."
    assert (i18n.number(1_200_000), i18n.number(1.5), i18n.number(2.0)) == ("1200000", "1,5", "2")


@pytest.mark.parametrize(
    "hostile",
    ["{number}", "{0}", "{", "}}", "{number.__class__}", "{x!r:>9999}", "\x1b[2J[/b]\u202e"],
)
def test_what_stands_in_a_sentence_stays_what_it_is(hostile: str) -> None:
    shown = hostile.replace("\x1b", "").replace("\u202e", "")
    error = NotFoundError(
        "There is no order {number}; see the list for those that are.", number=hostile
    )
    assert str(error) == f"There is no order {shown}; see the list for those that are."
    assert i18n.translate(error) == f"Objednávka {shown} neexistuje; najdete je v seznamu."
    assert i18n.translate(Sentence.plain(hostile)) == str(Sentence.plain(hostile)) == shown
    assert i18n.translate(Sentence.joined([Sentence.plain(hostile)] * 2)) == f"{shown} {shown}"


@pytest.mark.parametrize("text", ["No {place}", "A {", "{0}", "{count.real}", "{count[x]}", "{:d}"])
def test_a_slip_in_a_text_hides_nothing(text: str) -> None:
    assert str(Sentence.make(text, count=1)) == text


def test_it_comes_back_from_the_database_as_it_was() -> None:
    for sentence in (PHOTOS, NESTED, Sentence.joined((NESTED, PHOTOS)), Sentence.plain("{x}")):
        kept = json.loads(json.dumps(sentence.model_dump(mode="json", exclude_defaults=True)))
        assert Sentence.model_validate(kept) == sentence
        assert i18n.translate(Sentence.model_validate(kept)) == i18n.translate(sentence)


@pytest.mark.parametrize("kept", [None, [], {}, {"text": 1}, {"text": "x", "values": {"a": {}}}])
def test_what_is_no_sentence_is_not_taken_for_one(kept: Any) -> None:
    with pytest.raises(ValidationError):
        Sentence.model_validate(kept)


def test_data_for_programs_hold_english_words() -> None:
    assert to_jsonable_python({"error": NESTED}, context=IN_ENGLISH) == {"error": str(NESTED)}
    assert isinstance(to_jsonable_python(NESTED), dict)


def test_the_english_column_decides() -> None:
    assert stored(str(NESTED), NESTED) == NESTED
    # An older program wrote the column alone, and left the other's words standing.
    told = stored("Another failure.", NESTED)
    assert told is not None
    assert i18n.translate(told) == "Another failure."
    assert stored("Another failure.", None) == told
    assert stored(None, NESTED) is None
