"""Both languages: nothing of what the program says is missing, left over or out of shape."""

from __future__ import annotations

import ast
import itertools
import os
import re
from collections.abc import Iterator
from datetime import UTC, datetime
from functools import cache
from pathlib import Path
from string import Formatter
from zoneinfo import ZoneInfo

import pytest
from babel.dates import format_datetime
from babel.messages.catalog import Catalog, Message
from babel.messages.extract import DEFAULT_KEYWORDS, extract_from_dir
from babel.messages.frontend import parse_keywords
from babel.messages.pofile import read_po
from babel.numbers import format_decimal
from rich.cells import cell_len

from docs.reference import help_texts
from fototui import i18n
from fototui.domain.options import GroupBy, ShapeStacking
from fototui.domain.statuses import (
    BookProcessingStatus,
    ColoringProcessingStatus,
    OrderStatus,
    PaymentStatus,
    SvgProcessingStatus,
)
from fototui.widgets.tables.activity_rows import activity_columns
from fototui.widgets.tables.job_rows import engine_columns, job_columns, lane_columns
from fototui.widgets.tables.order_columns import COLUMNS

ROOT = Path(__file__).parents[2]
PRAGUE = ZoneInfo("Europe/Prague")
MOMENT = datetime(2026, 11, 20, 13, 2, 5, tzinfo=UTC)

CZECH = frozenset(
    [
        *(s.meta.display for s in BookProcessingStatus),
        *(s.meta.display for s in ColoringProcessingStatus),
        *(s.meta.display for s in SvgProcessingStatus),
        *(s.meta.display for s in BookProcessingStatus),
        *(s.meta.display for s in OrderStatus),
        *(payment.display for payment in PaymentStatus),
        *(choice.label for choice in ShapeStacking),
        *(choice.label for choice in GroupBy),
    ]
)
"""Labels that are Czech in the source."""

# The shop's labels, which its own programs show too; here RunPod is written as everywhere else, and
# files may be kept in a folder.
OTHER_IN_CZECH = frozenset(
    [
        *(f"Runpod: {what}" for what in ("odesílání", "přijato", "ve frontě", "zpracování")),
        *("Runpod: dokončeno", "Nahrávání na S3"),
    ]
)
SAME_IN_CZECH = frozenset(
    [
        *(
            "<text>",
            "E-mail",
            "Hub",
            "Id",
            "Limit",
            "Log",
            "PID",
            "SVG",
            "SVG v{number}",
            "SVG…",
            "RunPod",
            "Shopify",
            "Vectorizer.ai",
            "db",
            "svg",
        ),
        *("{count} SVG", "{hours} h", "{minutes} min"),
    ]
)


@pytest.fixture(autouse=True)
def _language_as_before() -> Iterator[None]:
    before = i18n.language()
    yield
    i18n.set_language(before)


@cache
def recipe() -> str:
    """The Makefile, whose `catalogues` says how texts are found."""
    return (ROOT / "Makefile").read_text(encoding="utf-8")


def listed_errors() -> list[str]:
    """The classes of errors whose texts `make catalogues` finds."""
    found = re.search(r"^ERRORS := ((?:.*\\\n)*.*)$", recipe(), re.MULTILINE)
    assert found is not None
    return found[1].replace("\\", " ").split()


@cache
def extracted() -> frozenset[str]:
    """What `make catalogues` finds in the source, plural texts by their singular."""
    named = re.findall(r"-k ([\w:,]+)", recipe())
    keywords = DEFAULT_KEYWORDS | parse_keywords([*named, *listed_errors()])
    found = extract_from_dir(ROOT / "fototui", [("**.py", "python")], keywords=keywords)
    texts = (text for _file, _line, text, _comments, _context in found)
    helps = (text for _line, _function, text, _comments in help_texts.extract())
    return frozenset(
        text if isinstance(text, str) else text[0] for text in itertools.chain(texts, helps)
    )


@cache
def catalogue(language: str) -> Catalog:
    """A catalogue as it stands."""
    with (ROOT / "fototui" / "i18n" / f"{language}.po").open("rb") as file:
        return read_po(file, locale=language, abort_invalid=True)


def messages(language: str) -> dict[str, Message]:
    """A catalogue's messages by their text, plural ones by their singular."""
    return {singular(message): message for message in catalogue(language) if message.id}


def singular(message: Message) -> str:
    return message.id if isinstance(message.id, str) else message.id[0]


def strings(text: str | tuple[str, ...] | list[str] | None) -> tuple[str, ...]:
    return (text,) if isinstance(text, str) else tuple(text or ())


def placeholders(text: str) -> set[str]:
    return {name for _text, name, _spec, _conversion in Formatter().parse(text) if name is not None}


def test_the_source_is_read() -> None:
    assert {"Orders", "{count} engine", "Zaplaceno"} <= extracted()
    assert extracted() >= CZECH


def test_no_marked_text_hides_from_extraction() -> None:
    # Inside an f-string it would: older Pythons see that as one token.
    marked = set()
    for path in (ROOT / "fototui").rglob("*.py"):
        for call in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if (
                isinstance(call, ast.Call)
                and isinstance(call.func, ast.Name)
                and call.func.id in ("_", "N_", "ngettext", "czech")
                and isinstance(call.args[0], ast.Constant)
            ):
                marked.add(call.args[0].value)
    assert marked - extracted() == set()


@pytest.mark.parametrize("language", i18n.LANGUAGES)
def test_catalogues_hold_what_the_source_says_and_nothing_else(language: str) -> None:
    assert set(messages(language)) == extracted(), "run `make catalogues` and translate"
    assert not catalogue(language).obsolete
    assert [singular(m) for m in catalogue(language) if m.id and m.fuzzy] == []


def test_everything_english_has_czech_words() -> None:
    missing = {
        text
        for text, message in messages("cs").items()
        if text not in CZECH and not all(strings(message.string))
    }
    assert missing == set()


def test_everything_czech_has_english_words() -> None:
    known = messages("en")
    assert {text for text in CZECH if not known[text].string} == set()
    assert {text for text in CZECH if known[text].string == text} == set()


def test_a_catalogue_does_not_translate_its_own_language() -> None:
    czech, english = messages("cs"), messages("en")
    assert {text for text in CZECH if czech[text].string} == OTHER_IN_CZECH
    assert {t for t in english if t not in CZECH and any(strings(english[t].string))} == set()


@pytest.mark.parametrize("language", i18n.LANGUAGES)
def test_placeholders_survive_translation(language: str) -> None:
    for message in catalogue(language):
        if message.id:
            source = strings(message.id)
            for form, text in enumerate(strings(message.string)):
                if text:  # both languages use their first form for 1 alone
                    assert placeholders(text) == placeholders(source[min(form, len(source) - 1)]), (
                        text
                    )


def test_czech_has_three_forms_of_each_plural() -> None:
    plurals = [m for m in messages("cs").values() if m.pluralizable]
    assert plurals
    for message in plurals:
        forms = strings(message.string)
        assert len(forms) == 3, message.id
        assert all(forms), message.id


def test_nothing_is_left_in_english() -> None:
    same = {t for t, message in messages("cs").items() if t in strings(message.string)}
    # Of texts that are places and punctuation alone there is nothing to translate.
    assert {text for text in same if re.sub(r"\{\w+\}|\W", "", text)} == SAME_IN_CZECH


@pytest.mark.parametrize("language", i18n.LANGUAGES)
def test_headings_fit_their_columns(language: str) -> None:
    i18n.set_language(language)
    widths = [(i18n._(column.title), column.least) for column in COLUMNS]
    for columns in (lane_columns(), engine_columns(), job_columns(), activity_columns()):
        widths += [(c.title, c.width) for c in columns if c.width is not None]
    assert [(title, width) for title, width in widths if cell_len(title) > width] == []


@pytest.mark.parametrize(
    ("count", "czech", "english"),
    [
        (0, "0 strojů", "0 engines"),
        (1, "1 stroj", "1 engine"),
        (2, "2 stroje", "2 engines"),
        (4, "4 stroje", "4 engines"),
        (5, "5 strojů", "5 engines"),
        (22, "22 strojů", "22 engines"),
    ],
)
def test_words_follow_their_number(count: int, czech: str, english: str) -> None:
    for language, expected in (("cs", czech), ("en", english)):
        i18n.set_language(language)
        words = i18n.ngettext("{count} engine", "{count} engines", count)
        assert words.format(count=count) == expected


def test_texts_change_with_the_language() -> None:
    i18n.set_language("cs")
    assert (i18n.language(), i18n._("Orders"), i18n._("Zaplaceno")) == (
        "cs",
        "Objednávky",
        "Zaplaceno",
    )
    i18n.set_language("en")
    assert (i18n.language(), i18n._("Orders"), i18n._("Zaplaceno")) == ("en", "Orders", "Paid")


@pytest.mark.parametrize("language", i18n.LANGUAGES)
def test_texts_without_translation_stay_as_they_are(language: str) -> None:
    i18n.set_language(language)
    assert i18n._("Bára's words") == "Bára's words"
    assert i18n._("") == ""  # which gettext would answer with the catalogue's header
    assert i18n.N_("Orders") == "Orders"


def test_an_unknown_language_is_refused_and_changes_nothing() -> None:
    i18n.set_language("cs")
    with pytest.raises(ValueError, match="no language 'de'"):
        i18n.set_language("de")
    assert (i18n.language(), i18n._("Orders")) == ("cs", "Objednávky")


@pytest.mark.parametrize(
    ("environment", "expected"),
    [
        ({}, "en"),
        ({"LANG": "cs_CZ.UTF-8"}, "cs"),
        ({"LANG": "cs"}, "cs"),
        ({"LANG": "czech"}, "cs"),
        ({"LANG": "en_GB.UTF-8"}, "en"),
        ({"LANG": "C.UTF-8"}, "en"),
        ({"LANG": "sk_SK.UTF-8"}, "en"),
        ({"LANG": "en_US.UTF-8", "LC_MESSAGES": "cs_CZ.UTF-8"}, "cs"),
        ({"LC_ALL": "C", "LC_MESSAGES": "cs_CZ", "LANG": "cs_CZ"}, "en"),
        ({"LC_ALL": "", "LANG": "cs_CZ.UTF-8"}, "cs"),
    ],
)
def test_the_environment_prefers_a_language(
    environment: dict[str, str], expected: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    for variable in ("LC_ALL", "LC_MESSAGES", "LANG"):
        monkeypatch.delenv(variable, raising=False)
    for variable, value in environment.items():
        monkeypatch.setenv(variable, value)
    assert i18n.preferred_language() == expected


def test_times_are_written_as_the_language_writes_them() -> None:
    i18n.set_language("cs")
    assert i18n.short_time(MOMENT, PRAGUE) == "20.11. 14:02"
    assert i18n.full_time(MOMENT, PRAGUE) == "20. 11. 2026 14:02:05"
    i18n.set_language("en")
    assert i18n.short_time(MOMENT, PRAGUE) == "20 Nov 14:02"
    assert i18n.full_time(MOMENT, PRAGUE) == "Nov 20, 2026, 2:02:05\u202fPM"


@pytest.mark.parametrize("language", i18n.LANGUAGES)
def test_times_and_numbers_are_those_of_the_unicode_consortium(language: str) -> None:
    i18n.set_language(language)
    pattern = {"cs": "d.M. HH:mm", "en": "d MMM HH:mm"}[language]
    for month in range(1, 13):
        for hour in (0, 1, 11, 12, 13, 23):
            at = datetime(2026, month, month * 2, hour, 5, 9, tzinfo=PRAGUE)
            assert i18n.short_time(at, PRAGUE) == format_datetime(at, pattern, locale=language)
            assert i18n.full_time(at, PRAGUE) == format_datetime(at, "medium", locale=language)
    for value in (0, 3, 0.5, -1.25, 1234567.1234567, 10, 100.0):
        assert i18n.number(value) == format_decimal(value, format="0.######", locale=language)


@pytest.mark.parametrize("language", i18n.LANGUAGES)
def test_a_catalogue_that_was_changed_is_shown_as_it_stands(
    language: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    source = (ROOT / "fototui" / "i18n" / f"{language}.po").read_text(encoding="utf-8")
    changed = tmp_path / f"{language}.po"
    changed.write_text(f'{source}\nmsgid "Never said before"\nmsgstr "Said now"\n', "utf-8")
    compiled = tmp_path / f"{language}.mo"
    compiled.write_bytes(b"")
    os.utime(compiled, (0, 0))
    monkeypatch.setattr(i18n, "_FOLDER", tmp_path)
    i18n._catalogue.cache_clear()
    try:
        i18n.set_language(language)
        assert i18n._("Never said before") == "Said now"
    finally:
        i18n._catalogue.cache_clear()


@pytest.mark.parametrize("language", i18n.LANGUAGES)
@pytest.mark.parametrize("month", range(1, 13))
def test_short_times_fit_the_list(language: str, month: int) -> None:
    i18n.set_language(language)
    received = next(column for column in COLUMNS if column.title == "Received")
    moment = datetime(2026, month, 28, 23, 59, tzinfo=PRAGUE)
    assert cell_len(i18n.short_time(moment, PRAGUE)) <= received.least
