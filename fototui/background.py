"""Work that goes on beside the work that caused it, and is waited for before the caller leaves."""

import asyncio
import functools
from collections.abc import Callable, Coroutine
from typing import Any, Final, ParamSpec, TypeVar, cast

import structlog

log = structlog.get_logger(__name__)

P = ParamSpec("P")
R = TypeVar("R")

#: How long cancelled tasks may take to clean up before they are left behind.
_CANCEL_SECONDS = 5.0


class BackgroundTasks:
    """Tasks started here are named, and waited for together; their failures are logged only."""

    def __init__(self) -> None:
        self._tasks: set[asyncio.Task[object]] = set()

    def run(self, coro: Coroutine[Any, Any, object], *, name: str | None = None) -> None:
        """Start a task.

        Args:
            coro: What to run; its result is thrown away.
            name: The name it has in logs; the coroutine's own where none is given.
        """
        task = asyncio.create_task(coro, name=name or getattr(coro, "__qualname__", None))
        self._tasks.add(task)
        task.add_done_callback(self._ended)

    def _ended(self, task: asyncio.Task[object]) -> None:
        self._tasks.discard(task)
        if not task.cancelled() and (error := task.exception()) is not None:
            log.error("background task failed", task=task.get_name(), exc_info=error)

    async def wait(self, *, timeout: float | None = None) -> None:  # noqa: ASYNC109 - the team's name
        """Wait for all tasks, also for those that they start meanwhile.

        At the time-out, or when the waiting itself is cancelled, the rest is cancelled and awaited.

        Args:
            timeout: Longest wait in seconds; None for no end.
        """
        try:
            async with asyncio.timeout(timeout):
                while self._tasks:
                    await asyncio.wait(set(self._tasks))
        except TimeoutError:
            names = sorted(task.get_name() for task in self._tasks)
            log.warning("background tasks took too long", tasks=names, seconds=timeout)
        finally:
            await self._cancel()

    async def _cancel(self) -> None:
        rest = set(self._tasks)
        if not rest:
            return
        for task in rest:
            task.cancel()
        _, stuck = await asyncio.wait(rest, timeout=_CANCEL_SECONDS)
        if stuck:
            names = sorted(task.get_name() for task in stuck)
            log.error("background tasks do not stop", tasks=names)


#: Default of a parameter `background_tasks` that `background_tasks(…)` fills in.
INJECTED: Final = cast(BackgroundTasks, None)


def background_tasks(
    *,
    timeout: float,
) -> Callable[[Callable[P, Coroutine[Any, Any, R]]], Callable[P, Coroutine[Any, Any, R]]]:
    """Give each call of an async function its own `BackgroundTasks`, and wait for them at its end.

    The function takes them as keyword argument `background_tasks`, with `INJECTED` for a default,
    so that callers need not know of it. It waits whether it returns, raises or is cancelled; what
    it raises is raised on.

    Args:
        timeout: Longest wait in seconds at the end of a call.

    Returns:
        The decorator.
    """

    def decorate(
        function: Callable[P, Coroutine[Any, Any, R]],
    ) -> Callable[P, Coroutine[Any, Any, R]]:
        @functools.wraps(function)
        async def call(*args: P.args, **kwargs: P.kwargs) -> R:
            tasks = BackgroundTasks()
            kwargs["background_tasks"] = tasks
            try:
                return await function(*args, **kwargs)
            finally:
                await tasks.wait(timeout=timeout)

        return call

    return decorate
