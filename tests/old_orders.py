"""A shop with more orders than a terminal holds."""

from __future__ import annotations

from sqlalchemy import text

from fototui.db.database import Database


async def add_old_orders(
    database: Database, count: int, *, days: int = 100, first: int = 1
) -> None:
    """Add orders that were done long ago, numbered one by one; the last is the newest of them.

    Args:
        database: The database.
        count: How many.
        days: So long ago the newest was placed; the others an hour before each.
        first: The oldest one's number.
    """
    async with database.autocommit() as session:
        await session.execute(
            text("""
                INSERT INTO orders (id, order_number, customer_name, status, created_at, updated_at,
                                    finished_at, finished_by)
                SELECT gen_random_uuid(), '#' || number, 'Customer ' || number, 'ready_for_review',
                       at, at, at + interval '1 hour', 'jana'
                FROM generate_series(1, :count) n,
                     LATERAL (SELECT now() - interval '1 day' * :days
                              - interval '1 hour' * (:count - n) AS at,
                              :first + n - 1 AS number)"""),
            {"count": count, "days": days, "first": first},
        )
