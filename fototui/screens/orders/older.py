"""Older orders, which the list does not hold: taken in as one scrolls or searches."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial

from textual.timer import Timer
from textual.widget import Widget

from fototui.domain.errors import FototuiError
from fototui.i18n import _
from fototui.live.order_list import Sort
from fototui.live.store import LiveStore
from fototui.services.orders.search import OrderSearch
from fototui.ui.workers import begin

_TYPING_RESTS = 0.3
# Shorter words are in no index.
_SHORTEST = 3


class OlderOrders:
    """Asks for older orders, one question at a time.

    Args:
        screen: Whose questions they are; they end with it.
        store: What takes them in, and tells of them.
        show: Shows what is being asked.

    Attributes:
        is_looking: Older orders are being searched.
        has_more: The last search would have found more.
    """

    def __init__(self, screen: Widget, store: LiveStore, show: Callable[[], None]) -> None:
        self._screen = screen
        self._store = store
        self._show = show
        self._timer: Timer | None = None
        self._asked: OrderSearch | None = None
        self._is_reading = False
        self.is_looking = False
        self.has_more = False

    def words(self, sort: Sort) -> str:
        """What is said of them at the end of the list.

        Args:
            sort: What it is sorted by.
        """
        older = self._store.older
        if older.is_full:
            return _("Older orders: {count}. A search finds them.").format(count=older.count)
        if sort is Sort.CREATED or self._is_reading:
            return _("Reading older orders…")
        return _("Older orders: {count}. Go on to have them read.").format(count=older.count)

    def read_on(self) -> None:
        """Take in the next page of them, unless that is being done."""
        if not self._is_reading and not self._store.older.is_full:
            self._is_reading = True
            begin(self._screen, self._read, group="older")

    async def _read(self) -> None:
        try:
            await self._store.read_older()
        except FototuiError:
            pass  # the header says what is wrong; who scrolls asks again
        finally:
            self._is_reading = False

    def look_for(self, asked: OrderSearch) -> None:
        """Search them, once the operator stops typing.

        Args:
            asked: What is searched for.
        """
        is_short = asked.words and max(map(len, asked.words)) < _SHORTEST
        wanted = asked if asked and not is_short and self._store.older.count else None
        if wanted == self._asked or (wanted and self._asked and wanted.key == self._asked.key):
            return
        self._asked = wanted
        self.has_more, self.is_looking = False, wanted is not None
        if self._timer is not None:
            self._timer.stop()
        if wanted is not None:
            self._timer = self._screen.set_timer(_TYPING_RESTS, partial(self._look, wanted))

    def _look(self, asked: OrderSearch) -> None:
        begin(self._screen, partial(self._find, asked), group="search older", exclusive=True)

    async def _find(self, asked: OrderSearch) -> None:
        try:
            is_all = await self._store.find(asked)
        except FototuiError:
            is_all = False
        if asked is self._asked:
            self.has_more, self.is_looking = not is_all, False
            self._show()
