"""Writes of one moment are committed together: moves of jobs, and the shop's webhooks.

Ten jobs that go on at once would be ten connections, ten requests, ten transactions and ten waits
for the disk. Together they are one of each: a third of the processor time, here and in PostgreSQL
(docs/PERFORMANCE.md). Nobody waits for company: a write that is alone goes at once, and what is
asked for while a statement is under way goes with the next one.

Together, writes wait for no row. One whose row somebody else has locked is passed over, and so is a
move whose claim is lost; for all other locks they wait a tenth of a second. What was passed over is
tried some more times, in as many round trips. If the statement fails for one, it has failed for
all. Whatever was not written is then written alone, by the statement that says why it cannot be. So
no write is harmed by another, and engines and operators who lock several rows never wait for each
other in a circle.
"""

from __future__ import annotations

import asyncio
import contextvars
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field

from sqlalchemy import ColumnElement, func, literal

from fototui.db.database import Database
from fototui.db.errors import DatabaseUnavailableError
from fototui.db.events.news import News
from fototui.db.fixed import FixedStatement
from fototui.log import get_logger

log = get_logger(__name__)

MOST_AT_ONCE = 50
"""Writes of one transaction at most: it holds their rows until the last is written."""

_TRIES = 4
"""How often is tried together what was passed over. Most often another engine's claim has a row for
a moment, since it was free when that began. If the others went on without it, they would not be of
one moment again: the more engines, the fewer moves would go together."""

Row = Mapping[str, object]


def waits_little() -> ColumnElement[str]:
    """To be asked for in a statement that is run together: its locks are waited for this long."""
    return func.set_config("lock_timeout", "100ms", literal(value=True))


def _report_nothing(_news: News, _row: Row) -> None:
    pass


@dataclass(slots=True, eq=False)
class Write:
    """Something that is to be written.

    Args:
        values: What its statement is run with.
        key: What its answer has as its `id`; no other's has that.
        place: In the order of these, all processes write rows.
        report: Tells what the row that was written changed; by itself, nothing.
    """

    values: Mapping[str, object]
    key: object
    place: tuple[int | str, ...]
    report: Callable[[News, Row], None] = _report_nothing
    answer: asyncio.Future[Row | None] = field(init=False)

    def settle(self, row: Row | None) -> None:
        """Answer whoever waits for it, if anybody still does."""
        if not self.answer.done():
            self.answer.set_result(row)

    def fail(self, error: Exception) -> None:
        """Tell whoever waits for it that the database does not answer."""
        if not self.answer.done():
            self.answer.set_exception(error)


class GroupCommit:
    """Writes together what is written by the same statement.

    Args:
        database: The database.
    """

    def __init__(self, database: Database) -> None:
        self._database = database
        # A statement is in here for as long as a task runs it.
        self._waiting: dict[FixedStatement, list[Write]] = {}
        self._tasks: set[asyncio.Task[None]] = set()

    async def write(self, statement: FixedStatement, write: Write) -> Row | None:
        """Write something, along with the statement's other writes, and publish what it changed.

        Args:
            statement: Waits for no row; gives none where the write is passed over.
            write: What to run it with.

        Returns:
            The row that it gave, once that is committed; if None, it is to be written alone, which
            tells why.

        Raises:
            DatabaseUnavailableError: The database does not answer.
        """
        write.answer = asyncio.get_running_loop().create_future()
        if statement in self._waiting:
            self._waiting[statement].append(write)
        else:
            waiting = self._waiting[statement] = [write]
            # It begins in the loop's next turn, with all that is asked for in this one; and it
            # speaks for no single job, whose name would stand on its log lines.
            task = asyncio.create_task(
                self._write_waiting(statement, waiting),
                name="writes",
                context=contextvars.Context(),
            )
            self._tasks.add(task)
            task.add_done_callback(self._tasks.discard)
        return await write.answer

    async def aclose(self) -> None:
        """Give up statements for which nobody waits any more; what they are to write is fenced."""
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        while self._waiting:  # a task that had not begun has settled nothing
            _, waiting = self._waiting.popitem()
            for write in waiting:
                write.settle(None)

    async def _write_waiting(self, statement: FixedStatement, waiting: list[Write]) -> None:
        group: list[Write] = []
        try:
            while waiting:
                # Whoever was cancelled meanwhile wants it no more.
                group = [write for write in waiting[:MOST_AT_ONCE] if not write.answer.done()]
                del waiting[:MOST_AT_ONCE]
                if group:
                    await self._write_together(statement, group)
        finally:
            self._waiting.pop(statement, None)
            for write in (*group, *waiting):  # there is one only if this was cancelled
                write.settle(None)

    async def _write_together(self, statement: FixedStatement, group: list[Write]) -> None:
        group.sort(key=lambda write: write.place)
        written: dict[object, Row] = {}
        left = group
        try:
            for _ in range(_TRIES if len(group) > 1 else 1):
                written.update(await self._committed(statement, left))
                left = [write for write in left if write.key not in written]
                if not left:
                    break
        except DatabaseUnavailableError as error:
            for write in left:
                write.fail(error)
        except Exception:  # of one or of all: each learns of its own when it is written alone
            log.debug("writes go on one by one", writes=len(left), exc_info=True)
        for write in group:
            write.settle(written.get(write.key))

    async def _committed(
        self, statement: FixedStatement, group: Sequence[Write]
    ) -> Mapping[object, Row]:
        """Write, and publish what that changed; the rows that were given, by their keys."""
        rows = await self._database.run(statement, *(write.values for write in group))
        written = {row["id"]: row for row in rows}
        news = self._database.news()
        for write in group:
            if row := written.get(write.key):
                write.report(news, row)
        news.publish()
        return written
