"""How single settings are read, and what is told of wrong ones: never the value."""

import getpass
import re
from collections.abc import Mapping
from decimal import Decimal
from typing import Annotated
from urllib.parse import urlsplit

from pydantic import AfterValidator, Field, SecretStr
from pydantic_core import ErrorDetails

from fototui.domain.lanes import LANES
from fototui.domain.sentences import Sentence
from fototui.domain.statuses import JobKind
from fototui.i18n import N_

DEFAULT_CONCURRENCY = {kind: LANES[kind].concurrency for kind in JobKind}


def _read_url(value: str) -> str:
    try:
        parts = urlsplit(value.strip())
        # The port is read here, for it is refused where it is used.
        is_address = parts.scheme in ("http", "https") and parts.hostname and parts.port != 0
    except ValueError:  # in words that hold the value
        is_address = False
    if not is_address:
        raise ValueError(N_("give a full address such as https://example.com"))
    return value.strip().rstrip("/")


def read_database_url(value: SecretStr | None) -> SecretStr | None:
    """Insist on an address of PostgreSQL."""
    known = ("postgresql://", "postgresql+asyncpg://", "postgres://")
    if value is not None and not value.get_secret_value().startswith(known):
        raise ValueError(N_("give an address such as postgresql://user:password@host/database"))
    return value


def read_concurrency(value: object) -> object:
    """Read "coloring=3,svg=5"; a lane not named keeps its default, 0 leaves it to other engines."""
    if not isinstance(value, str):
        return value
    found: dict[JobKind, int] = dict(DEFAULT_CONCURRENCY)
    for part in value.split(","):
        lane, _, count = (piece.strip() for piece in part.partition("="))
        if lane not in frozenset(JobKind) or not re.fullmatch(r"[0-9]{1,3}", count):
            raise ValueError(N_("write it like coloring=3,svg=5"))
        found[JobKind(lane)] = int(count)
    return found


def read_hosts(value: object) -> object:
    """Read "127.0.0.1:8080,cdn.local:443"."""
    if not isinstance(value, str):
        return value
    hosts = frozenset(part.strip().lower() for part in value.split(",") if part.strip())
    if not all(re.fullmatch(r"(\[[0-9a-f:]+\]|[a-z0-9.-]+):[0-9]{1,5}", host) for host in hosts):
        raise ValueError(N_("write it like 127.0.0.1:8080,photos.local:443"))
    return hosts


def login_name() -> str:
    """Who is logged in to this machine."""
    try:
        return getpass.getuser()
    except (KeyError, OSError):  # a container's user may have no name
        return "operator"


Url = Annotated[str, AfterValidator(_read_url)]
Price = Annotated[Decimal, Field(ge=0, allow_inf_nan=False)]
Seconds = Annotated[float, Field(gt=0, allow_inf_nan=False)]

# By pydantic's type of the error; the places are those of its context.
_WORDS: Mapping[str, str] = {
    "int_parsing": N_("write a whole number"),
    "int_from_float": N_("write a whole number"),
    "float_parsing": N_("write a number"),
    "decimal_parsing": N_("write a number"),
    "finite_number": N_("write a number"),
    "bool_parsing": N_("write true or false"),
    "greater_than": N_("write a number above {gt}"),
    "greater_than_equal": N_("write a number of {ge} or more"),
    "less_than_equal": N_("write a number of {le} or less"),
    "literal_error": N_("write one of {expected}"),
    "string_pattern_mismatch": N_("it is not written as it should be; see the README"),
    "string_too_short": N_("it cannot be empty"),
    "zoneinfo_str": N_("write a time zone such as Europe/Prague"),
    "missing": N_("it is missing"),
}
_PLACES = ("gt", "ge", "le", "expected")


def explain(problem: ErrorDetails) -> Sentence:
    """Say what is wrong with a value.

    Args:
        problem: As pydantic tells it, without the value.
    """
    kind, context = problem["type"], problem.get("ctx", {})
    if kind == "value_error":  # the program's own words, marked where they stand
        return Sentence(text=problem["msg"].removeprefix("Value error, "))
    if kind not in _WORDS:
        return Sentence.plain(problem["msg"])
    # The context may hold more than the words speak of, the value itself for instance.
    values = {name: context[name] for name in _PLACES if name in context}
    return Sentence(text=_WORDS[kind], values=values)
