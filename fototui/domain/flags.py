"""What a status means, said by flags that are checked when they are combined.

A status is a database string with a set of `Flags`. The flags drive the engine (what may be
claimed, what is taken up after a crash) and the screens (what may be retried), so a combination
that makes no sense must not exist: it is refused at import time, by rules that are plain data.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import Flag, StrEnum, auto
from functools import cache
from typing import ClassVar, Self, TypeVar


class FlagRuleError(ValueError):
    """A combination of flags breaks a rule, or a rule makes no sense."""


class Flags(Flag):
    """What a status means to the engine and to an operator; combined with `|`, asked with `in`.

    Every combination is checked as it is made.

    Attributes:
        RULES: What it is checked against. A rule that is added holds from then on.
    """

    RULES: ClassVar[set[FlagRule]]

    NONE = 0
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
        both.check()
        return both

    def __str__(self) -> str:
        return " and ".join(flag.name or "" for flag in self)

    def check(self) -> None:
        """Check the combination against the rules.

        Raises:
            FlagRuleError: It breaks some; the message names all that is wrong.
        """
        rules = sorted(self.RULES, key=lambda rule: rule.when.value)
        if faults := [fault for rule in rules if (fault := rule.fault(self))]:
            raise FlagRuleError(" and ".join(faults))


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
    required: Flags = Flags.NONE
    forbidden: Flags = Flags.NONE

    def __post_init__(self) -> None:
        if not self.when:
            raise FlagRuleError("a rule needs a condition: `when` cannot be empty")
        if both := self.required & self.forbidden:
            raise FlagRuleError(f"When {self.when}: {both} cannot be both required and forbidden")

    def fault(self, flags: Flags) -> str | None:
        """What is wrong with a combination, by this rule.

        Args:
            flags: The combination.

        Returns:
            All that is wrong, by the names of the flags; None where nothing is.
        """
        if self.when not in flags:
            return None
        faults = []
        if missing := self.required & ~flags:
            faults.append(f"{missing} must be present")
        if extra := self.forbidden & flags:
            faults.append(f"{extra} cannot be present")
        return f"When {self.when}: {' and '.join(faults)}" if faults else None


# No rule holds yet while these are written, so they may name flags that must not stand together.
Flags.RULES = set()
Flags.RULES |= {
    FlagRule(when=Flags.RETRYABLE, required=Flags.FINAL),
    FlagRule(
        when=Flags.FINAL,
        forbidden=Flags.RECOVERABLE | Flags.STARTABLE | Flags.AWAITING_EXTERNAL,
    ),
    FlagRule(when=Flags.AWAITING_EXTERNAL, required=Flags.RECOVERABLE, forbidden=Flags.STARTABLE),
}


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
class Status:
    """One status: its database string, what it means, and how it looks.

    Args:
        value: The string in the database and on the wire.
        flags: What it means; checked here too, so that a lone flag is checked as well.
        display: Czech label; the source text of translations.
        colour: The label's colour.

    Raises:
        FlagRuleError: The flags break a rule.
    """

    value: str
    flags: Flags = Flags.NONE
    display: str = ""
    colour: Colour = Colour.GREY

    def __post_init__(self) -> None:
        self.flags.check()

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
        """States that an engine may claim: STARTABLE or RECOVERABLE, never what has failed."""
        return (cls.startable_states() - cls.retryable_states()) | cls.intermediate_states()


E = TypeVar("E", bound=ProcessingStatusEnum)


@cache
def _having(cls: type[E], flag: Flags) -> frozenset[E]:
    return frozenset(member for member in cls if flag in member.meta.flags)
