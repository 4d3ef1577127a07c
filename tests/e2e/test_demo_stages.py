"""The demo opens on a shop in the middle of its day."""

from pathlib import Path

from fototui.demo.stack import open_stack
from fototui.demo.traffic import Traffic
from fototui.domain.stages import Stage
from fototui.sandbox.outcomes import Latency
from fototui.sandbox.pictures.generator import GeneratorKind
from fototui.services.orders.by_stage import StageService
from tests.e2e.test_terminal import home

__all__ = ["home"]


async def test_there_is_an_order_for_each_stage_of_the_way(
    home: Path, forked_decoders: None
) -> None:
    slow = Latency(queue=300.0, run=300.0, spread=0.0)
    told: list[str] = []
    async with open_stack(
        home,
        say=told.append,
        operator="demo",
        seed=1,
        latency=slow,
        durable=False,
        generator=GeneratorKind.QUICK,  # orders are counted, and no picture is looked at
    ) as stack:
        async with (
            Traffic(stack, orders=8, seed=1, pace=300.0).flowing(),
            stack.runtime.database.autocommit() as session,
        ):
            stages = await StageService(session, operator="demo").count()
        assert {stage: stages[stage] for stage in Stage if stages[stage]} == {
            Stage.DONE: 1,
            Stage.TO_HAND_OVER: 1,
            Stage.TO_TYPESET: 1,
            Stage.TO_VECTORISE: 1,
            Stage.RUNNING: 2,
            Stage.TO_COLOUR: 2,
        }
        assert (stack.runpod.latency, stack.vectorizer.latency) == (slow, slow)
