"""Sends live events to the hub, without ever being in the way of the work that caused them."""

import asyncio
import itertools
from collections.abc import Hashable
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Protocol, Self
from urllib.parse import urlencode
from uuid import uuid4

from pydantic import SecretStr

from fototui.log import get_logger
from fototui.mercure.address import hub_address
from fototui.mercure.posting import NotAnsweredError, Poster, open_poster
from fototui.mercure.queue import EventQueue, OutgoingEvent
from fototui.mercure.tokens import KeptToken
from fototui.net.closing import Closing
from fototui.retry import Backoff

log = get_logger(__name__)

_RETRIED_STATUSES = frozenset({408, 425, 429, 500, 502, 503, 504})
_LONGEST_WAIT_SECONDS = 3.0


class Publishable(Protocol):
    """What can be published: `fototui.domain.events.BaseMercureEvent`, for instance."""

    def get_topics(self) -> list[str]:
        """Topics to publish on; events with the same topics stay in order."""

    def model_dump_json(self) -> str:
        """The payload."""

    def subject(self) -> Hashable | None:
        """What it tells all of: while it waits, a later one of the same takes its place."""


@dataclass(frozen=True, slots=True)
class PublisherStats:
    """What became of the events so far.

    Args:
        published: Taken by the hub.
        failed: Refused by the hub, or too old by the time it could be reached.
        dropped: Pushed out of a full queue, or left in it at the end.
        merged: Thrown away because a later one that waits says it all.
        queued: Waiting, or under way.
    """

    published: int = 0
    failed: int = 0
    dropped: int = 0
    merged: int = 0
    queued: int = 0


class _Link(StrEnum):
    """What the hub did with the last event."""

    WELL = "well"
    DOWN = "down"
    REFUSING = "refusing"


@dataclass(slots=True)
class _Counts:
    published: int = 0
    failed: int = 0
    dropped: int = 0
    merged: int = 0


@dataclass(slots=True)
class _Lane:
    """A queue and its worker: one event under way at a time, so that order is kept."""

    queue: EventQueue
    worker: asyncio.Task[None] | None = field(default=None)


def _outgoing(event: Publishable, *, event_id: str = "", ages: bool = True) -> OutgoingEvent:
    topics = tuple(event.get_topics())
    data, subject = event.model_dump_json(), event.subject()
    about = data if subject is None else subject
    return OutgoingEvent(topics, data, about, ages=ages, id=event_id)


class MercurePublishService(Closing):
    """Publishes events in the background.

    `publish` only queues. Events with the same topics (an order's) leave in their order; different
    orders do not wait for each other. Of those that wait and tell of the same thing, as of one
    version, the last alone is sent. While the hub is down events wait and are tried again until
    they are too old; a full queue drops its oldest. After such a loss `after_loss` is sent as soon
    as the hub takes events again, so that readers do not trust what they show. Updates are private:
    only who holds a subscriber token reads them.

    Args:
        url: The hub's address; None for a service that does nothing.
        key: Key that the hub verifies publishers with.
        after_loss: An event that tells readers that anything may have changed.
        queue_size: How many events may wait per lane.
        lanes: How many events may be under way at once.
        timeout_seconds: Longest time for one request.
        retry_seconds: First wait after a failure; it doubles up to 3 s.
        max_age_seconds: Events older than this are given up: readers would take an old status for
            the present one.
        close_seconds: How long leaving the `async with` block waits for the queue to drain.

    Raises:
        ConfigurationError: The address is no http(s) URL.
    """

    def __init__(
        self,
        url: str | None,
        key: SecretStr,
        *,
        after_loss: Publishable | None = None,
        queue_size: int = 1_000,
        lanes: int = 4,
        timeout_seconds: float = 5.0,
        retry_seconds: float = 0.2,
        max_age_seconds: float = 30.0,
        close_seconds: float = 2.0,
    ) -> None:
        self._url = hub_address(url) if url else None
        self._token = KeptToken(key)
        if self._url:
            self._token.get()  # an empty key is said now, and not for every event
        self._loss_event = _outgoing(after_loss, ages=False) if after_loss else None
        self._timeout_seconds = timeout_seconds
        self._retry_seconds = retry_seconds
        self._max_age_seconds = max_age_seconds
        self._close_seconds = close_seconds
        self._lanes = [_Lane(EventQueue(queue_size)) for _ in range(lanes)]
        self._loss_lane = _Lane(EventQueue(1))
        self._counts = _Counts()
        self._link = _Link.WELL
        self._poster: Poster | None = None
        # The ids of all its events begin alike, so that this process knows its own when the hub
        # brings them back.
        self._own = f"urn:uuid:{uuid4()}/"
        self._numbers = itertools.count(1)

    def is_own(self, event_id: str) -> bool:
        """Whether an event that came from the hub was published here."""
        return event_id.startswith(self._own)

    @property
    def stats(self) -> PublisherStats:
        """What became of the events so far."""
        counts = self._counts
        return PublisherStats(
            published=counts.published,
            failed=counts.failed,
            dropped=counts.dropped,
            merged=counts.merged,
            queued=sum(len(lane.queue) for lane in self._all_lanes),
        )

    @property
    def _all_lanes(self) -> list[_Lane]:
        return [*self._lanes, self._loss_lane]

    def publish(self, event: Publishable) -> None:
        """Queue an event; never waits and never raises.

        Args:
            event: The event.
        """
        if self._url is None:
            return
        if self._poster is None:
            self._counts.dropped += 1
            return
        try:
            outgoing = _outgoing(event, event_id=f"{self._own}{next(self._numbers)}")
        except Exception:  # a broken event must not break the work that caused it
            self._counts.failed += 1
            log.exception("an event could not be written", kind=type(event).__name__)
            return
        lane = self._lanes[hash(outgoing.topics) % len(self._lanes)]
        put = lane.queue.put(outgoing)
        self._counts.merged += put.merged
        if put.dropped:
            self._counts.dropped += 1
            self._tell_of_loss()

    def _tell_of_loss(self) -> None:
        if self._loss_event is not None:
            self._loss_lane.queue.put(self._loss_event)

    def start(self) -> None:
        """Begin to send; entering the `async with` block does so too."""
        if self._url is not None:
            self._poster = open_poster(self._url, seconds=self._timeout_seconds)
            for number, lane in enumerate(self._all_lanes):
                work = self._work(self._poster, lane)
                lane.worker = asyncio.create_task(work, name=f"publish events {number}")

    async def __aenter__(self) -> Self:
        self.start()
        return self

    async def aclose(self) -> None:
        """Send what waits, for as long as was said, and stop."""
        await self.close(timeout=self._close_seconds)

    async def close(self, *, timeout: float = 2.0) -> None:  # noqa: ASYNC109 - reads as asked for
        """Send what waits, and stop. What a hub that is down leaves behind is dropped.

        Args:
            timeout: Longest wait in seconds; none at all while the hub is down.
        """
        poster, self._poster = self._poster, None
        if poster is None:
            return
        try:
            if self._link is not _Link.DOWN:
                async with asyncio.timeout(timeout):
                    for lane in self._all_lanes:
                        await lane.queue.drained()
        except TimeoutError:
            pass  # told below, with the number
        finally:
            workers = [lane.worker for lane in self._all_lanes if lane.worker is not None]
            for worker in workers:
                worker.cancel()
            await asyncio.gather(*workers, return_exceptions=True)
            left = sum(lane.queue.clear() for lane in self._all_lanes)
            self._counts.dropped += left
            if left:
                log.warning("events were left unpublished", events=left)
            await poster.aclose()

    async def _work(self, poster: Poster, lane: _Lane) -> None:
        while True:
            outgoing = await lane.queue.take()
            try:
                await self._deliver(poster, lane, outgoing)
            except Exception:  # whatever it is, the next event shall be sent
                self._counts.failed += 1
                log.exception("an event could not be published")
            lane.queue.done()

    async def _deliver(self, poster: Poster, lane: _Lane, outgoing: OutgoingEvent) -> None:
        backoff = Backoff(self._retry_seconds, _LONGEST_WAIT_SECONDS)
        while not outgoing.is_older_than(self._max_age_seconds):
            if await self._post(poster, outgoing):
                return
            if lane.queue.has(outgoing):
                self._counts.merged += 1
                return
            await asyncio.sleep(backoff.next_wait())
        self._counts.failed += 1
        self._tell_of_loss()

    async def _post(self, poster: Poster, outgoing: OutgoingEvent) -> bool:
        """Try once; False where trying again may help."""
        form = [
            ("id", outgoing.id),
            *(("topic", topic) for topic in outgoing.topics),
            ("data", outgoing.data),
            ("private", "on"),
        ]
        try:
            status = await poster.post(urlencode(form).encode(), self._token.get())
        except NotAnsweredError as error:
            self._note(_Link.DOWN, str(error))
            return False
        if status in _RETRIED_STATUSES:
            self._note(_Link.DOWN, f"HTTP {status}")
            return False
        if 200 <= status < 300:
            self._counts.published += 1
            self._note(_Link.WELL, "")
        else:
            self._counts.failed += 1
            self._note(_Link.REFUSING, f"HTTP {status}")
        return True

    def _note(self, link: _Link, reason: str) -> None:
        """Log how the hub does, when that changed: a hub that is down must not fill the log."""
        if link is self._link:
            return
        self._link = link
        if link is _Link.WELL:
            log.info("the hub takes events again", failed=self._counts.failed)
        elif link is _Link.DOWN:
            log.warning("the hub cannot be reached; events wait", reason=reason)
        else:
            log.error(
                "the hub refuses events: check MERCURE_URL and MERCURE_PUBLISHER_JWT_KEY",
                reason=reason,
            )
