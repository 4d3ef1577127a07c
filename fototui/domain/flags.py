"""What a status means, said by flags that are checked when they are combined.

A status is a database string with a set of `Flags`. The flags drive the engine (what may be
claimed, what is taken up after a crash) and the screens (what may be retried), so a combination
that makes no sense must not exist: it is refused at import time, by rules that are plain data.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import Flag, StrEnum, auto
from functools import cache
from typing import Self, TypeVar


class FlagRuleError(ValueError):
    """A combination of flags breaks a rule, or a rule makes no sense."""


class Flags(Flag):
    """What a status means to the engine and to an operator; combined with `|`, asked with `in`.

    Every combination is checked against `FLAG_RULES` as it is made.
    """

    STARTABLE = auto()
    """A worker may pick the job up (initial states)."""
    RECOVERABLE = auto()
    """An interrupted job in this state is taken up again."""
    AWAITING_EXTERNAL = auto()
    """An outside service is working; poll or wait."""
    FINAL = auto()
    """No more processing."""
    RETRYABLE = auto()
    """An operator may retry it."""

    def __or__(self, other: Self) -> Self:
        both = type(self)(self.value | other.value)
        check_flags(both)
        return both

    def __str__(self) -> str:
        return ", ".join(flag.name or "" for flag in self)


NO_FLAGS = Flags(0)


@dataclass(frozen=True, slots=True)
class FlagRule:
    """What must and what must not stand beside some flags.

    Args:
        when: The rule speaks of combinations that hold all of these.
        required: Flags that must be there too.
        forbidden: Flags none of which may be there.

    Raises:
        FlagRuleError: `when` is empty, or a flag is both required and forbidden.
    """

    when: Flags
    required: Flags = NO_FLAGS
    forbidden: Flags = NO_FLAGS

    def __post_init__(self) -> None:
        if not self.when:
            raise FlagRuleError("a rule needs a condition: `when` cannot be empty")
        if both := self.required & self.forbidden:
            raise FlagRuleError(f"When {self.when}: {both} cannot be both required and forbidden")

    def check(self, flags: Flags) -> None:
        """Check one combination.

        Args:
            flags: The combination.

        Raises:
            FlagRuleError: The combination breaks this rule; the message names the flags.
        """
        if self.when not in flags:
            return
        if missing := self.required & ~flags:
            raise FlagRuleError(f"When {self.when}: {missing} must be present")
        if extra := self.forbidden & flags:
            raise FlagRuleError(f"When {self.when}: {extra} cannot be present")


def _all_of(*flags: Flags) -> Flags:
    """A set to be named by a rule; it describes, so it is not itself checked."""
    return Flags(sum(flag.value for flag in flags))


FLAG_RULES = frozenset(
    {
        FlagRule(when=Flags.RETRYABLE, required=Flags.FINAL),
        FlagRule(
            when=Flags.FINAL,
            forbidden=_all_of(Flags.RECOVERABLE, Flags.STARTABLE, Flags.AWAITING_EXTERNAL),
        ),
        FlagRule(
            when=Flags.AWAITING_EXTERNAL, required=Flags.RECOVERABLE, forbidden=Flags.STARTABLE
        ),
    }
)


def check_flags(flags: Flags, rules: frozenset[FlagRule] | None = None) -> None:
    """Check a combination against rules.

    Args:
        flags: The combination.
        rules: The rules; the product's own (`FLAG_RULES`) where none are given.

    Raises:
        FlagRuleError: Some rule is broken. Of several, the one on the later flag is named.
    """
    rules = FLAG_RULES if rules is None else rules
    for rule in sorted(rules, key=lambda rule: rule.when.value, reverse=True):
        rule.check(flags)


class Colour(StrEnum):
    """The few colours in which a status may appear; a theme decides what each looks like."""

    GREY = "grey"
    BLUE = "blue"
    YELLOW = "yellow"
    GREEN = "green"
    RED = "red"
    ORANGE = "orange"
    PURPLE = "purple"


@dataclass(frozen=True, slots=True)
class Display:
    """How a status looks to an operator.

    Args:
        label: Czech label; the source text of translations.
        colour: Its colour.
    """

    label: str
    colour: Colour


@dataclass(frozen=True, slots=True)
class Status:
    """One status: its database string, what it means, and how it looks.

    Args:
        value: The string in the database and on the wire.
        flags: What it means; checked here too, so that a lone flag is checked as well.
        display: Label and colour.

    Raises:
        FlagRuleError: The flags break a rule.
    """

    value: str
    flags: Flags
    display: Display

    def __post_init__(self) -> None:
        check_flags(self.flags)

    @property
    def is_startable(self) -> bool:
        """A worker may pick the job up."""
        return Flags.STARTABLE in self.flags

    @property
    def is_recoverable(self) -> bool:
        """An interrupted job in this state is taken up again."""
        return Flags.RECOVERABLE in self.flags

    @property
    def is_awaiting_external(self) -> bool:
        """An outside service is working."""
        return Flags.AWAITING_EXTERNAL in self.flags

    @property
    def is_final(self) -> bool:
        """No more processing."""
        return Flags.FINAL in self.flags

    @property
    def is_retryable(self) -> bool:
        """An operator may retry it."""
        return Flags.RETRYABLE in self.flags


class ProcessingStatusEnum(StrEnum):
    """Base of the processing statuses: members are declared with `Status` objects.

    A member is its database string; `.meta` is the `Status` behind it.
    """

    meta: Status

    def __new__(cls, status: Status | str) -> Self:
        """Make the member out of its status.

        Looking a member up by its plain string never comes here; the type allows for the call.
        """
        assert isinstance(status, Status)
        member = str.__new__(cls, status.value)
        member._value_ = status.value
        member.meta = status
        return member

    @classmethod
    def startable_states(cls) -> frozenset[Self]:
        """States from which work may begin: fresh ones, and failed ones that may be retried."""
        return _having(cls, Flags.STARTABLE) | _having(cls, Flags.RETRYABLE)

    @classmethod
    def intermediate_states(cls) -> frozenset[Self]:
        """States that are taken up again after a crash."""
        return _having(cls, Flags.RECOVERABLE)

    @classmethod
    def awaiting_external_states(cls) -> frozenset[Self]:
        """States in which an outside service is working."""
        return _having(cls, Flags.AWAITING_EXTERNAL)

    @classmethod
    def final_states(cls) -> frozenset[Self]:
        """States after which nothing happens by itself."""
        return _having(cls, Flags.FINAL)

    @classmethod
    def retryable_states(cls) -> frozenset[Self]:
        """States that an operator may retry."""
        return _having(cls, Flags.RETRYABLE)

    @classmethod
    def active_states(cls) -> frozenset[Self]:
        """States in which an engine has something to do: what may be claimed."""
        return frozenset(member for member in cls if not member.meta.is_final)


E = TypeVar("E", bound=ProcessingStatusEnum)


@cache
def _having(cls: type[E], flag: Flags) -> frozenset[E]:
    return frozenset(member for member in cls if flag in member.meta.flags)
