"""One question about all that an engine may have to do.

Notifications wake an engine at once. What none tells of is found by asking: one that was missed,
jobs that had to wait, engines that died, rows that another program wrote. It is one statement for
all lanes and duties, and each of them does its own only where there is something to do.
"""

from __future__ import annotations

import uuid
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from sqlalchemy import ColumnElement, TextClause, select, text
from sqlalchemy.sql.elements import Label

from fototui.db.database import Database
from fototui.db.fixed import FixedStatement

Condition = TextClause | ColumnElement[bool]

# The next look is when the lease has surely run out.
_AFTER_LEASE = 0.05
# In seconds; nothing where none is alive, which includes the engine that asks.
_LEASE_ENDS = text(
    "(SELECT extract(epoch FROM min(last_seen_at + make_interval(secs => lease_seconds)) - now()) "
    "FROM engines WHERE retired_at IS NULL "
    "AND last_seen_at >= now() - make_interval(secs => lease_seconds))::float8"
)


@dataclass(frozen=True, slots=True)
class Question:
    """Something that there may be to do.

    Args:
        condition: Whether there is; it may name the engine that asks, `engine`.
        wake: Called where there is.
    """

    condition: Condition
    wake: Callable[[], None]


class Lookout:
    """Asks all questions at once.

    Args:
        database: The database.
        questions: What it asks.
        unfinished: Whether there are jobs that have not come to their end, waiting ones too.
        busy_seconds: How soon it is to look again while there are.
        idle_seconds: The same while there are none.
    """

    def __init__(
        self,
        database: Database,
        questions: Sequence[Question],
        *,
        unfinished: Condition,
        busy_seconds: float,
        idle_seconds: float,
    ) -> None:
        self._database = database
        self._questions = {f"question_{place}": asked for place, asked in enumerate(questions)}
        self._seconds = {True: busy_seconds, False: idle_seconds}
        conditions = [Label(name, asked.condition) for name, asked in self._questions.items()]
        self._statement = FixedStatement(
            select(*conditions, Label("unfinished", unfinished), Label("lease_ends", _LEASE_ENDS))
        )

    async def look(self, engine_id: uuid.UUID) -> float:
        """Look once, and wake whoever has something to do.

        Args:
            engine_id: The engine that asks.

        Returns:
            Seconds until the next look: when an engine may be found dead, or some time on.
        """
        [answers] = await self._database.run(self._statement, {"engine": engine_id})
        for name, asked in self._questions.items():
            if answers[name]:
                asked.wake()
        seconds = self._seconds[answers["unfinished"]]
        lease_ends: float | None = answers["lease_ends"]
        return seconds if lease_ends is None else min(seconds, lease_ends + _AFTER_LEASE)
