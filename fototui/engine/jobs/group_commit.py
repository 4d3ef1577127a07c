"""Moves of one moment are committed together.

Ten jobs that go on at once would be ten connections, ten requests, ten transactions and ten waits
for the disk. Together they are one of each: a third of the processor time, here and in PostgreSQL
(docs/PERFORMANCE.md). Nobody waits for company: a move that is alone goes at once, and what is
asked for while a statement is under way goes with the next one.

Together, moves wait for no row. One that somebody else has locked is passed over, and so is one
whose claim is lost; what triggers wait for is waited for a tenth of a second. What was passed over
is tried some more times, in as many round trips. If the statement fails for one, it has failed for
all. Whatever was not written is then written alone, by the statement that says why it cannot be. So
no move is harmed by another, and engines and operators who lock several rows never wait for each
other in a circle.
"""

from __future__ import annotations

import asyncio
import contextvars
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import NamedTuple

from fototui.db.database import Database
from fototui.db.errors import DatabaseUnavailableError
from fototui.db.events.news import News
from fototui.db.fixed import FixedStatement
from fototui.log import get_logger

log = get_logger(__name__)

MOST_AT_ONCE = 50
"""Moves that one transaction may write: it holds their rows until the last is written."""

_TRIES = 4
"""How often moves are tried together that were passed over. Most often another engine's claim has a
row for a moment, since it was free when that began. If the others went on without it, they would
not be of one moment again: the more engines, the fewer moves would go together."""

Row = Mapping[str, object]


class MoveStatement(NamedTuple):
    """The two statements that write moves of one shape.

    Args:
        together: Waits for no row; for several moves in one transaction.
        alone: Waits for its row.
    """

    together: FixedStatement
    alone: FixedStatement


@dataclass(slots=True, eq=False)
class Write:
    """A move that is to be written.

    Args:
        values: What its statement is run with.
        row_id: The row, by which its answer is known.
        place: In the order of these, all engines write rows.
        report: Tells what the row that was written changed.
    """

    values: Mapping[str, object]
    row_id: object
    place: tuple[int | str, ...]
    report: Callable[[News, Row], None]
    answer: asyncio.Future[bool] = field(init=False)

    def settle(self, *, is_written: bool) -> None:
        """Answer whoever waits for it, if anybody still does."""
        if not self.answer.done():
            self.answer.set_result(is_written)

    def fail(self, error: Exception) -> None:
        """Tell whoever waits for it that the database does not answer."""
        if not self.answer.done():
            self.answer.set_exception(error)


class GroupCommit:
    """Writes moves together, each shape of them by a statement of its own.

    Args:
        database: The database.
    """

    def __init__(self, database: Database) -> None:
        self._database = database
        # A shape is in here for as long as a task writes moves of it.
        self._waiting: dict[MoveStatement, list[Write]] = {}
        self._tasks: set[asyncio.Task[None]] = set()

    async def write(self, statement: MoveStatement, write: Write) -> bool:
        """Write a move, along with others of its shape, and publish what it changed.

        Args:
            statement: The statement of its shape.
            write: The move.

        Returns:
            Whether it was written; if not, it is to be written alone, which tells why.

        Raises:
            DatabaseUnavailableError: The database does not answer.
        """
        write.answer = asyncio.get_running_loop().create_future()
        if statement in self._waiting:
            self._waiting[statement].append(write)
        else:
            self._waiting[statement] = [write]
            # It begins in the loop's next turn, with all that is asked for in this one; and it
            # speaks for no single job, whose name would stand on its log lines.
            task = asyncio.create_task(
                self._write_waiting(statement), name="moves", context=contextvars.Context()
            )
            self._tasks.add(task)
            task.add_done_callback(self._tasks.discard)
        return await write.answer

    async def aclose(self) -> None:
        """Give up statements for which nobody waits any more; what they are to write is fenced."""
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)

    async def _write_waiting(self, statement: MoveStatement) -> None:
        waiting = self._waiting[statement]
        group: list[Write] = []
        try:
            while waiting:
                # Whoever was cancelled meanwhile wants it no more.
                group = [write for write in waiting[:MOST_AT_ONCE] if not write.answer.done()]
                del waiting[:MOST_AT_ONCE]
                if group:
                    await self._write_together(statement, group)
        finally:
            del self._waiting[statement]
            for write in (*group, *waiting):  # there is one only if this was cancelled
                write.settle(is_written=False)

    async def _write_together(self, statement: MoveStatement, group: list[Write]) -> None:
        group.sort(key=lambda write: write.place)
        written: dict[object, Row] = {}
        left = group
        try:
            for _ in range(_TRIES if len(group) > 1 else 1):
                written.update(await self._committed(statement.together, left))
                left = [write for write in left if write.row_id not in written]
                if not left:
                    break
        except DatabaseUnavailableError as error:
            for write in left:
                write.fail(error)
        except Exception:  # of one or of all: each learns of its own when it is written alone
            log.debug("moves are written one by one", moves=len(left), exc_info=True)
        for write in group:
            write.settle(is_written=write.row_id in written)

    async def _committed(
        self, statement: FixedStatement, group: Sequence[Write]
    ) -> Mapping[object, Row]:
        """Write moves, and publish what they changed; the rows that were written, by their ids."""
        rows = await self._database.run(statement, *(write.values for write in group))
        written = {row["id"]: row for row in rows}
        news = self._database.news()
        for write in group:
            if row := written.get(write.row_id):
                write.report(news, row)
        news.publish()
        return written
