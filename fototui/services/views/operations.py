"""What services tell of the work itself: the activity log, lanes and engines."""

from __future__ import annotations

import uuid
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime

from fototui.domain.flags import ProcessingStatusEnum
from fototui.domain.lanes import LANES, LaneSpec
from fototui.domain.sentences import Sentence
from fototui.domain.statuses import JobKind

LATELY = 10
"""Of how many minutes the pace of a lane is taken."""


@dataclass(frozen=True, slots=True)
class ActivityEntry:
    """One line of the activity log.

    Args:
        id: Grows with time; ask with it for what came before.
        at: When.
        operator: Who; an engine for what it does by itself.
        action: What (`ActivityAction`, or what another program wrote).
        order_id: ULID of the order it was done to.
        order_number: The order's number.
        image_id: The image.
        version_type: The kind of version.
        version_id: The version.
        detail: More in words.
        item_position: The place of the image's book in the order, from 1.
        image_position: The image's page in the book, from 1.
    """

    id: int
    at: datetime
    operator: str
    action: str
    order_id: str | None
    order_number: str | None
    image_id: int | None
    version_type: str | None
    version_id: int | None
    detail: Sentence | None
    item_position: int | None
    image_position: int | None


@dataclass(frozen=True, slots=True)
class LaneView:
    """One kind of job, over all engines.

    Args:
        lane: Which.
        account_limit: Jobs at once over all engines, where the account has such a limit.
        waiting: Jobs that nobody works on.
        held: Old jobs that an adopted shop brought along, and that wait for someone's yes.
        running: Jobs held by living engines.
        paused_at: When it was paused; None while it runs.
        paused_by: Who paused it.
        paused_reason: Why.
    """

    lane: JobKind
    account_limit: int | None
    waiting: int
    running: int
    paused_at: datetime | None
    paused_by: str | None
    paused_reason: Sentence | None
    held: int = 0


def told_held(lanes: Sequence[LaneView]) -> Sentence | None:
    """What is held and what it may cost, in one line; None where nothing is.

    Args:
        lanes: All lanes.
    """
    parts = [_held_in(LANES[lane.lane], lane.held) for lane in lanes if lane.held]
    if not parts:
        return None
    return Sentence.make(
        "Old jobs are held: {jobs}. To start them: fototui lanes release",
        jobs=Sentence.joined(parts, ", "),
    )


def _held_in(lane: LaneSpec, count: int) -> Sentence:
    if lane.price is None:
        return Sentence.make("{lane} {number}", lane=lane.label, number=count)
    return Sentence.make(
        "{lane} {number} ({price})", lane=lane.label, number=count, price=lane.price
    )


@dataclass(frozen=True, slots=True)
class EngineView:
    """One living engine.

    Args:
        id: New at every start.
        operator: Whose it is.
        host: Where it runs.
        pid: Its process there.
        version: Of the program.
        lanes: What it works on.
        capacity: Jobs at once.
        running: Jobs it holds, by lane.
        started_at: When it started.
        last_seen_at: Its last heartbeat.
        silent_seconds: Time since then.
        paused_at: Since when it takes up nothing; None while it does.
        paused_by: Who paused it.
    """

    id: uuid.UUID
    operator: str
    host: str
    pid: int
    version: str
    lanes: tuple[str, ...]
    capacity: int
    running: dict[JobKind, int]
    started_at: datetime
    last_seen_at: datetime
    silent_seconds: float
    paused_at: datetime | None = None
    paused_by: str | None = None


@dataclass(frozen=True, slots=True)
class JobView:
    """One version, book or order on its way, or one that failed.

    Args:
        kind: What is made; or what is fetched of an order.
        row_id: The job's own row; None for an order.
        version: Its number within image, or line item, and kind.
        status: Where it stands. An order that is fetched once more waits or is processed, whatever
            its own status.
        order_id: ULID of its order.
        order_number: The order's number.
        item_position: The book's place in the order, from 1; None for an order.
        image_id: The version's image; None for what is not of one.
        image_position: The image's page in the book, from 1.
        queued_at: When it was last asked for.
        completed_at: When it failed.
        not_before: It waits until then after a failure that may pass.
        elapsed_seconds: How long work on it took, or takes so far.
        attempts: Times it was taken up since it was last asked for.
        error: Why it failed, or why it waits.
        engine_id: The living engine that holds it.
        engine_operator: Whose engine that is.
    """

    kind: JobKind
    row_id: int | None
    version: int | None
    status: ProcessingStatusEnum
    order_id: str
    order_number: str
    item_position: int | None
    image_id: int | None
    image_position: int | None
    queued_at: datetime
    completed_at: datetime | None
    not_before: datetime | None
    elapsed_seconds: float | None
    attempts: int
    error: Sentence | None
    engine_id: uuid.UUID | None
    engine_operator: str | None

    @property
    def key(self) -> str:
        """What tells it from all other jobs."""
        return f"{self.kind}:{self.row_id or self.order_id}"

    @property
    def is_paid_for(self) -> bool:
        """The outside service was asked, or may have been: cancelling it may lose money."""
        return LANES[self.kind].price is not None and not (
            self.status.meta.is_final
            or self.status.meta.is_startable
            or self.status in ("pending", "processing")
        )


@dataclass(frozen=True, slots=True)
class Throughput:
    """What ended in each of the last minutes, oldest first, the present one last.

    Args:
        completed: Completed jobs a minute, but for orders.
        failed: Failed ones; not those that an operator cancelled.
        lately: Jobs of each lane that were completed within the last ten minutes.
    """

    completed: tuple[int, ...]
    failed: tuple[int, ...]
    lately: Mapping[JobKind, int] = field(default_factory=dict)

    def ready_in(self, lane: JobKind, waiting: int) -> float | None:
        """How long it takes until what waits is done, in seconds, if it goes on as it went lately.

        Args:
            lane: The lane.
            waiting: How many jobs wait in it.

        Returns:
            None where nothing waits, or nothing was completed lately.
        """
        done = self.lately.get(lane, 0)
        return waiting * LATELY * 60 / done if waiting and done else None


@dataclass(frozen=True, slots=True)
class JobBoard:
    """All that the screen of jobs shows.

    Args:
        active: Unfinished jobs.
        failed: Jobs that failed lately.
        throughput: How much gets done.
    """

    active: tuple[JobView, ...]
    failed: tuple[JobView, ...]
    throughput: Throughput
