"""The beginning of the list of orders, each line of it made when its order changed.

To make a line takes seven tables; to learn that it is still true takes hardly more than to name it.
So lines are kept, and each question brings along which orders changed since the one before: in one
statement with the page itself, so that a page is what the database had at one moment. Who asks for
the same page while it is being asked for shares the next answer with all others who do.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Generic, TypeVar
from uuid import UUID

from sqlalchemy import text
from ulid import ULID

from fototui.db.database import Database
from fototui.db.fixed import FixedStatement
from fototui.services.changes import CHANGED, NOW, Watermark
from fototui.services.orders.queries import read_rows
from fototui.services.shared_answers import SharedAnswers
from fototui.services.views.orders import OrderRow

T = TypeVar("T")

BEGINNING = 1_000
"""Of so many orders lines are kept."""

_NOTHING_UNSEEN = Watermark("1:1:")
_LONGEST_SILENCE = 60.0
_MOST_TRANSACTIONS = 10_000

_ASK = FixedStatement(
    text(f"""
        SELECT now.snapshot, now.source, now.orders, ARRAY({CHANGED}) AS changed, ARRAY(
            SELECT id FROM orders ORDER BY created_at DESC, id DESC LIMIT :limit OFFSET :skip
        ) AS page
        FROM ({NOW}) now""")  # noqa: S608 - constants only
)


@dataclass(frozen=True, slots=True)
class Lines(Generic[T]):
    """A page of the list, newest first.

    Args:
        lines: What was made of its orders.
        total: How many orders there are.
    """

    lines: Sequence[T]
    total: int


class KeptLines(Generic[T]):
    """Lines of the newest orders.

    Args:
        database: The database.
        make: Makes a line; of the same order it makes the same.
    """

    def __init__(self, database: Database, make: Callable[[OrderRow], T]) -> None:
        self._database = database
        self._make = make
        self._pages = SharedAnswers(self._page)
        self._turn = asyncio.Lock()
        self._lines: dict[UUID, T] = {}
        # Of each reading under way, the orders that have not changed since it began.
        self._readings: list[set[UUID]] = []
        self._seen: Watermark | None = None
        self._asked = 0.0

    async def page(self, *, limit: int, skip: int = 0) -> Lines[T]:
        """Read a page from the beginning of the list.

        Args:
            limit: Most orders.
            skip: Leave out so many of the newest; with `limit` no more than `BEGINNING`.
        """
        page, total, kept = await self._pages.answer((limit, skip))
        known = dict(kept)
        if len(known) < len(page):
            known |= await self._read(key for key in page if key not in known)
        # One that is missing was deleted meanwhile.
        return Lines([known[key] for key in page if key in known], total)

    async def _page(self, place: tuple[int, int]) -> tuple[Sequence[UUID], int, Mapping[UUID, T]]:
        """The orders of a page, how many there are, and the lines that are kept."""
        # One question at a time, so that each goes on from where the one before it ended.
        async with self._turn:
            page, total = await self._ask(*place)
            return page, total, {key: self._lines[key] for key in page if key in self._lines}

    async def _ask(self, limit: int, skip: int) -> tuple[list[UUID], int]:
        if time.monotonic() - self._asked > _LONGEST_SILENCE:
            self._seen = None  # to be told of all that changed could take long
        seen = self._seen or _NOTHING_UNSEEN
        oldest = seen.oldest_unseen if self._seen else 2**62
        values = {"oldest": oldest, "snapshot": seen.snapshot, "limit": limit, "skip": skip}
        began = time.monotonic()
        [told] = await self._database.run(_ASK, values)
        now = Watermark(told["snapshot"], told["source"])
        if self._seen is None or not seen.leads_to(now):
            self._forget_all()
        else:
            self._forget(told["changed"])
        # While a transaction goes on for long, all that changed since it began is told each time.
        is_narrow = now.end - now.oldest_unseen < _MOST_TRANSACTIONS
        self._seen, self._asked = now if is_narrow else None, began
        return told["page"], told["orders"]

    async def _read(self, keys: Iterable[UUID]) -> dict[UUID, T]:
        wanted = set(keys)
        unchanged = set(wanted)
        self._readings.append(unchanged)
        try:
            async with self._database.autocommit() as session:
                rows = await read_rows(session, [str(ULID.from_uuid(key)) for key in wanted])
        finally:
            self._readings.remove(unchanged)
        made = {ULID.from_str(row.id).to_uuid(): self._make(row) for row in rows}
        if len(self._lines) > BEGINNING:
            self._lines.clear()
        self._lines |= {key: line for key, line in made.items() if key in unchanged}
        return made

    def _forget(self, changed: Iterable[UUID]) -> None:
        for key in changed:
            self._lines.pop(key, None)
        for reading in self._readings:
            reading.difference_update(changed)

    def _forget_all(self) -> None:
        self._lines.clear()
        for reading in self._readings:
            reading.clear()
