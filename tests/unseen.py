"""Screens of tests are painted when somebody could look at them, and are not put together.

Textual paints a screen up to sixty times a second: it asks each widget for its lines, cuts them
where others lie above them, and joins the pieces into rows. Without a terminal the rows are thrown
away, and making them took a third of all that screens' tests did. Here what has changed is painted
once for all changes since the last time: after keys were pressed, and at each look for what a test
waits for. What looks at a screen (a snapshot, `pages.lines`) has it put together for itself.
"""

from __future__ import annotations

from typing import Any

from rich.console import RenderableType
from textual._compositor import Compositor
from textual._context import visible_screen_stack
from textual.geometry import Region
from textual.pilot import Pilot
from textual.screen import Screen

_put_together = Compositor.render_update
_come_to_rest = Pilot._wait_for_screen


def leave_apart() -> None:
    """Put no screen together from here on but those that are looked at."""
    Compositor.render_update = _put_off  # type: ignore[method-assign]
    Pilot._wait_for_screen = _rest_and_paint  # type: ignore[method-assign,assignment]


def paint_at_once(
    self: Compositor,
    full: bool = False,
    screen_stack: list[Screen[object]] | None = None,
    simplify: bool = False,
) -> RenderableType | None:
    """Have the widgets paint what has changed, as often as `Compositor.render_update()` does."""
    if full:
        return _put_together(self, full, screen_stack, simplify)
    visible_screen_stack.set(screen_stack or [])
    screen, dirty = self.size.region, self._dirty_regions.copy()
    self._dirty_regions.clear()
    if dirty:
        for _ in self._get_renders(Region.from_union(list(dirty)).intersection(screen)):
            pass
    return None


def _put_off(
    self: Compositor,
    full: bool = False,
    screen_stack: list[Screen[object]] | None = None,
    simplify: bool = False,
) -> RenderableType | None:
    """Keep what has changed for the next time that it is painted."""
    return _put_together(self, full, screen_stack, simplify) if full else None


# Any: what the app ends with, and for how long is waited; neither is looked at here.
async def _rest_and_paint(self: Pilot[Any], *given: Any) -> bool:
    """Wait until the screen has done what was asked of it, and paint what has changed."""
    has_come = await _come_to_rest(self, *given)
    if self.app.screen_stack:
        paint_at_once(self.app.screen._compositor, screen_stack=self.app._background_screens)
    return has_come
