"""Screens of tests are painted as any, but not put together: nobody sees them.

Textual asks each widget for its lines, cuts them where others lie above them, and joins the pieces
into rows. Without a terminal the rows are thrown away, and making them took as long as a tenth of
all else. Each widget is asked as before. What looks at a screen (a snapshot, `pages.lines`) has it
put together for itself.
"""

from __future__ import annotations

from rich.console import RenderableType
from textual._compositor import Compositor
from textual._context import visible_screen_stack
from textual.geometry import Region
from textual.screen import Screen

_put_together = Compositor.render_update


def leave_apart() -> None:
    """Put no screen together from here on but those that are looked at."""
    Compositor.render_update = _paint  # type: ignore[method-assign]


def _paint(
    self: Compositor,
    full: bool = False,
    screen_stack: list[Screen[object]] | None = None,
    simplify: bool = False,
) -> RenderableType | None:
    """Have the widgets paint what has changed, as `Compositor.render_update()` does."""
    if full:
        return _put_together(self, full, screen_stack, simplify)
    visible_screen_stack.set(screen_stack or [])
    screen, dirty = self.size.region, self._dirty_regions.copy()
    self._dirty_regions.clear()
    if dirty:
        for _ in self._get_renders(Region.from_union(list(dirty)).intersection(screen)):
            pass
    return None
