"""Questions that are put once for all who ask at the same time."""

from __future__ import annotations

import asyncio

import pytest

from fototui.services.shared_answers import SharedAnswers
from tests.waiting import in_time, until


class Counting:
    """Answers by how often it was asked, each time when it is told to."""

    def __init__(self) -> None:
        self.asked: list[str] = []
        self.gates: list[asyncio.Event] = []
        self.is_open = False
        self.shared = SharedAnswers(self._ask)

    async def _ask(self, question: str) -> str:
        gate = asyncio.Event()
        self.asked.append(question)
        self.gates.append(gate)
        number = len(self.asked)
        if not self.is_open:
            await gate.wait()
        if question == "bad":
            raise ValueError(number)
        return f"{question} {number}"

    def several(self, *questions: str) -> list[asyncio.Task[str]]:
        return [asyncio.create_task(self.shared.answer(question)) for question in questions]

    async def until_asked(self, times: int) -> None:
        await until(lambda: len(self.asked) == times)

    def is_empty(self) -> bool:
        return not self.shared._turns and not self.shared._next


async def test_who_asks_meanwhile_shares_the_next_answer() -> None:
    world = Counting()
    first = world.several("a")
    await world.until_asked(1)
    later = world.several("a", "a", "a", "b")
    await world.until_asked(2)  # another question waits for none
    world.gates[0].set()
    await world.until_asked(3)
    latest = world.several("a")
    for gate in world.gates:
        gate.set()
    await world.until_asked(4)
    world.gates[3].set()
    async with in_time():
        answers = await asyncio.gather(*first, *later, *latest)
    assert answers == ["a 1", "a 3", "a 3", "a 3", "b 2", "a 4"]
    assert world.is_empty()


@pytest.mark.parametrize("is_put", [True, False], ids=["being put", "waiting"])
async def test_who_is_cancelled_leaves_the_question_to_the_others(is_put: bool) -> None:
    world = Counting()
    first = world.several("a")
    await world.until_asked(1)
    leader, *others = world.several("a", "a", "a")
    if is_put:
        world.gates[0].set()
        await world.until_asked(2)
    leader.cancel()
    with pytest.raises(asyncio.CancelledError):
        await leader
    world.is_open = True
    world.gates[0].set()
    async with in_time():
        answers = await asyncio.gather(*first, *others)
    assert answers[0] == "a 1"
    assert set(answers[1:]) <= {"a 2", "a 3", "a 4"} - ({"a 2"} if is_put else set())
    assert world.is_empty()


async def test_a_failure_is_told_to_all_who_asked() -> None:
    world = Counting()
    first = world.several("bad")
    await world.until_asked(1)
    later = world.several("bad", "bad")
    world.gates[0].set()
    await world.until_asked(2)
    world.gates[1].set()
    async with in_time():
        answers = await asyncio.gather(*first, *later, return_exceptions=True)
    assert [str(answer) for answer in answers] == ["1", "2", "2"]
    assert all(isinstance(answer, ValueError) for answer in answers)
    assert world.is_empty()
