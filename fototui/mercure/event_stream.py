"""Events in a stream of bytes (WHATWG HTML, "Interpreting an event stream")."""

import re
from collections.abc import Iterator
from dataclasses import dataclass

_BOM = b"\xef\xbb\xbf"
_LINE_END = re.compile(rb"\r\n?|\n")
_LONGEST_EVENT = 4_000_000


@dataclass(frozen=True, slots=True)
class ServerEvent:
    """An event.

    Args:
        id: Its id, or that of the last event before it that had one.
        data: Its data; empty for one that tells an id alone.
    """

    id: str
    data: str


class EventTooLongError(Exception):
    """An event has no end within any sensible length."""


class EventStream:
    """Reads events from what comes over one connection, however it is cut."""

    def __init__(self) -> None:
        self.retry_seconds: float | None = None
        """How long the other side asks to wait before the next connection, where it did."""
        self._rest = b""
        self._is_first = True
        self._after_cr = False
        self._data: list[str] = []
        self._size = 0
        self._id = ""
        self._known_id = ""

    def feed(self, chunk: bytes) -> Iterator[ServerEvent]:
        """Read on.

        Args:
            chunk: What came.

        Yields:
            Events that are whole now.

        Raises:
            EventTooLongError: One has no end.
        """
        for line in self._lines(chunk):
            if line:
                self._read(line)
                continue
            if self._data or self._id != self._known_id:
                self._known_id = self._id
                yield ServerEvent(self._id, "\n".join(self._data))
            self._data, self._size = [], 0

    def _lines(self, chunk: bytes) -> Iterator[bytes]:
        if self._after_cr and chunk:  # a line that ended in \r has its \n only now
            chunk, self._after_cr = chunk.removeprefix(b"\n"), False
        rest = self._rest + chunk
        if self._is_first:
            if len(rest) < len(_BOM) and _BOM.startswith(rest):
                self._rest = rest
                return
            rest, self._is_first = rest.removeprefix(_BOM), False
        start = 0
        for end in _LINE_END.finditer(rest):
            self._after_cr = end.group() == b"\r" and end.end() == len(rest)
            yield rest[start : end.start()]
            start = end.end()
        self._rest = rest[start:]
        self._bound(len(self._rest))

    def _bound(self, more: int) -> None:
        if self._size + more > _LONGEST_EVENT:
            raise EventTooLongError

    def _read(self, line: bytes) -> None:
        name, _, value = line.decode("utf-8", "replace").partition(":")
        value = value.removeprefix(" ")
        match name:
            case "data":
                self._bound(len(line))
                self._size += len(line)
                self._data.append(value)
            case "id" if "\0" not in value:
                self._id = value
            case "retry" if value.isascii() and value.isdecimal() and len(value) < 20:
                self.retry_seconds = int(value) / 1000
            case _:  # a comment, the event's kind, or what nobody knows
                pass
