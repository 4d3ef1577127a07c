"""Making the next one of many while the last one is used."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator
from contextlib import aclosing
from typing import TypeVar

T = TypeVar("T")


async def ahead(items: AsyncGenerator[T, None]) -> AsyncGenerator[T, None]:
    """Give what a generator gives, and have it make one more meanwhile.

    Its failure comes where it would have come without this: after all that it gave.

    Args:
        items: It; it is closed at the end, whatever the end.
    """

    async def following() -> tuple[T, ...]:
        async for item in items:
            return (item,)
        return ()

    async with aclosing(items):
        task = asyncio.create_task(following(), name="the next one")
        try:
            while found := await task:
                task = asyncio.create_task(following(), name="the next one")
                yield found[0]
        finally:
            task.cancel()
            await asyncio.gather(task, return_exceptions=True)
