"""Which part of a picture is looked at."""

from __future__ import annotations

from dataclasses import dataclass, replace

_CLOSEST = 16.0
_ZOOM_STEP = 1.5
_PAN_STEP = 0.25  # of what is seen


@dataclass(frozen=True, slots=True)
class Viewport:
    """A part of a picture; every change gives another one that lies inside the picture.

    Args:
        zoom: 1 shows all of it, 2 half of its width and height.
        pan: Which point of it is in the middle, each from 0 to 1.
    """

    zoom: float = 1.0
    pan: tuple[float, float] = (0.5, 0.5)

    @property
    def is_whole(self) -> bool:
        """All of the picture is seen."""
        return self.zoom <= 1

    @property
    def is_closest(self) -> bool:
        """There is an end to closeness."""
        return self.zoom >= _CLOSEST

    def zoomed(self, steps: int) -> Viewport:
        """Look closer, or from farther away where steps are negative."""
        zoom = min(_CLOSEST, max(1.0, self.zoom * _ZOOM_STEP**steps))
        return replace(self, zoom=zoom)._inside()

    def moved(self, across: int, down: int) -> Viewport:
        """Look farther right and down, or left and up where these are negative."""
        part = _PAN_STEP / self.zoom
        x, y = self.pan
        return replace(self, pan=(x + across * part, y + down * part))._inside()

    def _inside(self) -> Viewport:
        edge = 0.5 / self.zoom  # past it, keys would move nothing
        x, y = (min(1 - edge, max(edge, part)) for part in self.pan)
        return replace(self, pan=(x, y))
