"""The ways from screen to screen."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from textual.app import App

from fototui.domain.statuses import VersionType
from fototui.ui.actions import Scope

if TYPE_CHECKING:
    from fototui.live.store import LiveStore
    from fototui.screens.base import FototuiScreen
    from fototui.ui.preferences import Preferences


class NavigatingApp(App[None]):
    """An app that knows its screens: the list at the bottom, one part above it, orders above that.

    Attributes:
        preferences: Remembers the part that was shown last.
        store: Knows the orders.
        shown_orders: ULIDs of the orders as the list shows them, filtered and sorted.
    """

    preferences: Preferences
    store: LiveStore
    shown_orders: Sequence[str] = ()

    def do_show_orders(self) -> None:
        """Go to the list of orders."""
        self.preferences.screen = Scope.ORDERS
        while len(self.screen_stack) > 2:
            self.pop_screen()

    def do_show_review(self) -> None:
        """Review the pictures that are waiting."""
        from fototui.screens.review import ReviewScreen

        self._show(ReviewScreen())

    def do_show_engines(self) -> None:
        """See engines, lanes and jobs."""
        from fototui.screens.engines import EnginesScreen

        self._show(EnginesScreen())

    def do_show_activity(self) -> None:
        """See who did what, and when."""
        from fototui.screens.activity import ActivityScreen

        self._show(ActivityScreen())

    def open_order(self, order_id: str) -> None:
        """Open an order above what is shown."""
        from fototui.screens.order.screen import OrderScreen

        self.push_screen(OrderScreen(order_id))

    def show_compare(self, order_id: str, image_id: int, kind: VersionType) -> None:
        """Compare an image's original and versions."""
        from fototui.screens.compare import CompareScreen

        self.push_screen(CompareScreen(order_id, image_id, kind))

    def neighbour(self, order_id: str, step: int) -> str | None:
        """The order before or after another one, as the list shows them.

        Args:
            order_id: The one.
            step: 1 for the next, -1 for the one before.

        Returns:
            Its ULID; None at the list's end.
        """
        shown = list(self.shown_orders or self.store.listing)
        if order_id not in shown:
            return None
        place = shown.index(order_id) + step
        return shown[place] if 0 <= place < len(shown) else None

    def _show(self, screen: FototuiScreen) -> None:
        self.do_show_orders()
        self.preferences.screen = screen.scope
        self.push_screen(screen)
