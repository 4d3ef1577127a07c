"""What the program logs while a block runs, whatever the level."""

from __future__ import annotations

import logging
from collections.abc import Iterator, MutableMapping
from contextlib import contextmanager
from typing import Any

from structlog import testing


@contextmanager
def capture_logs() -> Iterator[list[MutableMapping[str, Any]]]:
    """Collect the lines of the block as they were given, those that nobody would read as well."""
    ours = logging.getLogger("fototui")
    before = ours.level
    ours.setLevel(logging.DEBUG)
    try:
        with testing.capture_logs() as lines:
            yield lines
    finally:
        ours.setLevel(before)
