"""Who else is in the app, and what they have open."""

from __future__ import annotations

import uuid
from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlalchemy import CTE, delete, func, select
from sqlalchemy.dialects.postgresql import insert
from ulid import ULID

from fototui.db.events.session import TrackedAsyncSession
from fototui.db.models.operations import Presence
from fototui.db.models.orders import Order
from fototui.domain.text import clean_line
from fototui.services.access import Access

SEEN_WITHIN = timedelta(seconds=20)
"""A terminal silent for longer is taken for closed: a few heartbeats."""

_FORGOTTEN_AFTER = timedelta(days=1)


@dataclass(frozen=True, slots=True)
class PresenceView:
    """An open terminal.

    Args:
        terminal_id: New at every start of the app.
        operator: Who sits at it.
        host: On which machine.
        since: When it was opened.
        screen: Which screen it shows.
        order_id: ULID of the order that it has open.
        order_number: That order's number.
    """

    terminal_id: uuid.UUID
    operator: str
    host: str
    since: datetime
    screen: str
    order_id: str | None
    order_number: str | None


class PresenceService:
    """Says that a terminal is open, and asks who else is there.

    Its statements stand alone and are no operator's commands: a read-only terminal says them
    too, in an autocommit session.

    Args:
        session: A session with no transaction under way.
        operator: Who sits at the terminal.
    """

    autocommit_access = Access.SIGNS

    def __init__(self, session: TrackedAsyncSession, *, operator: str) -> None:
        self.session = session
        self.operator = operator

    async def here(
        self, terminal_id: uuid.UUID, host: str, screen: str, order_id: str | None = None
    ) -> tuple[PresenceView, ...]:
        """Say that a terminal is open, and ask who else is there; in one round trip.

        Args:
            terminal_id: The terminal.
            host: Its machine.
            screen: The screen it shows.
            order_id: ULID of the order it has open.

        Returns:
            All other open terminals, by operator; seen lately by the database's clock.
        """
        state = {
            "operator": clean_line(self.operator),
            "host": clean_line(host),
            "screen": clean_line(screen),
            "order_id": None if order_id is None else ULID.from_str(order_id),
        }
        said = insert(Presence).values(terminal_id=terminal_id, **state)
        said = said.on_conflict_do_update(
            index_elements=[Presence.terminal_id], set_={**state, "seen_at": func.now()}
        ).add_cte(_clear_long_gone(terminal_id))
        others = (
            select(
                Presence.terminal_id,
                Presence.operator,
                Presence.host,
                Presence.since,
                Presence.screen,
                Presence.order_id,
                Order.order_number,
            )
            .outerjoin(Order, Order.id == Presence.order_id)
            .where(Presence.terminal_id != terminal_id, Presence.seen_at > func.now() - SEEN_WITHIN)
            .order_by(Presence.operator, Presence.since, Presence.terminal_id)
            .add_cte(said.cte("said"))
        )
        async with self.session.begin():
            rows = (await self.session.execute(others)).all()
        return tuple(
            PresenceView(
                terminal_id=row.terminal_id,
                operator=row.operator,
                host=row.host,
                since=row.since,
                screen=row.screen,
                order_id=None if row.order_id is None else str(row.order_id),
                order_number=row.order_number,
            )
            for row in rows
        )

    async def gone(self, terminal_id: uuid.UUID) -> None:
        """Say that a terminal is closed.

        Args:
            terminal_id: The terminal.
        """
        async with self.session.begin():
            await self.session.execute(delete(Presence).where(Presence.terminal_id == terminal_id))


def _clear_long_gone(but: uuid.UUID) -> CTE:
    """Clear away terminals that were killed, which say no good-bye.

    Each one that is alive does it in passing; whoever meets another at it leaves it to them.
    """
    long_gone = (
        select(Presence.terminal_id)
        .where(Presence.seen_at < func.now() - _FORGOTTEN_AFTER, Presence.terminal_id != but)
        .with_for_update(skip_locked=True)
    )
    return delete(Presence).where(Presence.terminal_id.in_(long_gone)).cte("cleared")
