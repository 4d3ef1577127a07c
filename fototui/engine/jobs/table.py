"""Where the jobs of a kind stand in the database, for claims and transitions."""

from __future__ import annotations

from abc import ABC, abstractmethod
from typing import Generic

from sqlalchemy import Row, RowMapping, Select

from fototui.db.events.session import TrackedAsyncSession
from fototui.db.models.orders import active_predicate
from fototui.domain.statuses import JobKind
from fototui.engine.jobs.job import JobT, Move


class JobTable(ABC, Generic[JobT]):
    """The rows that are jobs of one kind.

    Attributes:
        kind: The kind, which is also the lane's name.
        name: The table.
        columns: What a claim returns beside the columns that all jobs have; the row is `v`.
        sources: Tables that a claim joins for it.
        joined: How it joins them.
        turns: The order in which rows are claimed, as their partial index has it.
    """

    kind: JobKind
    name: str
    columns: str
    sources: str = ""
    joined: str = ""
    turns: str

    @property
    def active(self) -> str:
        """The condition of an unfinished row `v`, in the very words of its partial index."""
        return active_predicate(self.kind, "v.")

    @abstractmethod
    def read(self, row: RowMapping) -> JobT:
        """Make a job of a claimed row."""

    @abstractmethod
    def transition(self, job: JobT, move: Move, *, actor: str) -> Select[*tuple[object, ...]]:
        """One statement that writes a move if the claim still holds; no row means it does not.

        Args:
            job: The job as it stands.
            move: Where it goes.
            actor: Who the activity log names.
        """

    @abstractmethod
    def report(
        self,
        session: TrackedAsyncSession,
        job: JobT,
        move: Move,
        written: Row[*tuple[object, ...]],
    ) -> None:
        """Tell the session what a transition's statement changed, so that it makes events of it."""
