"""What differs between the kinds of version, and what all commands on them need."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import replace
from typing import Generic, TypeVar

from sqlalchemy import select

from fototui.db.events.session import TrackedAsyncSession
from fototui.db.models.orders import Image, LineItem
from fototui.domain.flags import ProcessingStatusEnum
from fototui.domain.options import ColoringOptions, SvgOptions
from fototui.domain.sentences import Sentence
from fototui.services.operations.activity import ActivityAction, ActivityService
from fototui.services.versions import messages as version_words
from fototui.services.versions.image_state import (
    ImageState,
    VersionT,
    lock_image,
)
from fototui.services.versions.reading import VersionReading
from fototui.services.views.versions import VersionView

OptionsT = TypeVar("OptionsT", ColoringOptions, SvgOptions)


class VersionBase(VersionReading, ABC, Generic[VersionT, OptionsT]):
    """What is known of one kind of version, and what all commands on it need.

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

    def _note(self, state: ImageState, version: VersionT) -> Sentence | None:
        """What an operator who asks for a version should know."""

    # --- shared ------------------------------------------------------------------------------

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
        selected = state.image.chosen_id(self.kind)
        view = VersionView.of(version, selected_id=selected, now=state.now)
        return replace(view, note=self._note(state, version))

    def _log(self, action: ActivityAction, item: LineItem, version: VersionT) -> None:
        self._activity.add(
            action,
            order_id=item.order_id,
            image_id=version.image_id,
            version_type=self.kind,
            version_id=version.id,
            detail=self._name(version),
        )
