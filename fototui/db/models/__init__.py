"""All tables: orders with their pictures, versions and books, operations, what comes in.

Whoever imports one has them all, each module of this folder: what goes through the lanes finds each
lane's table by its name.
"""

from importlib import import_module
from pkgutil import iter_modules

for _module in iter_modules(__path__):
    import_module(f"{__name__}.{_module.name}")
