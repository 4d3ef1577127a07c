"""Reading the versions of one kind."""

from __future__ import annotations

from itertools import chain
from typing import ClassVar

from fototui.db.events.session import TrackedAsyncSession
from fototui.domain.statuses import VersionType
from fototui.services.orders.details import read_details
from fototui.services.orders.refs import is_order, no_such_order
from fototui.services.views.versions import VersionView


class VersionReading:
    """Versions of one kind, as they stand.

    Args:
        session: A session with no transaction under way.
    """

    kind: ClassVar[VersionType]

    def __init__(self, session: TrackedAsyncSession) -> None:
        self.session = session

    async def list_for_order(self, order_ref: str) -> tuple[VersionView, ...]:
        """All versions of an order, in the order of books and pages, then by number.

        Args:
            order_ref: The order's number or ULID.

        Raises:
            NotFoundError: There is no such order.
        """
        orders = await read_details(self.session, is_order(order_ref))
        if not orders:
            raise no_such_order(order_ref)
        images = chain.from_iterable(order.images for order in orders)
        views = chain.from_iterable(image.coloring + image.svg for image in images)
        return tuple(view for view in views if view.kind is self.kind)
