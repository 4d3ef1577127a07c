"""What listeners have still to hear."""

import asyncio
from collections.abc import Callable

from fototui.live.state import Changed


class Notifier:
    """Collects changes, and tells of them once a frame.

    Opened orders have frames of their own: one is read again after each event that it is told of,
    and the list does not wait for that.

    Args:
        frame_seconds: Shortest time between two tellings.
    """

    def __init__(self, frame_seconds: float) -> None:
        self._frame_seconds = frame_seconds
        self._listeners: list[Callable[[Changed], None]] = []
        self._noted, self._noted_details = asyncio.Event(), asyncio.Event()
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
        if self.details:
            self._noted_details.set()
        if self.rows or self.listing or self.engines or self.health:
            self._noted.set()

    async def run(self) -> None:
        """Tell, forever: what comes after a silence at once, the rest a frame later."""
        async with asyncio.TaskGroup() as tasks:
            tasks.create_task(self._run(self._noted, self._take), name="live: tell of all")
            tasks.create_task(
                self._run(self._noted_details, self._take_details), name="live: tell of details"
            )

    async def _run(self, noted: asyncio.Event, take: Callable[[], Changed]) -> None:
        while True:
            await noted.wait()
            noted.clear()
            changed = take()
            if changed != Changed():
                for listener in tuple(self._listeners):
                    listener(changed)
                # Lanes and engines come twice a second at most; rows do not wait for them.
                if changed != Changed(engines=True):
                    await asyncio.sleep(self._frame_seconds)

    def _take(self) -> Changed:
        """All of it: an opened order and its row are told of together."""
        changed = Changed(
            rows=frozenset(self.rows),
            listing=self.listing,
            details=self._take_details().details,
            engines=self.engines,
            health=self.health,
        )
        self.rows = set()
        self.listing = self.engines = self.health = False
        return changed

    def _take_details(self) -> Changed:
        details, self.details = frozenset(self.details), set()
        return Changed(details=details)
