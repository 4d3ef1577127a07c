"""Starting versions: asked for anew, or once more after they failed."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Sequence

from fototui.db.models.orders import Image
from fototui.db.notify import lane_payload, notify
from fototui.domain.errors import (
    ConflictError,
    InProgressError,
    InvalidInputError,
    NotFoundError,
)
from fototui.domain.options import ColoringOptions, SvgOptions
from fototui.domain.sentences import Sentence
from fototui.domain.statuses import CANCELLED
from fototui.services.operations.activity import ActivityAction
from fototui.services.versions import messages as version_words
from fototui.services.versions.base import OptionsT, VersionBase
from fototui.services.versions.image_state import (
    ImageState,
    VersionT,
    lock_image,
    lock_order,
)
from fototui.services.views.versions import StartReport, VersionView


class VersionStarting(VersionBase[VersionT, OptionsT]):
    """Starts versions of one kind."""

    # --- creating ----------------------------------------------------------------------------

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
            only_missing: Leave out images of which a version is completed or being made from
                what it would be made from now.

        Returns:
            For each image what was started, or why nothing was.

        Raises:
            NotFoundError: There is no such order.
            RecordLockedError: Someone else kept an image locked.
        """
        chosen = options or self.default_options

        def decide(state: ImageState) -> VersionT:
            version = self._build(state, chosen)
            if only_missing:
                self._require_missing(state, version)
            return self._numbered(state, version)

        return await self._for_order(order_ref, decide, self._insert)

    async def _create(self, image_id: int, build: Callable[[ImageState], VersionT]) -> VersionView:
        missing = NotFoundError("There is no image {id}; look at the order again.", id=image_id)
        async with lock_image(self.session, Image.id == image_id, missing=missing) as state:
            version = self._numbered(state, build(state))
            await self._insert([(state, version)])
            return self._view(state, version)

    def _require_missing(self, state: ImageState, wanted: VersionT) -> None:
        # An SVG of another colouring than the chosen one is none of this picture any more.
        for version in self._versions(state):
            if self._source(version) != self._source(wanted):
                continue
            if not version.status.meta.is_final:
                raise InProgressError(
                    "{version} is being made already.", version=self._name(version)
                )
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
                raise InProgressError(
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
