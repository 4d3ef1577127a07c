"""The transactions of services."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from fototui.db.errors import DatabaseError, RecordLockedError, SqlState
from fototui.db.events.session import TrackedAsyncSession
from fototui.domain.errors import ConflictError


@asynccontextmanager
async def transaction(session: TrackedAsyncSession) -> AsyncIterator[None]:
    """Run one transaction; what another operator did at the same moment is told as such.

    Args:
        session: A session with no transaction under way.

    Raises:
        RecordLockedError: A row stayed locked for longer than the session waits.
        ConflictError: Another program wrote what this transaction was about to write.
    """
    try:
        async with session.begin():
            yield
    except DatabaseError as error:
        if error.sqlstate == SqlState.LOCK_NOT_AVAILABLE:
            raise RecordLockedError(
                "Someone else is changing this right now. Try again in a moment."
            ) from error
        if error.sqlstate in (SqlState.UNIQUE_VIOLATION, SqlState.DEADLOCK_DETECTED):
            raise ConflictError(
                "Someone else did the same at this very moment. Look at what is there now, "
                "then try again."
            ) from error
        raise
