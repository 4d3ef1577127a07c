"""A bounded queue of events for the hub, in which nothing waits twice."""

import asyncio
import time
from collections.abc import Hashable
from dataclasses import dataclass, field


@dataclass(frozen=True, slots=True)
class OutgoingEvent:
    """An event, ready to be sent. Of two on the same topics about the same the later tells all.

    Args:
        topics: Where it goes.
        data: What it says.
        about: What it tells of.
        ages: Whether it loses its worth while it waits.
        id: Its id at the hub; empty for one that the hub makes up.
        born: When it was made, on the monotonic clock.
    """

    topics: tuple[str, ...]
    data: str = field(compare=False)
    about: Hashable
    ages: bool = field(default=True, compare=False)
    id: str = field(default="", compare=False)
    born: float = field(default_factory=time.monotonic, compare=False)

    def is_older_than(self, seconds: float) -> bool:
        """Whether it has waited too long to be worth sending."""
        return self.ages and time.monotonic() - self.born > seconds


@dataclass(frozen=True, slots=True)
class Put:
    """What putting an event in did to others.

    Args:
        merged: One about the same was waiting, and left for this one.
        dropped: The oldest event left because the queue was full.
    """

    merged: bool = False
    dropped: bool = False


class EventQueue:
    """First in, first out, for one worker that takes an event at a time.

    An event takes the place of a waiting one about the same, but at the end of the line: what
    readers fetch because of it is then at least as new as every event before it.

    Args:
        limit: How many events may wait; a full queue drops the oldest.
    """

    def __init__(self, limit: int) -> None:
        self._limit = limit
        self._waiting: dict[OutgoingEvent, None] = {}
        self._under_way = 0
        self._filled = asyncio.Event()
        self._empty = asyncio.Event()
        self._empty.set()

    def __len__(self) -> int:
        return len(self._waiting) + self._under_way

    def has(self, outgoing: OutgoingEvent) -> bool:
        """Whether an event about the same is waiting."""
        return outgoing in self._waiting

    def put(self, outgoing: OutgoingEvent) -> Put:
        """Queue an event."""
        merged = dropped = False
        if outgoing in self._waiting:
            del self._waiting[outgoing]
            merged = True
        elif len(self._waiting) >= self._limit:
            del self._waiting[next(iter(self._waiting))]
            dropped = True
        self._waiting[outgoing] = None
        self._filled.set()
        self._empty.clear()
        return Put(merged=merged, dropped=dropped)

    async def take(self) -> OutgoingEvent:
        """Wait for an event, and take it under way until `done`."""
        while not self._waiting:
            self._filled.clear()
            await self._filled.wait()
        outgoing = next(iter(self._waiting))
        del self._waiting[outgoing]
        self._under_way = 1
        return outgoing

    def done(self) -> None:
        """Tell that the event taken last is dealt with."""
        self._under_way = 0
        if not self._waiting:
            self._empty.set()

    async def drained(self) -> None:
        """Wait until nothing waits and nothing is under way."""
        await self._empty.wait()

    def clear(self) -> int:
        """Throw everything away, what is under way included.

        Returns:
            How many events there were.
        """
        count = len(self)
        self._waiting.clear()
        self.done()
        return count
