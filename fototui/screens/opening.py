"""Makes the screens that stand above the list.

Each is loaded when it is first opened, so that nobody waits for all of them to see the list.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from fototui.domain.statuses import VersionType
from fototui.ui.actions import Scope
from fototui.ui.context import AppContext

if TYPE_CHECKING:
    from fototui.screens.base import FototuiScreen
    from fototui.screens.compare import CompareScreen
    from fototui.screens.help import HelpScreen
    from fototui.screens.messages import MessagesScreen
    from fototui.screens.order.screen import OrderScreen
    from fototui.screens.undo import UndoScreen

SECTIONS = frozenset({Scope.REVIEW, Scope.ENGINES, Scope.ACTIVITY})
"""What stands just above the list, one of them at a time."""


def section(scope: Scope, context: AppContext, order_ids: tuple[str, ...]) -> FototuiScreen:
    """A section.

    Args:
        scope: Which; one of `SECTIONS`.
        context: What every screen is given.
        order_ids: Orders whose pictures the review begins with.
    """
    match scope:
        case Scope.REVIEW:
            from fototui.screens.review.screen import ReviewScreen

            return ReviewScreen(context, order_ids)
        case Scope.ENGINES:
            from fototui.screens.engines import EnginesScreen

            return EnginesScreen(context)
        case _:
            from fototui.screens.activity import ActivityScreen

            return ActivityScreen(context)


def order(context: AppContext, order_id: str) -> OrderScreen:
    """An order's screen."""
    from fototui.screens.order.screen import OrderScreen

    return OrderScreen(context, order_id)


def compare(context: AppContext, order_id: str, image_id: int, kind: VersionType) -> CompareScreen:
    """An image's original beside its versions."""
    from fototui.screens.compare import CompareScreen

    return CompareScreen(context, order_id, image_id, kind)


def help_of(screen: FototuiScreen) -> HelpScreen:
    """The help of a screen."""
    from fototui.screens.help import HelpScreen

    return HelpScreen(screen)


def messages(context: AppContext) -> MessagesScreen:
    """What the operator was told."""
    from fototui.screens.messages import MessagesScreen

    return MessagesScreen(context)


def undo(context: AppContext) -> UndoScreen:
    """What may be taken back."""
    from fototui.screens.undo import UndoScreen

    return UndoScreen(context)
