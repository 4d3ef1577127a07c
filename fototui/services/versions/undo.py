"""Taking a choice back: what was chosen before is so again, and the picture is judged again."""

from __future__ import annotations

from dataclasses import dataclass

from sqlalchemy import case, func, select, update

from fototui.db.events.session import TrackedAsyncSession, mercure_autotrack
from fototui.db.locking import ProcessingLock
from fototui.db.models.operations import Activity
from fototui.db.models.orders import Image
from fototui.db.models.reviews import FINISHED, Review
from fototui.domain.errors import ConflictError
from fototui.domain.events import ImageUpdateEvent
from fototui.domain.statuses import VersionType
from fototui.services.operations.activity import ActivityAction, ActivityService
from fototui.services.versions.image_state import ImageState, lock_image
from fototui.services.versions.messages import name_of


@dataclass(frozen=True, slots=True)
class TakenBack:
    """What became of it.

    Args:
        order_id: ULID of the image's order.
        waits: The picture waits in the review again.
    """

    order_id: str
    waits: bool


@mercure_autotrack(ImageUpdateEvent)
class UndoService:
    """Takes choices back. Each call is a transaction of its own.

    Args:
        session: A session with no transaction under way.
        operator: Who acts, for the activity log.
    """

    def __init__(self, session: TrackedAsyncSession, *, operator: str) -> None:
        self.session = session
        self.operator = operator
        self._activity = ActivityService(session, operator=operator)

    async def take_back(
        self, kind: VersionType, image_id: int, *, chosen_id: int, previous_id: int | None
    ) -> TakenBack:
        """Undo a choice, as if it had not been made.

        Where it was this choice that decided the picture's review, the picture waits again.

        Args:
            kind: Colouring or SVG.
            image_id: The image.
            chosen_id: The version that was chosen.
            previous_id: What was chosen before; None where nothing was.

        Returns:
            What became of it.

        Raises:
            ConflictError: Someone chose again meanwhile, be it the same version.
            RecordLockedError: Someone else kept the image locked.
        """
        missing = ConflictError("The picture no longer exists.")
        async with lock_image(self.session, Image.id == image_id, missing=missing) as state:
            if (present := state.image.chosen_id(kind)) != chosen_id:
                raise await self._chosen_meanwhile(kind, state, present)
            who = await self._activity.who_chose(kind, chosen_id, state.order_id)
            if who not in (None, self.operator):
                raise ConflictError(
                    "{operator} chose this version as well meanwhile, so your choice is not taken "
                    "back. Look at the picture again.",
                    operator=who,
                )
            decided_here = state.image.chosen_at(kind)
            review = await self._review(kind, image_id)
            waits = review is not None and (
                # A choice and the decision it makes are of one transaction, and so of one time.
                review.decision is None or review.decided_at == decided_here
            )
            # Of an order that was handed over nothing is to be judged until it comes back.
            is_done = state.image.line_item.order.finished_at is not None
            self._log(kind, state, chosen_id)
            by_operator = await self._is_operators(kind, state, previous_id)
            since = state.now if by_operator else None
            await state.lock.mutate_record(lambda image: image.choose(kind, previous_id, since))
            if review is not None and waits:
                # The database's trigger takes any change of a choice for a decision.
                await self.session.execute(
                    update(Review)
                    .where(Review.image_id == image_id, Review.kind == kind.value)
                    .values(
                        decision=FINISHED if is_done else None,
                        decided_at=state.now if is_done else None,
                        note=review.note,
                    )
                    .execution_options(synchronize_session=False)
                )
            return TakenBack(str(state.order_id), waits and not is_done)

    async def _chosen_meanwhile(
        self, kind: VersionType, state: ImageState, present: int | None
    ) -> ConflictError:
        who = present and await self._activity.who_chose(kind, present, state.order_id)
        if not who:
            return ConflictError(
                "Another version was chosen for this picture meanwhile, so your choice is not "
                "taken back. Look at it again."
            )
        return ConflictError(
            "{operator} chose another version for this picture meanwhile, so your choice is not "
            "taken back. Look at it again.",
            operator=who,
        )

    async def _review(self, kind: VersionType, image_id: int) -> Review | None:
        is_it = (Review.image_id == image_id, Review.kind == kind.value)
        locks = await ProcessingLock(self.session, Review, *is_it, wait=True).hold()
        return locks[0].record if locks else None

    def _log(self, kind: VersionType, state: ImageState, version_id: int) -> None:
        versions = state.versions(kind)
        number = next((row.version for row in versions if row.id == version_id), None)
        self._activity.add(
            ActivityAction.TAKEN_BACK,
            order_id=state.order_id,
            image_id=state.image.id,
            version_type=kind,
            version_id=version_id,
            detail=None if number is None else name_of(kind, number),
        )

    async def _is_operators(
        self, kind: VersionType, state: ImageState, version_id: int | None
    ) -> bool:
        """Whether an operator had chosen a version, and not its completion."""
        choices = case((Activity.action == ActivityAction.SELECTED, 1), else_=-1)
        counted = await self.session.scalar(
            select(func.coalesce(func.sum(choices), 0)).where(
                Activity.order_id == state.order_id,
                Activity.action.in_((ActivityAction.SELECTED, ActivityAction.TAKEN_BACK)),
                Activity.version_type == kind,
                Activity.version_id == version_id,
            )
        )
        return bool(counted and counted > 0)
