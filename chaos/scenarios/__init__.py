"""The scenarios, in the order in which they are run."""

from collections.abc import Awaitable, Callable

from chaos.scenarios.database import database, lines
from chaos.scenarios.engines import clocks, freezes, kills, poison, signals
from chaos.scenarios.imports import imports
from chaos.scenarios.operators import actions, two_operators
from chaos.scenarios.outside import hub, services, storage
from chaos.scenarios.shop import webhooks
from chaos.world import World

Scenario = Callable[[World], Awaitable[None]]

SCENARIOS: dict[str, Scenario] = {
    "kills": kills,
    "freezes": freezes,
    "poison": poison,
    "signals": signals,
    "clocks": clocks,
    "database": database,
    "lines": lines,
    "hub": hub,
    "storage": storage,
    "services": services,
    "actions": actions,
    "two_operators": two_operators,
    "webhooks": webhooks,
    "imports": imports,
}
