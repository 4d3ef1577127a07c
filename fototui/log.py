"""Logging: one stream for our own lines and the libraries', readable or as JSON.

Whatever is logged is made safe on its way out: secrets are masked, control characters of strangers'
texts are taken out, and a text cannot forge a line of its own.

An engine writes two lines for each job, so a line is made here, from its values straight to its
text: a third of the time that a library for it takes, and nothing more to be imported.
"""

from __future__ import annotations

import json
import logging
import os
import re
import sys
import traceback
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from contextvars import ContextVar
from datetime import UTC, datetime
from functools import lru_cache
from typing import TextIO

from pydantic import SecretBytes, SecretStr

from fototui.domain.text import clean, clean_line

_HANDLER = "fototui"
_VALUES = "fototui_values"
"""Where a record of Python's own logging holds the values of a line."""
_MASK = "***"
_LIMIT = 10_000

# user:password@ of a URL; a password may hold anything but white space and quotes.
_PASSWORD = re.compile(r"""(://[^\s:/@'"]*):[^\s'"]*@""")
# A token in the user's place, as in https://token@host/.
_TOKEN = re.compile(r"""://[^\s:/@'"]+@""")
# Tokens in a query (Mercure's) and the signed part of a presigned address.
_QUERY = re.compile(r"(?i)([?&](?:authorization|x-amz-signature|x-amz-security-token)=)[^&\s'\"]+")
_BEARER = re.compile(r"(?i)\b(bearer|basic)\s+[a-z0-9._~+/=-]{16,}")

_SHORTEST_BEARER = len("basic ") + 16

_NO_JOB: Mapping[str, object] = {}
_job: ContextVar[Mapping[str, object]] = ContextVar("job", default=_NO_JOB)


Line = dict[str, object]


class Logger:
    """A module's logger. What a line tells beside its event is given by name.

    Below the level a line costs one question, and nothing of what it would hold is gathered. With
    `exc_info` it tells of an exception: of that one, or if true of the one being handled.

    Args:
        name: The module's name.
    """

    def __init__(self, name: str) -> None:
        self._logger = logging.getLogger(name)
        self._is_read = self._logger.isEnabledFor

    def debug(self, event: str, *, exc_info: object = False, **values: object) -> None:
        """Write a line that is read when something is looked for."""
        if self._is_read(logging.DEBUG):
            self._write(logging.DEBUG, event, exc_info, values)

    def info(self, event: str, *, exc_info: object = False, **values: object) -> None:
        """Write what was done."""
        if self._is_read(logging.INFO):
            self._write(logging.INFO, event, exc_info, values)

    def warning(self, event: str, *, exc_info: object = False, **values: object) -> None:
        """Write what should not be so, and goes on."""
        if self._is_read(logging.WARNING):
            self._write(logging.WARNING, event, exc_info, values)

    def error(self, event: str, *, exc_info: object = False, **values: object) -> None:
        """Write what somebody has to see to."""
        if self._is_read(logging.ERROR):
            self._write(logging.ERROR, event, exc_info, values)

    def exception(self, event: str, **values: object) -> None:
        """Write a fault with all that is known of the exception that is being handled."""
        self.error(event, exc_info=True, **values)

    def _write(self, level: int, event: str, exc_info: object, values: Line) -> None:
        error = sys.exception() if exc_info is True else exc_info
        told = None
        if isinstance(error, BaseException):
            told = type(error), error, error.__traceback__
        record = self._logger.makeRecord(self._logger.name, level, "", 0, event, (), told)
        vars(record)[_VALUES] = values
        self._logger.handle(record)


def values_of(record: logging.LogRecord) -> Mapping[str, object]:
    """What a line of ours tells beside its event; nothing of a library's.

    Args:
        record: The line as Python's own logging has it.
    """
    values: Mapping[str, object] = vars(record).get(_VALUES, _NO_JOB)
    return values


def get_logger(name: str) -> Logger:
    """A module's logger.

    Args:
        name: The module's name.
    """
    return Logger(name)


def configure_logging(
    level: str, *, json: bool | None = None, stream: TextIO | None = None
) -> None:
    """Send all logging to one stream; may be called again to change it.

    Libraries are heard from WARNING on, whatever the level.

    Args:
        level: Least level of our own lines, for instance "INFO".
        json: One JSON object per line; where not given, only if the stream is no terminal.
        stream: Where to; standard error where not given.
    """
    stream = stream or sys.stderr
    handler = _Handler(stream)
    handler.set_name(_HANDLER)
    terminal = stream.isatty()
    as_json = not terminal if json is None else json
    handler.setFormatter(_Formatter(_json if as_json else _Readable(terminal and _may_colour())))
    root = logging.getLogger()
    for old in [old for old in root.handlers if old.get_name() == _HANDLER]:
        root.removeHandler(old)
    root.addHandler(handler)
    least = logging.getLevelNamesMapping()[level.upper()]
    logging.getLogger("fototui").setLevel(least)
    root.setLevel(max(least, logging.WARNING))


@contextmanager
def bind_job(
    *,
    order: str | None = None,
    image: int | None = None,
    version: int | None = None,
    engine: str | None = None,
    lane: str | None = None,
) -> Iterator[None]:
    """Let every line that is logged inside the block tell which job it is about.

    Args:
        order: The order's number.
        image: The image's id.
        version: The version's id.
        engine: The engine's id.
        lane: Its kind of work.
    """
    known = {"order": order, "lane": lane, "image": image, "version": version, "engine": engine}
    given = {name: value for name, value in known.items() if value is not None}
    before = _job.set({**_job.get(), **given})
    try:
        yield
    finally:
        _job.reset(before)


# --- lines -------------------------------------------------------------------------------------


class _Handler(logging.StreamHandler[TextIO]):
    """One that goes on where a line cannot be written: the disk may be full."""

    def handleError(self, record: logging.LogRecord) -> None:  # noqa: N802 - the library's name
        """Say what is wrong with a line, but not that there is no room for it."""
        if not isinstance(sys.exception(), OSError):
            super().handleError(record)


class _Formatter(logging.Formatter):
    """Makes a record a line, whoever wrote it."""

    def __init__(self, render: Callable[[Line], str]) -> None:
        super().__init__()
        self._render = render

    def format(self, record: logging.LogRecord) -> str:
        """A line."""
        line: Line = {}
        for name, value in {**_job.get(), **values_of(record)}.items():
            line[_safe_text(name)] = _safe(value)
        line["event"] = _safe(record.getMessage())
        line["level"] = record.levelname.lower()
        line["logger"] = _safe(record.name)
        written_at = datetime.fromtimestamp(record.created, UTC).replace(tzinfo=None)
        line["timestamp"] = f"{written_at.isoformat(timespec='microseconds')}Z"
        if record.exc_info:  # tracebacks keep their lines
            told = "".join(traceback.format_exception(*record.exc_info)).rstrip("\n")
            line["exception"] = _mask(clean(told, limit=_LIMIT))
        if record.stack_info:
            line["stack"] = _mask(clean(record.stack_info, limit=_LIMIT))
        return self._render(line)


_json = json.JSONEncoder(ensure_ascii=False).encode


class _Readable:
    """A line for people.

    Args:
        coloured: In colours.
    """

    _DIM, _BOLD, _NAME, _VALUE = "2", "1", "36", "35"
    _LEVELS: Mapping[str, str] = {
        "critical": "31;1",
        "error": "31;1",
        "warning": "33;1",
        "info": "32;1",
        "debug": "32;1",
    }

    def __init__(self, coloured: bool) -> None:  # noqa: FBT001 - the only one
        self._coloured = coloured

    def __call__(self, line: Line) -> str:
        level = str(line.pop("level"))
        paragraphs = [line.pop(name) for name in ("stack", "exception") if name in line]
        head = (
            self._in(self._DIM, str(line.pop("timestamp"))),
            f"[{self._in(self._LEVELS.get(level, self._BOLD), f'{level:9}')}]",
            self._in(self._BOLD, f"{line.pop('event')!s:30}"),
            f"[{self._in(self._NAME, str(line.pop('logger')))}]",
        )
        told = (
            f"{self._in(self._NAME, name)}={self._in(self._VALUE, _quoted(value))}"
            for name, value in line.items()
        )
        return "\n".join([" ".join([*head, *told]), *map(str, paragraphs)])

    def _in(self, colour: str, text: str) -> str:
        return f"\x1b[{colour}m{text}\x1b[0m" if self._coloured else text


def _quoted(value: object) -> str:
    return value if isinstance(value, str) and value and " " not in value else repr(value)


def _may_colour() -> bool:
    """Whether nobody asked for none: https://no-color.org; a dumb terminal shows the codes."""
    return not os.environ.get("NO_COLOR") and os.environ.get("TERM") != "dumb"


# --- what is safe to print -----------------------------------------------------------------------


def _safe(value: object) -> object:
    match value:
        case str():
            return _safe_text(value) if len(value) <= _SHORT else _made_safe(value)
        case None | bool() | int() | float():
            return value
        case SecretStr() | SecretBytes():
            return _MASK
        case Mapping():
            return {clean_line(str(key)): _safe(part) for key, part in value.items()}
        case list() | tuple() | set() | frozenset():
            return [_safe(part) for part in value]
        case BaseException():
            return _made_safe(f"{type(value).__name__}: {value}")
        case _:
            return _made_safe(str(value))


def _made_safe(text: str) -> str:
    return _mask(clean_line(str(text), limit=_LIMIT))


_SHORT = 64
"""Longest text that is known again: events, names and numbers come in each line anew."""

_safe_text = lru_cache(maxsize=1024)(_made_safe)


def _mask(text: str) -> str:
    # Few texts hold what one of these looks for, and each search takes as long as writing the line.
    if "://" in text:
        text = _PASSWORD.sub(rf"\1:{_MASK}@", text)
        text = _TOKEN.sub(f"://{_MASK}@", text)
    if "=" in text:
        text = _QUERY.sub(rf"\1{_MASK}", text)
    return _BEARER.sub(rf"\1 {_MASK}", text) if len(text) >= _SHORTEST_BEARER else text
