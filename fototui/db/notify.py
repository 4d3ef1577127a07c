"""How services wake engines: PostgreSQL notifications, sent with the transaction that gives cause.

One channel carries everything. A payload is a lane's name ("there is work in it") or
`cancel:<kind>:<row id>` ("stop working on it"). PostgreSQL delivers a notification only after
its transaction committed, and equal ones of one transaction once.
"""

import re
from dataclasses import dataclass

from sqlalchemy import func, select
from sqlalchemy.ext.asyncio import AsyncSession

from fototui.domain.statuses import JobKind, VersionType

CHANNEL = "fototui_jobs"

_LANES = frozenset(JobKind)


@dataclass(frozen=True, slots=True)
class LaneReady:
    """There is work in a lane.

    Args:
        kind: The lane.
    """

    kind: JobKind


@dataclass(frozen=True, slots=True)
class JobCancelled:
    """An operator cancelled a job; whoever works on it has lost its claim.

    Args:
        kind: Its lane.
        row_id: Its row.
    """

    kind: JobKind
    row_id: int


def lane_payload(kind: JobKind | VersionType) -> str:
    """The payload that says there is work in a lane.

    Args:
        kind: The lane.
    """
    return str(kind)


def cancel_payload(kind: JobKind | VersionType, row_id: int) -> str:
    """The payload that says a job was cancelled.

    Args:
        kind: Its lane.
        row_id: Its row.
    """
    return f"cancel:{kind}:{row_id}"


def parse_payload(payload: str) -> LaneReady | JobCancelled | None:
    """Read a payload.

    Args:
        payload: What came with the notification.

    Returns:
        What it says; None where it says nothing known: another program may use the channel.
    """
    match payload.split(":"):
        case [lane] if lane in _LANES:
            return LaneReady(JobKind(lane))
        case ["cancel", kind, number] if kind in _LANES and re.fullmatch("[0-9]{1,10}", number):
            return JobCancelled(JobKind(kind), int(number))
        case _:
            return None


async def notify(session: AsyncSession, payload: str) -> None:
    """Send a payload to all engines when the session's transaction commits.

    Args:
        session: A session, within the transaction that gives cause.
        payload: What `lane_payload` or `cancel_payload` made.
    """
    await session.execute(select(func.pg_notify(CHANNEL, payload)))
