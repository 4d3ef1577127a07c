"""Commands on versions: started, chosen and cancelled, all kinds alike."""

from __future__ import annotations

from fototui.db.notify import cancel_payload, notify
from fototui.domain.errors import ConflictError
from fototui.domain.sentences import Sentence
from fototui.domain.statuses import CANCELLED, PROCESSING_STATUS
from fototui.services.costs.writing import mark_wasted
from fototui.services.operations.activity import ActivityAction
from fototui.services.unset import UNSET, Unset
from fototui.services.versions import messages as version_words
from fototui.services.versions.base import OptionsT
from fototui.services.versions.image_state import (
    ImageState,
    VersionT,
    lock_version,
)
from fototui.services.versions.starting import VersionStarting
from fototui.services.views.versions import VersionView

_UNFINISHED = {
    kind: frozenset(status for status in statuses if not status.meta.is_final)
    for kind, statuses in PROCESSING_STATUS.items()
}


class VersionService(VersionStarting[VersionT, OptionsT]):
    """Versions of one kind. Each call is a transaction of its own.

    Args:
        session: A session with no transaction under way.
        operator: Who acts, for the activity log.
    """

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
            present = state.image.chosen_id(self.kind)
            if expected is not UNSET and expected != present:
                raise await self._chosen_meanwhile(state, present)
            state.image.choose(self.kind, version.id, state.now)
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
            if version.submissions:
                await mark_wasted(self.session, self.kind, version.id, version.submissions)
            self._log(ActivityAction.CANCELLED, version.image.line_item, version)
            await notify(self.session, cancel_payload(self.kind, version.id))
            selected = version.image.chosen_id(self.kind)
            return VersionView.of(version, selected_id=selected, now=lock.now)
