"""The hub without its HTTP: updates go in, and out to whoever asked for them."""

import asyncio
import re
from collections import deque
from collections.abc import Iterable
from dataclasses import dataclass
from functools import cached_property
from uuid import uuid4

from fototui.mercure.hub.topics import any_matches

#: "Before the first update there is" (Mercure 0.x).
EARLIEST = "earliest"
_LINE_END = re.compile(r"\r\n|\r|\n")


@dataclass(frozen=True)
class Update:
    """One update, as its publisher sent it.

    Args:
        topics: What it is about; at least one.
        data: The payload.
        private: Whether only readers whose token says so may see it.
        id: Its id; a new one where the publisher gave none.
        type: The SSE event type; empty for "message".
        retry: Milliseconds a reader should wait before it reconnects; 0 for not saying so.
    """

    topics: tuple[str, ...]
    data: str = ""
    private: bool = False
    id: str = ""
    type: str = ""
    retry: int = 0

    def __post_init__(self) -> None:
        if not self.id:
            object.__setattr__(self, "id", f"urn:uuid:{uuid4()}")

    @cached_property
    def frame(self) -> bytes:
        """The update as a server-sent event."""
        head = f"event: {self.type}\n" if self.type else ""
        wait = f"retry: {self.retry}\n" if self.retry else ""
        data = _LINE_END.sub("\ndata: ", self.data)
        return f"{head}{wait}id: {self.id}\ndata: {data}\n\n".encode()


class Subscription:
    """One reader's place at the hub: what waits for it.

    Args:
        selectors: Topic selectors it asked for.
        allowed: Topic selectors of the private updates it may read.
        backlog: How many updates may wait before the reader is cut off.
    """

    def __init__(self, selectors: Iterable[str], allowed: Iterable[str], *, backlog: int) -> None:
        self._selectors = tuple(selectors)
        self._allowed = tuple(allowed)
        self._backlog = backlog
        self._waiting: deque[bytes] = deque()
        self._changed = asyncio.Event()
        self.closed = False
        #: Id of the update before the first one that the reader gets.
        self.previous_id = EARLIEST

    def wants(self, update: Update) -> bool:
        """Whether the reader asked for the update and may have it."""
        if update.private and not any_matches(self._allowed, update.topics):
            return False
        return any_matches(self._selectors, update.topics)

    def put(self, update: Update) -> bool:
        """Queue an update, or cut the reader off because it is too far behind.

        Returns:
            Whether the reader will get it.
        """
        if not self.closed and len(self._waiting) >= self._backlog:
            self.close()
        if self.closed:
            return False
        self._waiting.append(update.frame)
        self._changed.set()
        return True

    def take(self, most: int) -> bytes:
        """Take what waits, oldest first.

        Args:
            most: How many updates at most.

        Returns:
            Their server-sent events; empty where none waits.
        """
        return b"".join(self._waiting.popleft() for _ in range(min(most, len(self._waiting))))

    def close(self) -> None:
        """Let no more in; the stream ends when the rest is sent."""
        self.closed = True
        self._changed.set()

    async def changed(self, *, seconds: float | None) -> None:
        """Wait until something waits, or the subscription was closed, or the time is over.

        Args:
            seconds: Longest wait; None for no end.
        """
        if self._waiting or self.closed:
            return
        self._changed.clear()
        try:
            async with asyncio.timeout(seconds):
                await self._changed.wait()
        except TimeoutError:
            return


class Broker:
    """Takes updates, remembers the last ones, and hands them to the subscriptions.

    Args:
        history_size: How many updates are remembered; 0 for none.
        backlog: How many updates a reader may be behind.
    """

    def __init__(self, *, history_size: int, backlog: int) -> None:
        self._history: deque[Update] = deque(maxlen=history_size)
        self._backlog = backlog
        self._subscriptions: set[Subscription] = set()
        self.closed = False

    @property
    def readers(self) -> int:
        """How many listen."""
        return len(self._subscriptions)

    def publish(self, update: Update) -> None:
        """Hand an update to everyone who asked for it and may have it."""
        self._history.append(update)
        for subscription in self._subscriptions:
            if subscription.wants(update):
                subscription.put(update)

    def subscribe(
        self, selectors: Iterable[str], allowed: Iterable[str], *, last_event_id: str
    ) -> Subscription:
        """Begin to listen, with what was missed first.

        Args:
            selectors: Topic selectors asked for.
            allowed: Topic selectors of the private updates that may be read.
            last_event_id: The last update the reader knows; empty for a new reader.

        Returns:
            The subscription; its `previous_id` tells whether something was lost.
        """
        subscription = Subscription(selectors, allowed, backlog=self._backlog)
        if last_event_id:
            self._replay(subscription, last_event_id)
        self._subscriptions.add(subscription)
        return subscription

    def _replay(self, subscription: Subscription, asked: str) -> None:
        # As hub v0.24.2: an unknown id replays nothing, and only ids that the reader may know are
        # told. A replay longer than the backlog is cut: the reader comes back for the rest.
        found = asked == EARLIEST
        for update in self._history:
            if found:
                if subscription.wants(update) and not subscription.put(update):
                    return
            elif update.id == asked:
                found, subscription.previous_id = True, asked
            elif subscription.wants(update):
                subscription.previous_id = update.id

    def unsubscribe(self, subscription: Subscription) -> None:
        """Stop listening."""
        subscription.close()
        self._subscriptions.discard(subscription)

    def close(self) -> None:
        """End all streams, and let no new ones begin."""
        self.closed = True
        for subscription in self._subscriptions:
            subscription.close()
