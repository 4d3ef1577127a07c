"""A search as it is typed: words, and fields such as `is:failed` or `before:2026-11-01`.

What fields there are is said by those who search; here is how they are read. A field that is not
understood is left out and told in a sentence: somebody may still be typing it.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime, time, timedelta, tzinfo
from typing import Generic, TypeVar

from fototui.domain.sentences import Sentence
from fototui.domain.text import clean_line, folded

_LONGEST = 200
# A field needs letters before its colon, so that 14:02 is a word; an address is one too.
_PART = re.compile(
    r'(?P<name>[^\W\d_]+):(?!//)(?P<value>"[^"]*"?|\S*)|"(?P<phrase>[^"]*)"?|(?P<word>\S+)'
)
_CZECH_DAY = re.compile(r"(\d{1,2})\.(\d{1,2})\.?(\d{4})?")
_TODAY = {"today": 0, "dnes": 0, "yesterday": 1, "vcera": 1}
# Years that no clock of a shop shows, and that no time zone can lead out of what dates hold.
_YEARS = range(1970, 2200)


RowT = TypeVar("RowT")
Test = Callable[[RowT], bool]


@dataclass(frozen=True, slots=True)
class Condition(Generic[RowT]):
    """What one field asks for.

    Args:
        key: The field and its value, in one form; of the same key, conditions are the same.
        test: Whether a row is meant.
        since: No row is older, where that is known.
        until: All rows are older, where that is known.
    """

    key: tuple[str, str]
    test: Test[RowT]
    since: datetime | None = None
    until: datetime | None = None


@dataclass(frozen=True, slots=True)
class Field(Generic[RowT]):
    """A field that a search may have.

    Args:
        names: What it is called: in English, then in Czech; without accents.
        takes: What it may ask for.
        read: Gives the condition of a value, which is `folded`; None where it means nothing.
    """

    names: tuple[str, ...]
    takes: Sentence
    read: Callable[[str], Condition[RowT] | None]


@dataclass(frozen=True, slots=True)
class Search(Generic[RowT]):
    """A search that was read.

    Args:
        words: Texts that must all be found, `folded`.
        conditions: What must all be true.
        complaints: What was not understood, and is left out.
        hint: What the field may ask for that has no value yet.
    """

    words: tuple[str, ...] = ()
    conditions: tuple[Condition[RowT], ...] = ()
    complaints: tuple[Sentence, ...] = ()
    hint: Sentence | None = None

    def __bool__(self) -> bool:
        """Something is searched for."""
        return bool(self.words or self.conditions)

    @property
    def key(self) -> object:
        """What is searched for, in one form."""
        return self.words, tuple(condition.key for condition in self.conditions)

    @property
    def complaint(self) -> Sentence | None:
        """The first thing that was not understood."""
        return self.complaints[0] if self.complaints else None

    @property
    def since(self) -> datetime | None:
        """No row that is found is older."""
        return max((c.since for c in self.conditions if c.since is not None), default=None)

    @property
    def until(self) -> datetime | None:
        """All rows that are found are older."""
        return min((c.until for c in self.conditions if c.until is not None), default=None)

    def finds(self, row: RowT, text: str) -> bool:
        """Whether a row is meant.

        Args:
            row: The row.
            text: What words are looked for in, `folded`.
        """
        return all(word in text for word in self.words) and all(
            condition.test(row) for condition in self.conditions
        )

    def narrows(self, other: Search[RowT]) -> bool:
        """Whether it can only find what another one finds, as with each letter more."""
        return (
            len(self.words) >= len(other.words)
            and all(old in new for old, new in zip(other.words, self.words, strict=False))
            and {c.key for c in other.conditions} <= {c.key for c in self.conditions}
        )


def read_search(text: str, fields: Sequence[Field[RowT]], *, takes: Sentence) -> Search[RowT]:
    """Read a search.

    Args:
        text: As it was typed.
        fields: The fields that it may have.
        takes: Which these are, in words.
    """
    words: list[str] = []
    conditions: list[Condition[RowT]] = []
    complaints: list[Sentence] = []
    hint: Sentence | None = None
    for part in _PART.finditer(clean_line(text, limit=_LONGEST)):
        name, value = part["name"], folded((part["value"] or "").strip('" '))
        if name is None:
            if word := folded(part["phrase"] or part["word"] or "").strip():
                words.append(word)
            continue
        field = next((field for field in fields if folded(name) in field.names), None)
        if field is None:
            complaints.append(
                Sentence.make("There is no field “{name}:”: {takes}", name=name, takes=takes)
            )
        elif not value:
            hint = field.takes
        elif (condition := field.read(value)) is not None:
            conditions.append(condition)
        else:
            complaints.append(
                Sentence.make(
                    "“{value}” is not known there. {takes}",
                    value=part[0].replace('"', ""),
                    takes=field.takes,
                )
            )
    return Search(tuple(words), tuple(conditions), tuple(complaints), hint)


# --- kinds of fields -----------------------------------------------------------------------------


def choice(
    names: tuple[str, ...], takes: Sentence, meanings: Mapping[str, Test[RowT]]
) -> Field[RowT]:
    """A field with a list of values; several may be given with commas, and one of them is enough.

    The beginning of a value means all those that begin so, as one types.

    Args:
        names: What it is called.
        takes: What it may ask for.
        meanings: What each value means; values are `folded`, with hyphens for spaces.
    """

    def test_of(value: str) -> list[Test[RowT]]:
        value = "-".join(value.split())
        if value in meanings:
            return [meanings[value]]
        return [test for word, test in meanings.items() if word.startswith(value)]

    def read(value: str) -> Condition[RowT] | None:
        given = [part for part in value.split(",") if part]
        meant = [test_of(part) for part in given]
        if not all(meant) or not meant:
            return None
        tests = [test for found in meant for test in found]
        return Condition((names[0], value), lambda row: any(test(row) for test in tests))

    return Field(names, takes, read)


def part_of(
    names: tuple[str, ...], takes: Sentence, text: Callable[[RowT], str | None]
) -> Field[RowT]:
    """A field whose value is a part of a text, such as a name.

    Args:
        names: What it is called.
        takes: What it may ask for.
        text: The text of a row, where it has one.
    """

    def read(value: str) -> Condition[RowT]:
        return Condition((names[0], value), lambda row: value in folded(text(row) or ""))

    return Field(names, takes, read)


def days(
    moment: Callable[[RowT], datetime], *, zone: tzinfo, today: date
) -> tuple[Field[RowT], Field[RowT]]:
    """The fields `before:` a day, and `after:` its beginning.

    Args:
        moment: Of a row, the time that is meant.
        zone: Where days begin.
        today: The present day there.
    """
    takes = Sentence.make("A day is written 2026-11-01, 1.11., today or yesterday.")

    def start(value: str) -> datetime | None:
        day = _day(value, today)
        return None if day is None else datetime.combine(day, time.min, tzinfo=zone)

    def before(value: str) -> Condition[RowT] | None:
        if (at := start(value)) is None:
            return None
        return Condition(("before", value), lambda row: moment(row) < at, until=at)

    def after(value: str) -> Condition[RowT] | None:
        if (at := start(value)) is None:
            return None
        return Condition(("after", value), lambda row: moment(row) >= at, since=at)

    return Field(("before", "pred", "do"), takes, before), Field(
        ("after", "since", "po", "od"), takes, after
    )


def _day(value: str, today: date) -> date | None:
    if value in _TODAY:
        return today - timedelta(days=_TODAY[value])
    try:
        if czech := _CZECH_DAY.fullmatch(value):
            day, month, year = czech.groups()
            found = date(int(year or today.year), int(month), int(day))
        else:
            found = date.fromisoformat(value)
    except ValueError:
        return None
    return found if found.year in _YEARS else None


def meanings(*those: tuple[Iterable[str], Test[RowT]]) -> dict[str, Test[RowT]]:
    """A list of values for `choice`: of each meaning all its words.

    Args:
        *those: Words, and what they mean.
    """
    return {word: test for words, test in those for word in words}
