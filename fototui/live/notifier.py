"""What listeners have still to hear."""

import asyncio
from collections.abc import Callable

from fototui.live.state import Changed


class Notifier:
    """Collects changes, and tells of them once a frame.

    Args:
        frame_seconds: Shortest time between two tellings.
    """

    def __init__(self, frame_seconds: float) -> None:
        self._frame_seconds = frame_seconds
        self._listeners: list[Callable[[Changed], None]] = []
        self._noted = asyncio.Event()
        self.rows: set[str] = set()
        self.details: set[str] = set()
        self.listing = self.engines = self.health = False

    def listen(self, listener: Callable[[Changed], None]) -> Callable[[], None]:
        """Hear of changes.

        Returns:
            Call it to hear no more.
        """
        self._listeners.append(listener)

        def stop() -> None:
            if listener in self._listeners:
                self._listeners.remove(listener)

        return stop

    def note(self) -> None:
        """Something may have been added."""
        self._noted.set()

    async def run(self) -> None:
        """Tell, forever: what comes after a silence at once, the rest a frame later."""
        while True:
            await self._noted.wait()
            self._noted.clear()
            changed = self._take()
            if changed != Changed():
                for listener in tuple(self._listeners):
                    listener(changed)
                # Lanes and engines come twice a second at most; rows do not wait for them.
                if changed != Changed(engines=True):
                    await asyncio.sleep(self._frame_seconds)

    def _take(self) -> Changed:
        changed = Changed(
            rows=frozenset(self.rows),
            listing=self.listing,
            details=frozenset(self.details),
            engines=self.engines,
            health=self.health,
        )
        self.rows, self.details = set(), set()
        self.listing = self.engines = self.health = False
        return changed
