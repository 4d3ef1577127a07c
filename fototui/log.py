"""Logging: one stream for our own lines and the libraries', readable or as JSON.

Whatever is logged is made safe on its way out: secrets are masked, control characters of strangers'
texts are taken out, and a text cannot forge a line of its own.

structlog is imported for the first line: most commands write none, and it takes a while. It comes
without rich, of which nothing is used here, and which takes longer than all the rest of it.
"""

from __future__ import annotations

import logging
import os
import re
import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from contextvars import ContextVar
from typing import TYPE_CHECKING, Any, TextIO, cast

from pydantic import SecretBytes, SecretStr

from fototui.domain.text import clean, clean_line

if TYPE_CHECKING:
    from types import ModuleType

    from structlog.stdlib import BoundLogger, ProcessorFormatter
    from structlog.typing import EventDict, Processor, WrappedLogger

_HANDLER = "fototui"
_MASK = "***"
_LIMIT = 10_000

# Tracebacks keep their lines.
_MULTILINE = frozenset({"exception", "stack"})

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


class _Handler(logging.StreamHandler[TextIO]):
    """One that goes on where a line cannot be written: the disk may be full."""

    def handleError(self, record: logging.LogRecord) -> None:  # noqa: N802 - the library's name
        """Say what is wrong with a line, but not that there is no room for it."""
        if not isinstance(sys.exception(), OSError):
            super().handleError(record)


class _Formatter(logging.Formatter):
    """One that is made for the first line."""

    def __init__(self, *, json: bool, terminal: bool) -> None:
        super().__init__()
        self._json, self._terminal = json, terminal
        self._made: ProcessorFormatter | None = None

    def format(self, record: logging.LogRecord) -> str:
        """A line."""
        if self._made is None:
            self._made = _make_formatter(json=self._json, terminal=self._terminal)
        return self._made.format(record)


class _Logger:
    """A logger that is made when it is first asked for something.

    A step writes lines that are seldom read: below the level a line costs one question, and what it
    would hold is neither gathered nor copied.
    """

    def __init__(self, name: str) -> None:
        self._name = name
        self._is_read = logging.getLogger(name).isEnabledFor

    def debug(self, event: str, **values: object) -> None:
        if self._is_read(logging.DEBUG):
            self.__getattr__("debug")(event, **values)

    def info(self, event: str, **values: object) -> None:
        if self._is_read(logging.INFO):
            self.__getattr__("info")(event, **values)

    # Any: whatever structlog's logger has of that name.
    def __getattr__(self, attribute: str) -> Any:
        _import_without_rich()
        import structlog

        if not structlog.is_configured():
            _configure()
        return getattr(structlog.get_logger(self._name), attribute)  # noqa: TID251 - here it is


def get_logger(name: str) -> BoundLogger:
    """A module's logger.

    Args:
        name: The module's name.
    """
    return cast("BoundLogger", _Logger(name))


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
    if "structlog" in sys.modules:
        _configure()
    handler = _Handler(stream)
    handler.set_name(_HANDLER)
    terminal = stream.isatty()
    handler.setFormatter(_Formatter(json=not terminal if json is None else json, terminal=terminal))
    root = logging.getLogger()
    for old in [old for old in root.handlers if old.get_name() == _HANDLER]:
        root.removeHandler(old)
    root.addHandler(handler)
    least = logging.getLevelNamesMapping()[level.upper()]
    logging.getLogger("fototui").setLevel(least)
    root.setLevel(max(least, logging.WARNING))


def _import_without_rich() -> None:
    """Import structlog; what it would draw with rich is not drawn here."""
    if "structlog" in sys.modules or "rich" in sys.modules:
        return
    modules = cast("dict[str, ModuleType | None]", sys.modules)
    modules["rich"] = None  # importing it fails, which structlog foresees
    try:
        import structlog
    finally:
        del modules["rich"]
    del structlog


def _shared() -> list[Processor]:
    import structlog

    return [
        _add_job,
        structlog.stdlib.add_log_level,
        structlog.stdlib.add_logger_name,
        structlog.processors.TimeStamper(fmt="iso", utc=True),
    ]


def _add_job(logger: WrappedLogger, method: str, event: EventDict) -> EventDict:
    del logger, method
    return {**_job.get(), **event}


def _configure() -> None:
    """Let structlog hand its lines to Python's own logging."""
    import structlog

    structlog.configure(
        processors=[
            structlog.stdlib.filter_by_level,
            *_shared(),
            structlog.stdlib.ProcessorFormatter.wrap_for_formatter,
        ],
        logger_factory=structlog.stdlib.LoggerFactory(),
        wrapper_class=structlog.stdlib.BoundLogger,
    )


def _make_formatter(*, json: bool, terminal: bool) -> ProcessorFormatter:
    _import_without_rich()
    import structlog

    renderer: Processor = (
        structlog.processors.JSONRenderer(ensure_ascii=False)
        if json
        else structlog.dev.ConsoleRenderer(
            colors=terminal and _may_colour(),
            exception_formatter=structlog.dev.plain_traceback,
        )
    )
    # Tracebacks are made into text before they are masked; a fancier formatter would print the
    # local variables, secrets among them.
    finish: list[Processor] = [
        structlog.stdlib.ProcessorFormatter.remove_processors_meta,
        structlog.processors.StackInfoRenderer(),
        structlog.processors.format_exc_info,
        make_safe,
        renderer,
    ]
    return structlog.stdlib.ProcessorFormatter(foreign_pre_chain=_shared(), processors=finish)


def _may_colour() -> bool:
    """Whether nobody asked for none: https://no-color.org; a dumb terminal shows the codes."""
    return not os.environ.get("NO_COLOR") and os.environ.get("TERM") != "dumb"


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


def make_safe(logger: WrappedLogger, method: str, event: EventDict) -> EventDict:
    """Mask secrets and clean control characters in all that a line holds.

    Args:
        logger: Not used.
        method: Not used.
        event: The line's values.

    Returns:
        Values that are safe to print.
    """
    del logger, method
    return {
        clean_line(str(key)): _mask(clean(str(value), limit=_LIMIT))
        if key in _MULTILINE
        else _safe(value)
        for key, value in event.items()
    }


def _safe(value: object) -> object:
    match value:
        case None | bool() | int() | float():
            return value
        case SecretStr() | SecretBytes():
            return _MASK
        case Mapping():
            return {clean_line(str(key)): _safe(part) for key, part in value.items()}
        case list() | tuple() | set() | frozenset():
            return [_safe(part) for part in value]
        case BaseException():
            return _mask(clean_line(f"{type(value).__name__}: {value}", limit=_LIMIT))
        case _:
            return _mask(clean_line(str(value), limit=_LIMIT))


def _mask(text: str) -> str:
    # Few texts hold what one of these looks for, and each search takes as long as writing the line.
    if "://" in text:
        text = _PASSWORD.sub(rf"\1:{_MASK}@", text)
        text = _TOKEN.sub(f"://{_MASK}@", text)
    if "=" in text:
        text = _QUERY.sub(rf"\1{_MASK}", text)
    return _BEARER.sub(rf"\1 {_MASK}", text) if len(text) >= _SHORTEST_BEARER else text
