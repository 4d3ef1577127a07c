"""Events of what a statement without a session changed."""

from __future__ import annotations

from collections.abc import Sequence

from fototui.db.events.tracker import Publish, Tracker
from fototui.domain.events import BaseMercureEvent, Change, ChangeContext


class News:
    """What one committed statement changed, with all that its events need to know.

    Args:
        listeners: Take the events.
    """

    def __init__(self, listeners: Sequence[Publish]) -> None:
        self._tracker = Tracker(listeners)

    def track_changes(self, *event_types: type[BaseMercureEvent]) -> None:
        """Make these events of what is reported from now on.

        Args:
            event_types: Event classes; batch events bring along those that they collect.
        """
        self._tracker.track(*event_types)

    def report(self, change: Change, context: ChangeContext) -> None:
        """Tell of a row that was changed.

        Args:
            change: What changed.
            context: What the row belongs to.
        """
        self._tracker.add(change)
        self._tracker.add_hint(change.model, change.key, context)

    def publish(self) -> None:
        """Make the events and hand them over."""
        self._tracker.trust_hints()
        self._tracker.publish()
