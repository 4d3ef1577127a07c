"""Which topics a topic selector means: one exactly, all (`*`), or those of a URI template.

Templates (RFC 6570) are matched as hub v0.24.2 does it: the value of an expression may be any run
of the characters its operator lets through, whatever its variables are called; `:3` is read over.
A selector that is no valid template stands for itself alone.

The hub turns a template into a regular expression for an engine that needs linear time. Python's
would need exponential time for some (`{+a*}z`), so a template is walked here step by step, with the
set of all places in the topic where a match may stand.
"""

import re
from collections.abc import Iterable
from dataclasses import dataclass
from functools import lru_cache

_ESCAPE = r"%[0-9A-Fa-f]{2}"
_NAME = rf"(?:\w|{_ESCAPE})+(?:\.(?:\w|{_ESCAPE})+)*"
_VARIABLE = rf"{_NAME}(?:\*|:[1-9][0-9]{{0,3}})?"
# Literals of RFC 6570, section 2.1, with the erratum that allows the apostrophe.
_LITERAL = (
    r"[!#$&-;=?-\[\]_a-z~\u00a0-\ud7ff\ue000-\ufdcf\ufdf0-\uffef]|"
    + "|".join(rf"[\U000{plane:x}0000-\U000{plane:x}fffd]" for plane in range(1, 14))
    + r"|[\U000e1000-\U000efffd\U000f0000-\U000ffffd\U00100000-\U0010fffd]"
)
_TOKEN = re.compile(
    rf"(?P<text>(?:{_LITERAL}|{_ESCAPE})+)"
    rf"|\{{(?P<operator>[+#./;?&]?)(?P<variables>{_VARIABLE}(?:,{_VARIABLE})*)\}}",
    re.ASCII,
)

_UNRESERVED = r"\-.0-9A-Z_a-z~"
_RESERVED = r"!#$&-,/:;=?@\[\]"
#: Operator → what an expression begins with, what stands between its values.
_FRAMES = {
    "": ("", ","),
    "+": ("", ","),
    "#": ("#", ","),
    ".": (".", "."),
    "/": ("/", "/"),
    ";": (";", ";"),
    "?": ("?", "&"),
    "&": ("&", "&"),
}
_NAMED = frozenset(";?&")


@lru_cache
def _unit(characters: str) -> re.Pattern[str]:
    return re.compile(rf"[{characters}]|{_ESCAPE}")


def _runs(unit: re.Pattern[str], topic: str, starts: Iterable[int]) -> set[int]:
    """Where runs of any length may end, that begin at one of the places."""
    reached = set(starts)
    waiting = list(reached)
    while waiting:
        found = unit.match(topic, waiting.pop())
        if found and found.end() not in reached:
            reached.add(found.end())
            waiting.append(found.end())
    return reached


@dataclass(frozen=True, slots=True)
class _Text:
    """A part of the template that stands for itself."""

    text: str

    def ends(self, topic: str, starts: set[int]) -> set[int]:
        return {at + len(self.text) for at in starts if topic.startswith(self.text, at)}


@dataclass(frozen=True, slots=True)
class _Expression:
    """A `{…}` of the template.

    Args:
        first: What it begins with.
        separator: What stands between two values.
        value: One character of the first value.
        further: One character of a further value.
        repeats: Most further values; None for any number.
    """

    first: str
    separator: str
    value: re.Pattern[str]
    further: re.Pattern[str]
    repeats: int | None

    def ends(self, topic: str, starts: set[int]) -> set[int]:
        fresh = _runs(self.value, topic, _Text(self.first).ends(topic, starts))
        reached = set(fresh)
        rounds = 0
        while fresh and (self.repeats is None or rounds < self.repeats):
            separated = _Text(self.separator).ends(topic, fresh)
            fresh = _runs(self.further, topic, separated) - reached
            reached |= fresh
            rounds += 1
        return starts | reached  # an expression may also be absent as a whole


def _expression(operator: str, variables: list[str]) -> _Expression:
    exploded = [name.endswith("*") for name in variables]
    named = operator in _NAMED

    def characters(*, with_equals: bool) -> re.Pattern[str]:
        if operator in {"+", "#"}:
            return _unit(_UNRESERVED + _RESERVED)
        return _unit(_UNRESERVED + "," + "=" * with_equals)

    first, separator = _FRAMES[operator]
    return _Expression(
        first=first,
        separator=separator,
        value=characters(with_equals=named or exploded[0]),
        further=characters(with_equals=named or any(exploded)),
        repeats=None if any(exploded) else len(variables) - 1,
    )


@lru_cache(maxsize=1_000)
def _compile(selector: str) -> tuple[_Text | _Expression, ...] | None:
    """The steps of a template; None where the selector is none."""
    if "{" not in selector:
        return None
    steps: list[_Text | _Expression] = []
    at = 0
    while at < len(selector):
        token = _TOKEN.match(selector, at)
        if token is None:
            return None
        if token["text"] is not None:
            steps.append(_Text(token["text"]))
        else:
            steps.append(_expression(token["operator"], token["variables"].split(",")))
        at = token.end()
    return tuple(steps)


@lru_cache(maxsize=20_000)
def matches(selector: str, topic: str) -> bool:
    """Whether a topic selector means a topic.

    Args:
        selector: A topic, `*`, or a URI template such as `orders/{id}`.
        topic: The topic of an update.

    Returns:
        True where it does.
    """
    if selector in {"*", topic}:
        return True
    steps = _compile(selector)
    if steps is None:
        return False
    at = {0}
    for step in steps:
        at = step.ends(topic, at)
    return len(topic) in at


def any_matches(selectors: Iterable[str], topics: Iterable[str]) -> bool:
    """Whether one of the selectors means one of the topics.

    Args:
        selectors: Topic selectors.
        topics: Topics of one update.

    Returns:
        True where it does.
    """
    return any(matches(selector, topic) for topic in topics for selector in selectors)
