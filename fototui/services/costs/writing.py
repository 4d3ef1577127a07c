"""What services write of paid calls; engines write all else (`engine/jobs/calls.py`)."""

from sqlalchemy import update

from fototui.db.events.session import TrackedAsyncSession
from fototui.db.models.costs import PaidCall
from fototui.domain.costs import call_id
from fototui.domain.statuses import JobKind, VersionType


async def mark_wasted(
    session: TrackedAsyncSession, kind: VersionType, version_id: int, number: int
) -> None:
    """Write that no version comes of a call, within the transaction under way.

    Args:
        session: The session.
        kind: The kind of version.
        version_id: The version that was given up.
        number: The number of its last call.
    """
    call = call_id(JobKind.of(kind), version_id, number)
    await session.execute(update(PaidCall).where(PaidCall.id == call).values(wasted=True))
