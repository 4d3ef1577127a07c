"""The demo on a terminal: everything starts, and the app opens on a living shop."""

from collections.abc import Awaitable, Callable
from pathlib import Path

from fototui.config.settings import Settings
from fototui.demo.stack import Say, open_stack, state_folder
from fototui.demo.traffic import Traffic
from fototui.i18n import _
from fototui.sandbox.outcomes import Latency, Outcome

# A person can follow this; most of it is waiting, as it is with the real services.
_HUMAN = Latency(queue=2.0, run=6.0, spread=0.5)
_FAST = Latency(queue=0.1, run=0.2, spread=0.5)
_FAILING = 0.12


async def show(
    folder: Path | None,
    *,
    orders: int,
    seed: int,
    fast: bool,
    say: Say,
    app: Callable[[Settings, Path], Awaitable[None]],
) -> None:
    """Run the shop, and an app on it.

    Args:
        folder: Keeps all state; None for one that is removed at the end.
        orders: How many orders there are from the beginning.
        seed: Makes it repeatable.
        fast: Nothing is waited for.
        say: Told what starts, before the app takes the terminal.
        app: Runs the app on the shop's settings until the operator leaves; what it remembers
            belongs in the folder.
    """
    with state_folder(folder) as state:
        async with open_stack(
            state,
            say=say,
            operator="demo",
            seed=seed,
            latency=_FAST if fast else _HUMAN,
            failing={Outcome.FAILED: _FAILING},
            durable=folder is not None,
        ) as stack:
            traffic = Traffic(stack, orders=orders, seed=seed, pace=3 if fast else 20)
            say(_("Orders come in"))
            async with traffic.flowing():
                await app(stack.settings, state / "app")
