"""Calls to outside services, what they took, and what that comes to in money."""

import uuid
from dataclasses import dataclass, fields, replace
from decimal import ROUND_HALF_UP, Decimal
from enum import StrEnum

from fototui.domain.sentences import Sentence
from fototui.domain.statuses import JobKind

# Names calls by what they are for; any fixed value will do.
_CALLS = uuid.UUID("6f1d0c52-6a0e-4c6b-9d0c-3f0a7a9f5b11")
_CENT = Decimal("0.01")
_EXACT_UNDER = 1000


class CallOutcome(StrEnum):
    """What became of a call; of one under way nothing is known."""

    COMPLETED = "completed"
    FAILED = "failed"
    CANCELLED = "cancelled"
    TIMED_OUT = "timed out"
    UNUSABLE = "unusable"
    """The service was done with it, and what it made cannot be used."""
    LOST = "lost"
    """The service forgot its result before that was fetched."""
    UNANSWERED = "unanswered"
    """It may have been accepted, and nothing more was heard of it."""
    REFUSED = "refused"
    """The service did not take it, and charges nothing."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Call:
    """What is known of a call; None is what is not known, and leaves what was written before.

    Args:
        id: Names the call: whoever writes of it, and how often, it is one.
        outside_id: The service's name for it, or for its result.
        outcome: What became of it.
        execution_ms: How long RunPod worked on it, in milliseconds.
        delay_ms: How long it waited at RunPod before.
        credits: What Vectorizer.ai charged for it.
        wasted: Whether no version came of it.
    """

    id: uuid.UUID
    outside_id: str | None = None
    outcome: CallOutcome | None = None
    execution_ms: int | None = None
    delay_ms: int | None = None
    credits: Decimal | None = None
    wasted: bool | None = None

    def and_then(self, later: "Call") -> "Call":
        """The same call with what was learned of it later.

        Args:
            later: What that is.
        """
        known = {each.name: getattr(later, each.name) for each in fields(later)}
        news = {name: value for name, value in known.items() if value is not None}
        return replace(self, **news)


def call_id(kind: JobKind, version_id: int, number: int) -> uuid.UUID:
    """The name of a call.

    Args:
        kind: The kind of version.
        version_id: The version that it was made for.
        number: How many were made for that version, this one included.
    """
    return uuid.uuid5(_CALLS, f"{kind}/{version_id}/{number}")


@dataclass(frozen=True, slots=True, kw_only=True)
class Spent:
    """What calls took. Calls that a service refused are none.

    Args:
        calls: How many there were.
        execution_ms: How long RunPod worked, in milliseconds.
        delay_ms: How long jobs waited at RunPod before.
        credits: What Vectorizer.ai charged.
    """

    calls: int = 0
    execution_ms: int = 0
    delay_ms: int = 0
    credits: float = 0.0

    @property
    def seconds(self) -> float:
        """How long RunPod worked."""
        return round(self.execution_ms / 1000, 3)

    def __bool__(self) -> bool:
        return bool(self.calls or self.execution_ms or self.credits)

    @property
    def is_paid(self) -> bool:
        """Whether anything was charged for the calls."""
        return bool(self.execution_ms or self.credits)


@dataclass(frozen=True, slots=True, kw_only=True)
class Costs:
    """What was paid, and how much of it in vain.

    Args:
        total: All of it.
        wasted: What was paid for calls of which no version came.
    """

    total: Spent = Spent()
    wasted: Spent = Spent()


@dataclass(frozen=True, slots=True, kw_only=True)
class Prices:
    """What services charge.

    Args:
        second: One second of RunPod's work; None where it is not known.
        credit: One credit of Vectorizer.ai.
        currency: What both are in.
    """

    second: Decimal | None = None
    credit: Decimal | None = None
    currency: str = "USD"

    @property
    def any(self) -> bool:
        """Whether anything can be told in money."""
        return self.second is not None or self.credit is not None

    def cost(self, spent: Spent) -> Decimal | None:
        """What calls cost, as exactly as the prices are.

        Args:
            spent: What they took.

        Returns:
            The sum of all whose price is known; None where no price is.
        """
        if not self.any:
            return None
        worked = Decimal(spent.execution_ms) / 1000 * (self.second or 0)
        return worked + Decimal(str(spent.credits)) * (self.credit or 0)

    def told(self, spent: Spent) -> Sentence:
        """What calls cost, in words: money where the price is known, else seconds and credits.

        Args:
            spent: What they took.
        """
        parts = []
        cost = self.cost(spent)
        if cost:
            parts.append(money(cost, self.currency))
        if spent.execution_ms and self.second is None:
            parts.append(Sentence.make("{seconds} s of RunPod", seconds=_short(spent.seconds)))
        if spent.credits and self.credit is None:
            charged = _short(spent.credits)
            parts.append(Sentence.make("Vectorizer.ai credits: {credits}", credits=charged))
        return Sentence.joined(parts, ", ") if parts else Sentence.make("nothing")


def told(costs: Costs, prices: Prices) -> Sentence:
    """What was paid and what of it was wasted, in words.

    Args:
        costs: What was paid.
        prices: What it costs.
    """
    total = prices.told(costs.total)
    if not costs.wasted.is_paid:
        return total
    return Sentence.make("{total} ({wasted} wasted)", total=total, wasted=prices.told(costs.wasted))


def money(amount: Decimal, currency: str) -> Sentence:
    """A sum of money in words; less than a cent is told as such.

    Args:
        amount: The sum.
        currency: Its currency.
    """
    if 0 < amount < _CENT:
        return Sentence.make("less than {cent}", cent=money(_CENT, currency))
    whole, cents = divmod(int((amount * 100).to_integral_value(ROUND_HALF_UP)), 100)
    return Sentence.make(
        "{whole}.{cents} {currency}", whole=whole, cents=f"{cents:02}", currency=currency
    )


def _short(value: float) -> int | float:
    """A number as exactly as it is of interest."""
    return round(value, 1) if value < _EXACT_UNDER and value % 1 else round(value)
