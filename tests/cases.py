"""Cases that share an app or what else is dear to set up; which of them failed is told."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager


@contextmanager
def case(*what: object) -> Iterator[None]:
    """One case; what fails in it tells which it was.

    Args:
        what: What sets it apart from the others.
    """
    try:
        yield
    except BaseException as error:
        error.add_note("In the case of " + ", ".join(map(repr, what)))
        raise
