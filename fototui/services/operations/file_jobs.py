"""What an operator can do to a job that makes a file, whatever its lane."""

from __future__ import annotations

from datetime import datetime
from typing import Generic, TypeVar

from fototui.db.events.session import TrackedAsyncSession, mercure_autotrack
from fototui.db.locking import ProcessingLock
from fototui.db.models.columns import FileRow
from fototui.db.notify import cancel_payload, lane_payload, notify
from fototui.domain.errors import ConflictError, NotFoundError
from fototui.domain.events import ListUpdateEvent, OrderUpdateEvent
from fototui.domain.lanes import LaneSpec, file_lanes
from fototui.domain.sentences import Sentence
from fototui.domain.statuses import CANCELLED
from fototui.services.operations.activity import ActivityAction, ActivityService

RowT = TypeVar("RowT", bound=FileRow)


@mercure_autotrack(OrderUpdateEvent, ListUpdateEvent)
class FileJobService(Generic[RowT]):
    """Retries and cancels the jobs of one lane; each call is a transaction of its own.

    Args:
        session: A session with no transaction under way.
        operator: Who acts, for the activity log.
    """

    model: type[RowT]

    @classmethod
    def of(cls, model: type[FileRow]) -> type[FileJobService[FileRow]]:
        """The service of a lane that needs none of its own.

        Args:
            model: What its rows are.
        """
        return type(f"{model.__name__}Service", (cls,), {"model": model})

    def __init__(self, session: TrackedAsyncSession, *, operator: str) -> None:
        self.session = session
        self.operator = operator
        self._activity = ActivityService(session, operator=operator)

    async def retry(self, row_id: int) -> object:
        """Have a failed or cancelled job done again, or one go on that is held.

        Args:
            row_id: The job.

        Raises:
            NotFoundError: There is no such job.
            ConflictError: It did not fail.
            RecordLockedError: Someone else kept it locked.
        """
        async with self._locking(row_id).acquire() as lock:
            row = lock.record
            if row.held_at is not None and not row.status.meta.is_final:
                row.held_at = None  # it goes on in whatever status it stands
            else:
                self._require_failed(row)
                self._requeue(row, lock.now)
            self._log(ActivityAction.RETRIED, row)
            await self.session.flush()
            await notify(self.session, lane_payload(self.lane.kind))
        return None

    async def cancel(self, row_id: int) -> None:
        """Stop a job; the engine that works on it loses its claim.

        Args:
            row_id: The job.

        Raises:
            NotFoundError: There is no such job.
            ConflictError: It has ended already.
            RecordLockedError: Someone else kept it locked.
        """
        async with self._locking(row_id).acquire() as lock:
            by = Sentence.make("Cancelled by {operator}.", operator=self.operator)
            await lock.verify_and_update_status(
                frozenset(each for each in self.lane.statuses if not each.meta.is_final),
                self.lane.statuses("error"),  # it has none of its own; the error code tells
                otherwise=ConflictError(
                    "{version} has ended already; there is nothing left to cancel.",
                    version=self._name(lock.record),
                ),
                error_code=CANCELLED,
                error=str(by),
                error_words=by,
                completed_at=lock.now,
                claimed_by=None,
                claim_token=None,
                not_before=None,
                held_at=None,
            )
            self._log(ActivityAction.CANCELLED, lock.record)
            await notify(self.session, cancel_payload(self.lane.kind, row_id))

    # --- for the services of single lanes ----------------------------------------------------

    @property
    def lane(self) -> LaneSpec:
        """The lane of these jobs."""
        return next(lane for lane in file_lanes() if lane.table == self.model.__tablename__)

    def _locking(self, row_id: int) -> ProcessingLock[RowT]:
        is_it = self.model.id == row_id
        missing = self._missing(row_id)
        return ProcessingLock(self.session, self.model, is_it, wait=True, missing=missing)

    def _require_failed(self, row: RowT) -> None:
        if not row.status.meta.is_retryable:
            raise ConflictError(
                "{version} has not failed; only a failed or cancelled one can be retried.",
                version=self._name(row),
            )

    def _requeue(self, row: RowT, now: datetime) -> None:
        row.status = self.lane.statuses("queued")
        row.queued_at = now
        row.not_before = row.started_at = row.completed_at = row.held_at = None
        row.error = row.error_code = row.error_words = None
        row.claimed_by = row.claim_token = row.claimed_at = None
        row.storage_away_since = None
        row.attempts = row.retries = row.takeovers = 0

    def _name(self, row: RowT) -> Sentence:
        return Sentence.make("{kind} v{number}", kind=self.lane.label, number=row.version)

    def _missing(self, row_id: int) -> NotFoundError:
        return NotFoundError("There is no job {id}; look at the order again.", id=row_id)

    def _log(self, action: ActivityAction, row: RowT) -> None:
        self._activity.add(
            action,
            order_id=row.order_id,
            version_type=self.lane.kind,
            version_id=row.id,
            detail=self._name(row),
        )
