"""What services tell of the work itself: the activity log, lanes and engines."""

from __future__ import annotations

import uuid
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from fototui.domain.lanes import LANES, LaneSpec
from fototui.domain.sentences import Sentence
from fototui.domain.statuses import JobKind


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
