"""Keeps an engine running beside a terminal, whatever becomes of the database."""

from __future__ import annotations

import asyncio
from collections import Counter
from contextlib import suppress
from typing import TYPE_CHECKING

from fototui.domain.errors import FototuiError
from fototui.domain.sentences import Sentence
from fototui.log import get_logger
from fototui.retry import Backoff
from fototui.runtime.compose import Runtime, open_engine

if TYPE_CHECKING:
    from fototui.engine.engine import Engine

log = get_logger(__name__)

_FIRST_WAIT = 1.0
_LONGEST_WAIT = 15.0


class EngineSupervisor:
    """Starts an engine, and starts it again when it could not start or ended by itself.

    Args:
        runtime: What the engine stands on; the database need not answer yet.
    """

    def __init__(self, runtime: Runtime) -> None:
        self._runtime = runtime
        self._engine: Engine | None = None
        self._leave = asyncio.Event()
        self.grace = 0.0
        """Seconds that jobs under way are given when it stops."""
        self.problem: Sentence | None = None
        """Why no engine runs; None while one does."""

    @property
    def running(self) -> int:
        """Jobs under way here."""
        return 0 if self._engine is None else self._engine.running

    @property
    def counts(self) -> Counter[str]:
        """What became of the jobs of the present engine."""
        return Counter() if self._engine is None else self._engine.counts

    def stop(self, *, grace: float) -> None:
        """Let the engine end.

        Args:
            grace: Seconds that jobs under way are given; what is left goes to other engines.
        """
        self.grace = grace
        self._leave.set()

    async def run(self) -> None:
        """Keep an engine running until stopped."""
        backoff = Backoff(_FIRST_WAIT, _LONGEST_WAIT)
        while not self._leave.is_set():
            try:
                await self._runtime.database.check()
                await self._run_once()
                backoff.reset()
            except FototuiError as error:
                self.problem = error.sentence
                log.warning("no engine runs here", reason=str(self.problem))
            except Exception:  # a terminal without an engine must say so, whatever ended it
                self.problem = Sentence.make(
                    "The engine failed unexpectedly and is started again. See the log."
                )
                log.exception("the engine failed; it is started again")
            with suppress(TimeoutError):
                async with asyncio.timeout(backoff.next_wait()):
                    await self._leave.wait()

    async def _run_once(self) -> None:
        async with open_engine(self._runtime) as engine:
            self._engine, self.problem = engine, None
            try:
                await self._until_left(engine)
            finally:
                self._engine = None
                engine.grace = self.grace

    async def _until_left(self, engine: Engine) -> None:
        left = asyncio.create_task(self._leave.wait())
        ended = asyncio.create_task(engine.wait())
        try:
            await asyncio.wait({left, ended}, return_when=asyncio.FIRST_COMPLETED)
            if ended.done():
                ended.result()
        finally:
            for task in (left, ended):
                task.cancel()
            await asyncio.gather(left, ended, return_exceptions=True)
