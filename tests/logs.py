"""What the program logs while a block runs, whatever the level."""

from __future__ import annotations

import logging
from collections.abc import Iterator, MutableMapping
from contextlib import contextmanager
from typing import Any

from fototui.log import values_of


@contextmanager
def capture_logs() -> Iterator[list[MutableMapping[str, Any]]]:
    """Collect the lines of the block as they were given, those that nobody would read as well."""
    ours, capture = logging.getLogger("fototui"), _Capture()
    before = ours.level, ours.propagate
    ours.setLevel(logging.DEBUG)
    ours.propagate = False
    ours.addHandler(capture)
    try:
        yield capture.lines
    finally:
        ours.removeHandler(capture)
        ours.setLevel(before[0])
        ours.propagate = before[1]


class _Capture(logging.Handler):
    def __init__(self) -> None:
        super().__init__()
        self.lines: list[MutableMapping[str, Any]] = []

    def emit(self, record: logging.LogRecord) -> None:
        line = {
            **values_of(record),
            "event": record.getMessage(),
            "log_level": record.levelname.lower(),
        }
        if record.exc_info:
            line["exc_info"] = record.exc_info[1]
        self.lines.append(line)
