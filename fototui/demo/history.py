"""What was done in the demo's shop before one looks at it: an order for each stage of the way."""

from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass

from fototui.demo.stack import DemoStack
from fototui.domain.statuses import VersionType
from fototui.engine.engine import Engine
from fototui.runtime.compose import book_options, default_options, open_engine
from fototui.sandbox.outcomes import Latency
from fototui.services.books.service import BookService
from fototui.services.orders.finishing import FinishService
from fototui.services.versions.coloring import ColoringService
from fototui.services.versions.kinds import version_service
from fototui.services.versions.svg import VectorizerService

_STAGES = 4
"""Done, to hand over, to typeset and to vectorise; the stages before come by themselves."""


@dataclass(frozen=True, slots=True)
class History:
    """Takes the oldest orders a different way far each.

    Args:
        stack: The shop.
        operator: Who worked on them.
    """

    stack: DemoStack
    operator: str

    async def happen(self, numbers: Sequence[str]) -> int:
        """Do it, where there are orders enough for the rest of the stages too.

        Args:
            numbers: Orders with their photos, the oldest first.

        Returns:
            How many of them were worked on.
        """
        if len(numbers) <= _STAGES:
            return 0
        worked = numbers[:_STAGES]
        async with self._at_once(), open_engine(self.stack.runtime) as engine:
            for number in worked:
                async with self.stack.runtime.database.session() as session:
                    coloring = ColoringService(session, operator=self.operator)
                    options = default_options(self.stack.settings)
                    await coloring.create_for_order(number, options)
            await self._accept(engine, worked, VersionType.COLORING)
            for number in worked[:3]:
                async with self.stack.runtime.database.session() as session:
                    await VectorizerService(session, operator=self.operator).create_for_order(
                        number
                    )
            await self._accept(engine, worked[:3], VersionType.SVG)
            for number in worked[:2]:
                async with self.stack.runtime.database.session() as session:
                    books = BookService(session, operator=self.operator)
                    await books.create_for_order(number, book_options(self.stack.settings))
            await engine.drain()
        async with self.stack.runtime.database.session() as session:
            await FinishService(session, operator=self.operator).finish(worked[:1])
        return _STAGES

    async def _accept(self, engine: Engine, numbers: Sequence[str], kind: VersionType) -> None:
        """Wait for what was asked for, and choose all of it, as an operator does in the review."""
        await engine.drain()
        for number in numbers:
            async with self.stack.runtime.database.session() as session:
                service = version_service(kind)(session, operator=self.operator)
                for version in await service.list_for_order(number):
                    await service.select(version.id)

    @asynccontextmanager
    async def _at_once(self) -> AsyncIterator[None]:
        """Nothing takes time or fails while the block runs: nobody wants to wait for the past."""
        scripts = (self.stack.runpod, self.stack.vectorizer)
        before = [(script.latency, dict(script.rates)) for script in scripts]
        for script in scripts:
            script.latency = Latency(queue=0.0, run=0.0, spread=0.0)
            script.rates.clear()
        try:
            yield
        finally:
            for script, (latency, rates) in zip(scripts, before, strict=True):
                script.latency = latency
                script.rates.update(rates)
