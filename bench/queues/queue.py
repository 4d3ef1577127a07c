"""What is asked of a queue to be measured."""

from __future__ import annotations

import time
from collections.abc import Callable
from types import TracebackType
from typing import Protocol, Self

CONCURRENCY = 10
"""Jobs at once."""

Tell = Callable[[], None]
"""Called at a moment that is to be known."""


def tell() -> None:
    """Print the clock, which is the same in all processes of a machine."""
    print(time.perf_counter(), flush=True)


class Queue(Protocol):
    """A queue on a database of its own, connected while an `async with` block runs."""

    async def __aenter__(self) -> Self: ...

    async def __aexit__(
        self,
        exc_type: type[BaseException] | None,
        exc: BaseException | None,
        traceback: TracebackType | None,
    ) -> None: ...

    async def install(self) -> None:
        """Make its tables."""

    async def push(self, count: int) -> None:
        """Queue jobs in one transaction, and commit."""

    async def drain(self, count: int, done: Tell) -> None:
        """Do all jobs.

        Args:
            count: How many are queued.
            done: To be called when the ends of all are committed; the last call counts.
        """

    async def wait(self, begun: Tell) -> None:
        """Do jobs as they come, until cancelled.

        Args:
            begun: To be called first thing in each job.
        """

    async def unfinished(self) -> int:
        """Jobs that are not done, as the database has it."""


class Working(Protocol):
    """A queue of which several are measured together."""

    async def work(self, ended: Tell) -> None:
        """Do jobs as they come, until cancelled.

        Args:
            ended: To be called when a job's end is committed.
        """
