"""The transactions of services."""

import asyncio
from collections.abc import AsyncIterator, Coroutine, Iterator
from contextlib import asynccontextmanager, contextmanager
from typing import Any

from fototui.db.errors import DatabaseError, RecordLockedError, SqlState
from fototui.db.events.session import TrackedAsyncSession
from fototui.domain.errors import ConflictError
from fototui.log import get_logger

log = get_logger(__name__)


@asynccontextmanager
async def transaction(session: TrackedAsyncSession) -> AsyncIterator[None]:
    """Run one transaction; what another operator did at the same moment is told as such.

    It is committed when the block ends and rolled back when it raises or is cancelled. Where the
    session is inside a transaction already, it is a savepoint of that one: a failure leaves the
    rest usable, and locks are held until the outer one ends.

    Args:
        session: The session.

    Raises:
        RecordLockedError: A row stayed locked for longer than the session waits.
        ConflictError: Another program wrote what this transaction was about to write.
    """
    with told_as_conflict():
        inside = session.in_transaction()
        begun = session.begin_nested() if inside else session.begin()
        await begun.__aenter__()
        try:
            yield
        except BaseException as error:
            await _finish(begun.__aexit__(type(error), error, error.__traceback__))
            raise
        await _finish(begun.__aexit__(None, None, None))


@contextmanager
def told_as_conflict() -> Iterator[None]:
    """Tell what another did at the same moment as such.

    Raises:
        RecordLockedError: A row stayed locked for longer than the session waits.
        ConflictError: Another program wrote what was about to be written.
    """
    try:
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


# Any: what a coroutine takes and sends is nobody's business here.
async def _finish(work: Coroutine[Any, Any, None]) -> None:
    """Run the end of a transaction to its end, whoever cancels the caller meanwhile.

    It is bounded by the time-outs of the connection. A cancellation is raised afterwards.
    """
    task = asyncio.create_task(work)
    cancelled = False
    while not task.done():
        try:
            await asyncio.wait({task})
        except asyncio.CancelledError:
            cancelled = True
    if cancelled:
        if error := task.exception():
            log.warning("a transaction did not end well", exc_info=error)
        raise asyncio.CancelledError
    await task
