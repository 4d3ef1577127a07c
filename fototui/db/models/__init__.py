"""All tables: orders with their pictures, versions and books, operations, what comes in.

Whoever imports one has them all: what goes through the lanes finds each lane's table by its name.
"""

from fototui.db.models import books, inbound, operations, orders

__all__ = ["books", "inbound", "operations", "orders"]
