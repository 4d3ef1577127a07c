"""What colourings and SVGs have in common: created, retried, cancelled and chosen alike."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from contextlib import asynccontextmanager
from datetime import datetime
from typing import Generic, TypeVar

from sqlalchemy import select

from fototui.db.events.session import TrackedAsyncSession
from fototui.db.models.orders import Image, LineItem
from fototui.db.notify import cancel_payload, lane_payload, notify
from fototui.domain.errors import ConflictError, InvalidInputError, NotFoundError
from fototui.domain.flags import ProcessingStatusEnum
from fototui.domain.options import ColoringOptions, SvgOptions
from fototui.domain.sentences import Sentence
from fototui.domain.statuses import PROCESSING_STATUS
from fototui.services.operations.activity import ActivityAction, ActivityService
from fototui.services.unset import UNSET, Unset
from fototui.services.versions import messages as version_words
from fototui.services.versions.image_state import (
    ImageState,
    VersionT,
    lock_image,
    lock_order,
    lock_version,
)
from fototui.services.versions.reading import VersionReading
from fototui.services.views.versions import StartReport, VersionView

OptionsT = TypeVar("OptionsT", ColoringOptions, SvgOptions)

CANCELLED = "cancelled"
"""Error code of a version that an operator cancelled."""

_UNFINISHED = {
    kind: frozenset(status for status in statuses if not status.meta.is_final)
    for kind, statuses in PROCESSING_STATUS.items()
}


class VersionService(VersionReading, ABC, Generic[VersionT, OptionsT]):
    """Versions of one kind. Each call is a transaction of its own.

    Args:
        session: A session with no transaction under way.
        operator: Who acts, for the activity log.
    """

    model: type[VersionT]
    default_options: OptionsT
    cancelled: ProcessingStatusEnum
    """The status of a version that an operator cancelled."""

    def __init__(self, session: TrackedAsyncSession, *, operator: str) -> None:
        super().__init__(session)
        self.operator = operator
        self._activity = ActivityService(session, operator=operator)

    # --- what differs ------------------------------------------------------------------------

    @abstractmethod
    def _versions(self, state: ImageState) -> list[VersionT]:
        """The image's versions of this kind."""

    @abstractmethod
    def _selected_id(self, image: Image) -> int | None:
        """The image's chosen version of this kind."""

    @abstractmethod
    def _set_selected(self, image: Image, version_id: int, now: datetime) -> None:
        """Write down an operator's choice."""

    @abstractmethod
    def _build(self, state: ImageState, options: OptionsT) -> VersionT:
        """Make the row of a new version, but for its number; raises what stands against it."""

    @abstractmethod
    def _makes_the_same(self, one: VersionT, other: VersionT) -> bool:
        """Whether two versions would come to the same picture."""

    @abstractmethod
    def _source(self, version: VersionT) -> int:
        """The id of what a version is made from."""

    @abstractmethod
    def _set_queued(self, version: VersionT) -> None:
        """Put a version at its beginning.

        The name of its job outside stays: what that made is taken, if it can still be had.
        """

    def _end_outside(self, version: VersionT) -> None:
        """Have the outside job of a cancelled version ended, where that can be asked for."""

    # --- starting ----------------------------------------------------------------------------

    async def create(self, image_id: int, options: OptionsT | None = None) -> VersionView:
        """Ask for a new version of one image.

        Args:
            image_id: The image.
            options: What to make it with; the defaults where not given.

        Returns:
            The version, queued.

        Raises:
            NotFoundError: There is no such image.
            ConflictError: What it is made from is missing, or the same is being made already.
            RecordLockedError: Someone else kept the image locked.
        """
        chosen = options or self.default_options
        return await self._create(image_id, lambda state: self._build(state, chosen))

    async def create_with(
        self, image_id: int, options: ColoringOptions | SvgOptions | None
    ) -> VersionView:
        """`create`, for options whose kind is known only at run time.

        Args:
            image_id: The image.
            options: What to make it with; the defaults where not given.

        Raises:
            InvalidInputError: The options are those of the other kind.
            NotFoundError: As `create`.
            ConflictError: As `create`.
            RecordLockedError: As `create`.
        """
        if options is None or isinstance(options, type(self.default_options)):
            return await self.create(image_id, options)
        raise InvalidInputError("These are no options of this kind of picture.")

    async def create_first(self, image_id: int, options: OptionsT | None = None) -> VersionView:
        """Ask for a version of one image, unless one was ever made from the same.

        Args:
            image_id: The image.
            options: What to make it with; the defaults where not given.

        Returns:
            The version, queued.

        Raises:
            NotFoundError: There is no such image.
            ConflictError: There is one already, or what it is made from is missing.
            RecordLockedError: Someone else kept the image locked.
        """
        chosen = options or self.default_options

        def build(state: ImageState) -> VersionT:
            version = self._build(state, chosen)
            for other in self._versions(state):
                if self._source(other) == self._source(version):
                    raise ConflictError("One was made already.")
            return version

        return await self._create(image_id, build)

    async def create_for_order(
        self, order_ref: str, options: OptionsT | None = None, *, only_missing: bool = True
    ) -> tuple[StartReport, ...]:
        """Ask for a new version of each image of an order that needs one.

        Args:
            order_ref: The order's number or ULID.
            options: What to make them with; the defaults where not given.
            only_missing: Leave out images of which a version is completed or being made.

        Returns:
            For each image what was started, or why nothing was.

        Raises:
            NotFoundError: There is no such order.
            RecordLockedError: Someone else kept an image locked.
        """
        chosen = options or self.default_options

        def decide(state: ImageState) -> VersionT:
            if only_missing:
                self._require_missing(state)
            return self._numbered(state, self._build(state, chosen))

        return await self._for_order(order_ref, decide, self._insert)

    async def _create(self, image_id: int, build: Callable[[ImageState], VersionT]) -> VersionView:
        missing = NotFoundError("There is no image {id}; look at the order again.", id=image_id)
        async with lock_image(self.session, Image.id == image_id, missing=missing) as state:
            version = self._numbered(state, build(state))
            await self._insert([(state, version)])
            return self._view(state, version)

    def _require_missing(self, state: ImageState) -> None:
        for version in self._versions(state):
            if not version.status.meta.is_final:
                raise ConflictError("{version} is being made already.", version=self._name(version))
            if not version.status.meta.is_retryable:
                raise ConflictError("{version} is completed already.", version=self._name(version))

    def _numbered(self, state: ImageState, new: VersionT) -> VersionT:
        """Give a new version its number, unless the same is being made already."""
        self._refuse_double(state, new)
        new.version = 1 + max((version.version for version in self._versions(state)), default=0)
        return new

    def _refuse_double(self, state: ImageState, wanted: VersionT) -> None:
        for version in self._versions(state):
            is_active = not version.status.meta.is_final
            if version is not wanted and is_active and self._makes_the_same(version, wanted):
                if version.held_at is not None:
                    raise ConflictError(
                        "{version} of {image} is an old job that is held; start it with: "
                        "fototui versions retry {kind} {id}",
                        version=self._name(version),
                        image=state.name,
                        kind=str(self.kind),
                        id=version.id,
                    )
                raise ConflictError(
                    "{version} of {image} is being made already with the same options; "
                    "wait for it, or choose other options.",
                    version=self._name(version),
                    image=state.name,
                )

    async def _insert(self, started: Sequence[tuple[ImageState, VersionT]]) -> None:
        for _, version in started:
            version.requested_by = self.operator
            self.session.add(version)
        await self.session.flush()
        for state, version in started:
            self._log(ActivityAction.REQUESTED, state.item, version)
        await notify(self.session, lane_payload(self.kind))

    # --- retrying ----------------------------------------------------------------------------

    async def retry(self, version_id: int) -> VersionView:
        """Have a failed or cancelled version made again, or one go on that is held.

        Args:
            version_id: The version.

        Returns:
            The version, queued.

        Raises:
            NotFoundError: There is no such version.
            ConflictError: It did not fail, or the same is being made already.
            RecordLockedError: Someone else kept its image locked.
        """
        async with self._lock_image_of(version_id) as (state, version):
            if version.held_at is not None and not version.status.meta.is_final:
                version.held_at = None  # it goes on in whatever status it stands
                self._log(ActivityAction.RETRIED, state.item, version)
                await notify(self.session, lane_payload(self.kind))
                return self._view(state, version)
            if not version.status.meta.is_retryable:
                raise ConflictError(
                    "{version} of {image} has not failed; only a failed or cancelled one can be "
                    "retried.",
                    version=self._name(version),
                    image=state.name,
                )
            self._refuse_double(state, version)
            await self._requeue([(state, version)])
            return self._view(state, version)

    async def retry_failed(self, order_ref: str) -> tuple[StartReport, ...]:
        """Retry each image's newest version of an order, where that failed.

        Cancelled versions are left alone: someone meant it.

        Args:
            order_ref: The order's number or ULID.

        Returns:
            For each image what was started, or why nothing was.

        Raises:
            NotFoundError: There is no such order.
            RecordLockedError: Someone else kept an image locked.
        """

        def decide(state: ImageState) -> VersionT:
            for version in self._versions(state)[-1:]:
                if version.status == "error" and version.error_code != CANCELLED:
                    self._refuse_double(state, version)
                    return version
            raise version_words.nothing_failed(self.kind)

        return await self._for_order(order_ref, decide, self._requeue)

    async def _requeue(self, started: Sequence[tuple[ImageState, VersionT]]) -> None:
        for state, version in started:
            self._set_queued(version)
            version.queued_at = state.now
            version.not_before = version.started_at = version.completed_at = None
            version.held_at = None
            version.error = version.error_code = version.error_words = None
            version.claimed_by = version.claim_token = version.claimed_at = None
            version.storage_away_since = None
            # Not `submissions`: what was spent stays known. Limits go by the others.
            version.attempts = version.retries = version.takeovers = version.resubmissions = 0
            self._log(ActivityAction.RETRIED, state.item, version)
        await notify(self.session, lane_payload(self.kind))

    # --- choosing and cancelling -------------------------------------------------------------

    async def select(self, version_id: int, *, expected: int | Unset | None = UNSET) -> VersionView:
        """Choose a version for its image.

        Args:
            version_id: The version.
            expected: The version that the operator saw as the chosen one (None for none); choosing
                over another's newer choice is refused. Not given, it chooses in any case.

        Returns:
            The version, chosen.

        Raises:
            NotFoundError: There is no such version.
            ConflictError: It has no finished file, or another version is chosen by now.
            RecordLockedError: Someone else kept its image locked.
        """
        async with self._lock_image_of(version_id) as (state, version):
            if version.status != "completed" or version.file_ref is None:
                raise ConflictError(
                    "{version} of {image} has no finished file; choose a completed one.",
                    version=self._name(version),
                    image=state.name,
                )
            present = self._selected_id(state.image)
            if expected is not UNSET and expected != present:
                raise await self._chosen_meanwhile(state, present)
            self._set_selected(state.image, version.id, state.now)
            self._log(ActivityAction.SELECTED, state.item, version)
            return self._view(state, version)

    async def _chosen_meanwhile(self, state: ImageState, present: int | None) -> ConflictError:
        for version in self._versions(state):
            if version.id == present:
                who = await self._activity.who_chose(self.kind, version.id, state.order_id)
                return version_words.chosen_by(self._name(version), state.name, who)
        return version_words.none_chosen(self.kind, state.name)

    async def cancel(self, version_id: int) -> VersionView:
        """Stop the making of a version; the engine that works on it loses its claim.

        Args:
            version_id: The version.

        Returns:
            The version, cancelled.

        Raises:
            NotFoundError: There is no such version.
            ConflictError: It is finished already.
            RecordLockedError: Someone else kept it locked.
        """
        missing = version_words.no_such_version(self.kind, version_id)
        locking = lock_version(self.session, self.model, version_id, missing=missing)
        async with locking.acquire() as lock:
            version = lock.record
            by = Sentence.make("Cancelled by {operator}.", operator=self.operator)
            await lock.verify_and_update_status(
                _UNFINISHED[self.kind],
                self.cancelled,
                otherwise=ConflictError(
                    "{version} has ended already; there is nothing left to cancel.",
                    version=self._name(version),
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
            self._end_outside(version)
            self._log(ActivityAction.CANCELLED, version.image.line_item, version)
            await notify(self.session, cancel_payload(self.kind, version.id))
            selected = self._selected_id(version.image)
            return VersionView.of(version, selected_id=selected, now=lock.now)

    # --- shared ------------------------------------------------------------------------------

    async def _for_order(
        self,
        order_ref: str,
        decide: Callable[[ImageState], VersionT],
        write: Callable[[Sequence[tuple[ImageState, VersionT]]], Awaitable[None]],
    ) -> tuple[StartReport, ...]:
        """Start what can be started in an order, in one transaction.

        Args:
            order_ref: The order.
            decide: Gives an image's version to start, or raises why there is none.
            write: Starts them.
        """
        started: list[tuple[ImageState, VersionT]] = []
        skipped: dict[int, Sentence] = {}
        async with lock_order(self.session, order_ref) as states:
            for state in states:
                try:
                    started.append((state, decide(state)))
                except (ConflictError, InvalidInputError) as error:
                    skipped[state.image.id] = error.sentence
            if started:
                await write(started)
            views = {state.image.id: self._view(state, version) for state, version in started}
        return tuple(
            StartReport(
                image_id=state.image.id,
                position=state.image.position,
                version=views.get(state.image.id),
                skipped=skipped.get(state.image.id),
            )
            for state in states
        )

    @asynccontextmanager
    async def _lock_image_of(self, version_id: int) -> AsyncIterator[tuple[ImageState, VersionT]]:
        image_id = select(self.model.image_id).where(self.model.id == version_id)
        missing = version_words.no_such_version(self.kind, version_id)
        is_its = Image.id == image_id.scalar_subquery()
        async with lock_image(self.session, is_its, missing=missing) as state:
            version = next((row for row in self._versions(state) if row.id == version_id), None)
            if version is None:
                raise missing
            yield state, version

    def _name(self, version: VersionT) -> Sentence:
        return version_words.name_of(self.kind, version.version)

    def _view(self, state: ImageState, version: VersionT) -> VersionView:
        selected = self._selected_id(state.image)
        return VersionView.of(version, selected_id=selected, now=state.now)

    def _log(self, action: ActivityAction, item: LineItem, version: VersionT) -> None:
        self._activity.add(
            action,
            order_id=item.order_id,
            image_id=version.image_id,
            version_type=self.kind,
            version_id=version.id,
            detail=self._name(version),
        )
