"""A default that is told apart from None."""

from enum import Enum


class Unset(Enum):
    """Says that an argument was not given, where None has a meaning."""

    UNSET = "unset"


UNSET = Unset.UNSET
