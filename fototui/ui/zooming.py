"""What the keys do that enlarge and move pictures, the same on every screen that has any."""

from __future__ import annotations

from collections.abc import Callable, Mapping

from fototui.i18n import _, number
from fototui.pictures.viewport import Viewport
from fototui.ui.actions import Scope
from fototui.ui.commands import Command


def zooming(
    scope: Scope, viewport: Callable[[], Viewport], look: Callable[[Viewport], None]
) -> Mapping[str, Command]:
    """The commands of a screen's keys for it.

    Args:
        scope: The screen's scope.
        viewport: Tells what part is looked at.
        look: Looks at another.
    """

    def why_no_closer() -> str | None:
        return _("It cannot be enlarged any further.") if viewport().is_closest else None

    def why_all_is_seen() -> str | None:
        return _("The whole picture is shown already.") if viewport().is_whole else None

    def move(across: int, down: int) -> Command:
        return Command(lambda: look(viewport().moved(across, down)), why_all_is_seen)

    return {
        f"{scope}.zoom_in": Command(lambda: look(viewport().zoomed(1)), why_no_closer),
        f"{scope}.zoom_out": Command(lambda: look(viewport().zoomed(-1)), why_all_is_seen),
        f"{scope}.whole": Command(lambda: look(Viewport()), why_all_is_seen),
        f"{scope}.pan_left": move(-1, 0),
        f"{scope}.pan_right": move(1, 0),
        f"{scope}.pan_up": move(0, -1),
        f"{scope}.pan_down": move(0, 1),
    }


def closeness(viewport: Viewport) -> str:
    """How close one looks: "2.3×"; empty where all is seen."""
    return "" if viewport.is_whole else f"{number(round(viewport.zoom, 1))}×"
