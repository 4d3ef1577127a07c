"""Work that goes on beside the keys, and ends with the widget whose work it is."""

from __future__ import annotations

from collections.abc import Callable, Coroutine

from textual.dom import DOMNode
from textual.worker import Worker


def begin(
    node: DOMNode,
    work: Callable[[], Coroutine[None, None, None]],
    *,
    name: str = "",
    group: str = "default",
    exclusive: bool = False,
) -> Worker[None]:
    """Begin work.

    Args:
        node: Whose work it is.
        work: Does it. The function and not its coroutine: where the app ends before the work's
            first step, a coroutine would never be awaited, and warn of it.
        name: What it is called in logs.
        group: What it belongs to.
        exclusive: The work of this group that goes on ends.
    """
    worker: Worker[None] = node.run_worker(work, name=name, group=group, exclusive=exclusive)
    return worker
