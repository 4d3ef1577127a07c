"""Writing a job's steps: every write is fenced by the claim token and the status it starts from.

One transition is one statement and one round trip. It may carry along the choice of a finished
version and a line of the activity log: they stand or fall with it.
"""

from __future__ import annotations

from collections.abc import Mapping

from sqlalchemy import CTE, Insert, Select, func, insert, literal, or_, select, update
from ulid import ULID

from fototui.db.database import Database
from fototui.db.errors import ClaimLostError
from fototui.db.models import (
    VERSION_MODEL,
    ColoringVersion,
    Image,
)
from fototui.db.notify import cancel_payload, notify
from fototui.db.work import Activity
from fototui.domain.events import (
    Change,
    ChangeContext,
    ImageStatusEvent,
    ImageUpdateEvent,
    Operation,
)
from fototui.domain.statuses import ColoringProcessingStatus, SvgProcessingStatus, VersionType
from fototui.engine.job import Job, Move
from fototui.services.activity import ActivityAction

_COMPLETED = (ColoringProcessingStatus.COMPLETED, SvgProcessingStatus.COMPLETED)
_CHOICE = {
    VersionType.COLORING: (Image.selected_coloring_id, Image.coloring_chosen_at),
    VersionType.SVG: (Image.selected_svg_id, Image.svg_chosen_at),
}


class Transitions:
    """Writes the transitions of one engine's jobs.

    Args:
        database: The database.
        actor: Who the activity log names for what the engine does by itself.
    """

    def __init__(self, database: Database, *, actor: str) -> None:
        self._database = database
        self._actor = actor

    async def write(self, job: Job, move: Move) -> Job:
        """Write one transition.

        Writing the same one again is harmless, so it may be repeated when the connection broke
        before the answer came.

        Args:
            job: The job as it stands.
            move: Where it goes.

        Returns:
            The job as it stands now.

        Raises:
            ClaimLostError: The row no longer holds this job's claim token, or was moved by others.
        """
        async with self._database.autocommit() as session:
            session.track_changes(ImageStatusEvent, ImageUpdateEvent)
            row = (await session.execute(self._statement(job, move))).one_or_none()
            if row is None:
                raise ClaimLostError(f"{job.kind} version {job.version_id} is not ours any more.")
            context = ChangeContext(order_id=job.order_id, image_id=job.image_id)
            model = VERSION_MODEL[job.kind].__name__
            if move.status != job.status:
                session.report(
                    Change(model, job.version_id, Operation.UPDATE, {"status": str(move.status)}),
                    context,
                )
            if row.chosen is not None:
                column = _CHOICE[job.kind][0].key
                session.report(
                    Change("Image", job.image_id, Operation.UPDATE, {column: job.version_id}),
                    context,
                )
            await session.commit()
        return job.after(move)

    async def put_back(self, job: Job, move: Move, *, seconds: float) -> None:
        """Give a job back, to be taken up by whoever comes first after some time.

        Args:
            job: The job as it stands.
            move: The status it waits in, and columns to write along.
            seconds: How long it waits.

        Raises:
            ClaimLostError: It is no longer ours.
        """
        waiting = {
            "claimed_by": None,
            "claim_token": None,
            "not_before": func.now() + func.make_interval(0, 0, 0, 0, 0, 0, seconds),
        }
        await self.write(job, Move(move.status, {**move.fields, **waiting}))

    async def ask_outside_cancel(self, job: Job, outside_id: str) -> None:
        """Write down that RunPod has to be told that a job of its is not wanted.

        This needs no claim: the engine that lost one is just the one that knows.

        Args:
            job: The job for which it was submitted.
            outside_id: RunPod's job id.
        """
        async with self._database.session() as session, session.begin():
            await session.execute(
                update(ColoringVersion)
                .where(ColoringVersion.id == job.version_id)
                .values(cancel_job_id=outside_id)
            )
            await notify(session, cancel_payload(job.kind, job.version_id))

    def _statement(self, job: Job, move: Move) -> Select[tuple[int, int | None]]:
        model = VERSION_MODEL[job.kind]
        completes = move.status in _COMPLETED
        moved = (
            update(model)
            .where(
                *([model.image_id.in_(_locked_image(job))] if completes else []),
                model.id == job.version_id,
                model.claim_token == job.claim_token,
                # The target stands for a repetition of this very write.
                or_(model.status == job.status, model.status == move.status),
            )
            .values({"status": move.status, **_ending(move), **move.fields})
            .returning(model.id, model.image_id, model.queued_at)
            .cte("moved")
        )
        if completes:
            selected, chosen_at = _CHOICE[job.kind]
            chosen = (
                update(Image)
                .where(
                    Image.id == moved.c.image_id,
                    # An operator who chose while the job ran is not overruled.
                    or_(chosen_at.is_(None), chosen_at < moved.c.queued_at),
                )
                .values({selected: moved.c.id})
                .returning(Image.id)
                .cte("chosen")
            )
            chosen_id = select(chosen.c.id).scalar_subquery()
        else:
            chosen_id = select(literal(None)).scalar_subquery()
        statement = select(moved.c.id, chosen_id.label("chosen"))
        if move.status.meta.is_retryable:
            statement = statement.add_cte(self._failure(job, move, moved).cte("logged"))
        return statement

    def _failure(self, job: Job, move: Move, moved: CTE) -> Insert:
        entry = {
            Activity.operator: self._actor,
            Activity.action: str(ActivityAction.FAILED),
            Activity.order_id: ULID.from_str(job.order_id),
            Activity.image_id: job.image_id,
            Activity.version_type: str(job.kind),
            Activity.version_id: job.version_id,
            Activity.detail: move.fields.get("error"),
        }
        values = [literal(value, column.type) for column, value in entry.items()]
        return insert(Activity).from_select(list(entry), select(*values).select_from(moved))


def _locked_image(job: Job) -> Select[int]:
    # Services lock an image before its versions; in the other order both could wait for ever.
    locked = select(Image.id).where(Image.id == job.image_id).with_for_update(key_share=True)
    return select(locked.cte("locked").c.id)


def _ending(move: Move) -> Mapping[str, object]:
    if not move.status.meta.is_final:
        return {}
    return {"claimed_by": None, "completed_at": func.now()}
