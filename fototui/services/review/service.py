"""The review: all pictures that wait for an operator's judgement, one at a time.

A picture is an image with its versions of one kind. It waits from the completion of a version until
an operator chooses one, asks for another or sets it aside with a note; the database's triggers keep
that true for choices made elsewhere too. A terminal claims the order of the picture that it shows,
so that one person judges all its pages; a claim that is not renewed runs out by the database's
clock.
"""

from __future__ import annotations

import uuid
from collections.abc import Sequence
from typing import Any, cast

from sqlalchemy import CursorResult, Update, func, select
from sqlalchemy.dialects.postgresql import JSONB
from ulid import ULID

from fototui.db.events.session import TrackedAsyncSession, mercure_autotrack
from fototui.db.models.orders import CHOICE, VERSION_MODEL, Image
from fototui.db.models.reviews import FINISHED, Review
from fototui.db.transaction import transaction
from fototui.domain.errors import ConflictError, InvalidInputError
from fototui.domain.events import Change, ChangeContext, ImageUpdateEvent, Operation
from fototui.domain.options import ColoringOptions, SvgOptions
from fototui.domain.sentences import Sentence
from fototui.domain.statuses import VersionType
from fototui.domain.text import clean
from fototui.services.access import Access
from fototui.services.operations.activity import ActivityAction, ActivityService
from fototui.services.orders.details import read_details
from fototui.services.review import queue as review_queue
from fototui.services.review.queue import ALL, ReviewFilter, ReviewItem, ReviewPreview
from fototui.services.versions.kinds import version_service
from fototui.services.views.versions import VersionView

_LONGEST_NOTE = 500


class PictureTakenError(ConflictError):
    """The claim ran out, and another operator has the picture now."""

    code = "picture_taken"


class PictureDecidedError(ConflictError):
    """The picture was decided on elsewhere while it was shown."""

    code = "picture_decided"


@mercure_autotrack(ImageUpdateEvent)
class ReviewService:
    """The queue, as one operator sees it.

    `next`, `look`, `peek`, `renew`, `release`, `skip` and `count` are single statements, which
    an autocommit session does in one round trip each. The decisions are transactions.

    Args:
        session: A session with no transaction under way.
        operator: Who judges.
    """

    autocommit_access = Access.WRITES

    def __init__(self, session: TrackedAsyncSession, *, operator: str) -> None:
        self.session = session
        self.operator = operator
        self._activity = ActivityService(session, operator=operator)

    # --- the queue ---------------------------------------------------------------------------

    async def next(
        self, terminal_id: uuid.UUID, *, first: Sequence[str] = (), within: ReviewFilter = ALL
    ) -> ReviewItem | None:
        """Claim the first order that nobody else judges, and give its first picture.

        An order that was begun is ended before the next; then the one that waits longest comes.
        What this operator put off comes after all others. A picture that the terminal held already
        and did not decide comes again.

        Args:
            terminal_id: The terminal; new at each start of the program.
            first: ULIDs of orders whose pictures come before all others.
            within: Which pictures are wanted.

        Returns:
            The picture; None where none waits, or others judge all their orders.
        """
        orders = [ULID.from_str(order_id) for order_id in first]
        while True:
            async with self.session.begin():
                claimed = (
                    await self.session.execute(
                        review_queue.claim_first(self.operator, terminal_id, orders, within)
                    )
                ).one_or_none()
            if claimed is None:
                return None
            image_id, kind, note, left = claimed
            if item := await self._item(
                terminal_id, image_id, VersionType(kind), note=note, left=left
            ):
                return item
            # The image was deleted at this very moment; so was its place in the queue.

    async def look(self, item: ReviewItem) -> ReviewItem | None:
        """See a picture as it stands now, with its claim left as it is.

        Args:
            item: The picture.

        Returns:
            It; None where it is no more.
        """
        return await self._item(
            item.terminal_id, item.image.id, item.kind, note=item.note, left=item.left
        )

    async def peek(
        self,
        terminal_id: uuid.UUID,
        count: int = 2,
        *,
        first: Sequence[str] = (),
        within: ReviewFilter = ALL,
    ) -> tuple[ReviewPreview, ...]:
        """Look at what this terminal would be given now, and what comes next, without claiming it.

        Args:
            terminal_id: The terminal.
            count: Most pictures.
            first: As for `next`.
            within: As for `next`.
        """
        orders = [ULID.from_str(order_id) for order_id in first]
        statement = review_queue.free_ahead(self.operator, terminal_id, count, orders, within)
        async with self.session.begin():
            found = (await self.session.execute(statement)).all()
        return tuple(
            ReviewPreview(image_id, VersionType(kind), original, version)
            for image_id, kind, original, version in found
        )

    async def count(self, within: ReviewFilter = ALL) -> int:
        """Count the pictures that wait, whoever looks at them.

        Args:
            within: Which pictures are wanted.
        """
        async with self.session.begin():
            found = await self.session.execute(review_queue.count_waiting(within))
        return found.scalar_one()

    # --- claims ------------------------------------------------------------------------------

    async def renew(self, item: ReviewItem) -> bool:
        """Keep a picture for some more time, and the others of its order with it.

        Args:
            item: The picture.

        Returns:
            Whether it is still this terminal's to judge.
        """
        statement = (
            review_queue.write_all_held(item.terminal_id)
            .values(claimed_until=review_queue.lease_end(), claimed_by=self.operator)
            .returning(Review.image_id, Review.kind)
        )
        async with transaction(self.session):
            kept = (await self.session.execute(statement)).all()
        return (item.image.id, item.kind) in {(image_id, kind) for image_id, kind in kept}

    async def release(self, terminal_id: uuid.UUID) -> None:
        """Give back whatever a terminal holds, for instance when its operator leaves the review.

        Args:
            terminal_id: The terminal.
        """
        await self._write(
            review_queue.write_all_held(terminal_id).values(
                claimed_by=None, claimed_until=None, terminal_id=None
            )
        )

    async def skip(self, item: ReviewItem) -> None:
        """Put a picture off: others may take it; for this operator it comes after all others.

        Args:
            item: The picture.
        """
        later = func.jsonb_build_object(self.operator, func.clock_timestamp(), type_=JSONB)
        await self._write(
            review_queue.write_held(item).values(
                skipped=Review.skipped.op("||")(later),
                claimed_by=None,
                claimed_until=None,
                terminal_id=None,
            )
        )

    # --- decisions ---------------------------------------------------------------------------

    async def accept(self, item: ReviewItem, version_id: int) -> VersionView:
        """Choose a version; its image waits no longer, in the same transaction.

        Args:
            item: The picture as the operator saw it.
            version_id: The version.

        Returns:
            The version, chosen.

        Raises:
            PictureTakenError: Another operator has the picture by now.
            PictureDecidedError: It was decided on elsewhere.
            ConflictError: Another version is chosen than the operator saw as the chosen one.
            RecordLockedError: Someone else kept the image locked.
        """
        await self._hold(item)
        versions = version_service(item.kind)(self.session, operator=self.operator)
        return await versions.select(version_id, expected=item.selected_id)

    async def again(self, item: ReviewItem, options: ColoringOptions | SvgOptions) -> VersionView:
        """Ask for another version; the image waits no longer until that one ends.

        An SVG is made from the colouring that is chosen now.

        Args:
            item: The picture.
            options: What to make it with.

        Returns:
            The version, queued.

        Raises:
            InvalidInputError: The options are those of the other kind.
            PictureTakenError: Another operator has the picture by now.
            PictureDecidedError: It was decided on elsewhere.
            ConflictError: The same is being made already, or what it is made from is missing.
            RecordLockedError: Someone else kept the image locked.
        """
        await self._hold(item)
        versions = version_service(item.kind)(self.session, operator=self.operator)
        return await versions.create_with(item.image.id, options)

    async def note(self, item: ReviewItem, text: str) -> None:
        """Set a picture aside with a note; it comes again when another version is completed.

        Args:
            item: The picture.
            text: The note.

        Raises:
            InvalidInputError: The note is empty.
            PictureTakenError: Another operator has the picture by now.
            PictureDecidedError: It was decided on elsewhere.
        """
        note = clean(text, limit=_LONGEST_NOTE).strip()
        if not note:
            raise InvalidInputError("Write what is wrong with the picture.")
        async with transaction(self.session):
            found = await self.session.execute(
                review_queue.write_held(item).values(
                    decision="noted",
                    decided_at=func.now(),
                    note=note,
                    claimed_by=None,
                    claimed_until=None,
                )
            )
            if not _rows(found):
                raise await self._lost(item)
            self.session.report(
                Change("Review", item.image.id, Operation.UPDATE, {"decision": "noted"}),
                ChangeContext(item.order_id, item.image.id),
            )
            self._activity.add(
                ActivityAction.NOTED,
                order_id=ULID.from_str(item.order_id),
                image_id=item.image.id,
                version_type=item.kind,
                detail=note,
            )

    # --- shared ------------------------------------------------------------------------------

    async def _item(
        self,
        terminal_id: uuid.UUID,
        image_id: int,
        kind: VersionType,
        *,
        note: str | None,
        left: int,
    ) -> ReviewItem | None:
        for order in await read_details(self.session, Image.id == image_id):
            for book in order.line_items:
                for image in book.images:
                    return ReviewItem(
                        terminal_id=terminal_id,
                        kind=kind,
                        order_id=order.id,
                        order_number=order.number,
                        customer_name=order.customer_name,
                        title=book.title,
                        dedication=book.dedication,
                        image=image,
                        note=note,
                        customer_note=order.customer_note,
                        left=left,
                    )
        return None

    async def _hold(self, item: ReviewItem) -> None:
        if not await self._write(
            review_queue.write_held(item).values(
                claimed_until=review_queue.lease_end(), claimed_by=self.operator
            )
        ):
            async with self.session.begin():
                raise await self._lost(item)

    async def _lost(self, item: ReviewItem) -> ConflictError:
        """Why a picture is no longer this terminal's."""
        found = await self.session.execute(
            select(Review.terminal_id, Review.claimed_by, Review.decision).where(
                review_queue.place_of(item)
            )
        )
        terminal_id, claimed_by, decision = found.one_or_none() or (None, None, None)
        if terminal_id != item.terminal_id:
            if claimed_by is None:
                return PictureTakenError(
                    "This picture was given to others, because this terminal was silent for too "
                    "long. Nothing was changed; here is the next one."
                )
            return PictureTakenError(
                "{operator} has taken this picture, because this terminal was silent for too long. "
                "Nothing was changed; here is the next one.",
                operator=claimed_by,
            )
        if decision == "accepted":
            return PictureDecidedError(await self._chosen_elsewhere(item))
        if decision == FINISHED:
            return PictureDecidedError(
                "Order {number} was handed over meanwhile; its pictures wait no longer.",
                number=item.order_number,
            )
        return PictureDecidedError(
            "Another version of this picture was requested meanwhile; the picture comes up for "
            "review again when that is done."
        )

    async def _chosen_elsewhere(self, item: ReviewItem) -> Sentence:
        model = VERSION_MODEL[item.kind]
        chosen, _chosen_at = CHOICE[item.kind]
        found = await self.session.execute(
            select(model.id, model.version)
            .join(Image, chosen == model.id)
            .where(Image.id == item.image.id)
        )
        version_id, number = found.one_or_none() or (None, None)
        if version_id is None or number is None:
            return Sentence.make("This picture was decided on meanwhile.")
        order_id = ULID.from_str(item.order_id)
        who = await self._activity.who_chose(item.kind, version_id, order_id)
        if who is None:
            return Sentence.make("v{number} was chosen for this picture meanwhile.", number=number)
        return Sentence.make(
            "{operator} has chosen v{number} for this picture meanwhile.",
            operator=who,
            number=number,
        )

    async def _write(self, statement: Update) -> bool:
        async with transaction(self.session):
            return _rows(await self.session.execute(statement)) > 0


# Any: an update gives a cursor, and SQLAlchemy's declaration says only "a result".
def _rows(result: Any) -> int:
    return cast("CursorResult[Any]", result).rowcount
