"""The number of orders, which triggers keep, and what a restored dump may have done to it.

Where data alone is restored into tables that have their triggers (`pg_restore --data-only`), orders
are counted as they come, and the dump's own count comes besides.
"""

from sqlalchemy import Connection, text

from fototui.db.errors import SchemaError

# Read at one moment, both change together; so what is missing is right whatever goes on meanwhile.
_MISSING = """
SELECT (SELECT count(*) FROM orders) - (SELECT coalesce(sum(orders), 0)::bigint FROM order_counts)
"""
_IS_KEPT = "SELECT to_regclass('order_counts') IS NOT NULL"
_ADD = (
    "INSERT INTO order_counts (orders) SELECT missing FROM ({}) AS of(missing) WHERE missing <> 0"
)


def mend_count(connection: Connection) -> None:
    """Count the orders anew, where the schema keeps their number.

    Args:
        connection: To the database.
    """
    if connection.scalar(text(_IS_KEPT)):
        connection.execute(text(_ADD.format(_MISSING)))


def require_count(connection: Connection) -> None:
    """Hold the number that is kept against the orders.

    Args:
        connection: To the database.

    Raises:
        SchemaError: It is another.
    """
    if missing := connection.scalar(text(_MISSING)):
        raise SchemaError(
            "The number of orders that is kept is wrong by {count}, as after restoring data alone. "
            "Count them anew: fototui db upgrade",
            count=abs(missing),
        )
