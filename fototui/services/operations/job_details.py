"""All that is known of one job: for whoever wants to know why it takes so long, or failed."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import RowMapping, select
from ulid import ULID

from fototui.db.base import Base
from fototui.db.events.session import TrackedAsyncSession
from fototui.db.models.costs import PaidCall
from fototui.db.models.operations import Engine
from fototui.domain.costs import Spent
from fototui.domain.lanes import LANES, paid_lanes
from fototui.domain.options import ColoringOptions, GroupBy, ShapeStacking, SvgOptions
from fototui.services.operations.jobs import JobService
from fototui.services.views.operations import JobView

_LAST_CALLS = 5


@dataclass(frozen=True, slots=True)
class CallView:
    """A call to an outside service that was made for a job.

    Args:
        service: The service.
        outside_id: Its name there; None where none was told.
        began_at: When it was made.
        ended_at: When it was over; None while it is under way.
        outcome: What became of it (`CallOutcome`); None while that is not known.
        spent: What it took.
        delay_ms: How long the service had it wait; None where that is not known.
    """

    service: str
    outside_id: str | None
    began_at: datetime
    ended_at: datetime | None
    outcome: str | None
    spent: Spent
    delay_ms: int | None


@dataclass(frozen=True, slots=True)
class JobDetails:
    """A job with what its row tells beside what lists show.

    Args:
        job: As lists show it, and as it stands now.
        requested_by: Who asked for it.
        options: What it is made with; None where it has none.
        created_at: When it was first asked for.
        claimed_at: When an engine took it last; None while none has it.
        started_at: When work on it began.
        retries: Times it was rescheduled after a failure that may pass.
        takeovers: Times it was taken from an engine that died.
        submissions: Calls to the outside service; None where there is none.
        resubmissions: Of these, calls that may have been paid twice.
        engine_host: Where the engine runs that has it.
        engine_pid: Its process there.
        calls: The last calls to the outside service, the latest first.
    """

    job: JobView
    requested_by: str | None
    options: ColoringOptions | SvgOptions | None
    created_at: datetime
    claimed_at: datetime | None
    started_at: datetime | None
    retries: int
    takeovers: int
    submissions: int | None
    resubmissions: int
    engine_host: str | None
    engine_pid: int | None
    calls: tuple[CallView, ...]

    @property
    def log_command(self) -> str:
        """The command that prints what the engine's machine logged of it."""
        number = self.job.order_number.removeprefix("#")
        command = f"fototui logs --order {number} --lane {self.job.kind}"
        return command if self.job.row_id is None else f"{command} --version {self.job.row_id}"


class JobDetailsService:
    """Reads one job, in two round trips, or three where an outside service is paid for it.

    Args:
        session: A session with no transaction under way; best an autocommit one.
        operator: Who asks.
    """

    def __init__(self, session: TrackedAsyncSession, *, operator: str) -> None:
        self._session = session
        self._jobs = JobService(session, operator=operator)

    async def read(self, job: JobView) -> JobDetails | None:
        """A job as it stands now.

        Args:
            job: As it stood.

        Returns:
            None where it is gone.
        """
        found = await self._jobs.one(job)
        row = await self._row(job)
        if found is None or row is None:
            return None
        calls = await self._calls(job) if job.kind in paid_lanes() else ()
        claimed = found.engine_id is not None
        return JobDetails(
            job=found,
            requested_by=row["requested_by"],
            options=_options(row),
            created_at=row["created_at"],
            claimed_at=row["claimed_at"] if claimed else None,
            started_at=row.get("started_at"),
            retries=row["retries"],
            takeovers=row["takeovers"],
            submissions=row.get("submissions"),
            resubmissions=row.get("resubmissions", 0),
            engine_host=row["engine_host"],
            engine_pid=row["engine_pid"],
            calls=calls,
        )

    async def _row(self, job: JobView) -> RowMapping | None:
        rows = Base.metadata.tables[LANES[job.kind].table]
        key = ULID.from_str(job.order_id) if job.row_id is None else job.row_id
        statement = (
            select(
                *(column for column in rows.c if column.name in _COLUMNS),
                Engine.host.label("engine_host"),
                Engine.pid.label("engine_pid"),
            )
            .outerjoin_from(
                rows, Engine, (Engine.id == rows.c.claimed_by) & Engine.retired_at.is_(None)
            )
            .where(rows.c.id == key)
        )
        async with self._session.begin():
            return (await self._session.execute(statement)).mappings().one_or_none()

    async def _calls(self, job: JobView) -> tuple[CallView, ...]:
        statement = (
            select(PaidCall)
            .where(
                PaidCall.order_id == ULID.from_str(job.order_id),
                PaidCall.kind == str(job.kind),
                PaidCall.version_id == job.row_id,
            )
            .order_by(PaidCall.began_at.desc())
            .limit(_LAST_CALLS)
        )
        async with self._session.begin():
            calls = (await self._session.scalars(statement)).all()
        return tuple(_call(call) for call in calls)


_COLUMNS = frozenset(
    {
        "requested_by", "created_at", "claimed_at", "started_at", "retries", "takeovers",
        "submissions", "resubmissions", "megapixels", "steps", "shape_stacking", "group_by",
    }
)  # fmt: skip


def _options(row: RowMapping) -> ColoringOptions | SvgOptions | None:
    if "megapixels" in row:
        return ColoringOptions.stored(row["megapixels"], row["steps"])
    if "shape_stacking" in row:
        return SvgOptions(ShapeStacking(row["shape_stacking"]), GroupBy(row["group_by"]))
    return None


def _call(call: PaidCall) -> CallView:
    return CallView(
        service=call.service,
        outside_id=call.outside_id,
        began_at=call.began_at,
        ended_at=call.ended_at,
        outcome=call.outcome,
        spent=Spent(calls=1, execution_ms=call.execution_ms or 0, credits=float(call.credits or 0)),
        delay_ms=call.delay_ms,
    )
