"""All tables: orders with their pictures, versions, books and reviews, operations, what comes in.

Whoever imports one has those of all jobs and of what events tell of: each module of this folder
but a few. What goes through the lanes finds each lane's table by its name. The few are many
columns that most commands never ask for, and making them takes longer than a statement.
"""

from importlib import import_module
from pkgutil import iter_modules

_APART = frozenset({"costs", "inbound", "many", "operations"})
"""Modules that are loaded by who uses them."""

_NAMES = frozenset(module.name for module in iter_modules(__path__))


def load_all() -> None:
    """Have all tables, for who speaks of the schema as a whole."""
    for name in sorted(_NAMES):
        import_module(f"{__name__}.{name}")


for _name in sorted(_NAMES - _APART):
    import_module(f"{__name__}.{_name}")
