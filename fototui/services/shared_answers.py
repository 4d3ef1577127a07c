"""Questions that several ask at the same time are put once for all of them."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Hashable
from typing import Generic, TypeVar

Q = TypeVar("Q", bound=Hashable)
T = TypeVar("T")


class SharedAnswers(Generic[Q, T]):
    """Puts questions; whoever asks what is being asked already waits for the next time.

    That begins after all who wait for it have asked, so no answer is older than its question. One
    of those who wait puts it, and the others ask anew if that one is cancelled.

    Args:
        ask: Finds an answer.
    """

    def __init__(self, ask: Callable[[Q], Awaitable[T]]) -> None:
        self._ask = ask
        # Questions that are being put, and of these, those that are to be put once more.
        self._turns: dict[Q, asyncio.Lock] = {}
        self._next: dict[Q, asyncio.Future[T]] = {}

    async def answer(self, question: Q) -> T:
        """Ask; raises what asking raises, for all who asked."""
        while (awaited := self._next.get(question)) is not None:
            await asyncio.wait({awaited})
            if not awaited.cancelled():
                return awaited.result()
        return await self._put(question)

    async def _put(self, question: Q) -> T:
        told = self._next[question] = asyncio.get_running_loop().create_future()
        turn = self._turns.setdefault(question, asyncio.Lock())
        try:
            async with turn:
                del self._next[question]  # whoever comes now has asked too late for this answer
                answer = await self._ask(question)
        except asyncio.CancelledError:
            told.cancel()
            raise
        except Exception as error:
            told.set_exception(error)
            told.exception()  # if nobody else waits, it is not missed
            raise
        else:
            told.set_result(answer)
            return answer
        finally:
            if self._next.get(question) is told:
                del self._next[question]
            if question not in self._next and not turn.locked():
                self._turns.pop(question, None)
