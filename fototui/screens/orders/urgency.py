"""Putting orders first from the screens, and back among the others."""

from __future__ import annotations

from collections.abc import Sequence

from fototui.domain.text import clean_line
from fototui.i18n import _, ngettext
from fototui.services.backend import Backend
from fototui.services.orders.marking import MarkReport
from fototui.services.urgency import UrgencyService
from fototui.services.views.orders import OrderDetail, OrderRow


async def turn_urgency(backend: Backend, orders: Sequence[OrderRow | OrderDetail]) -> str:
    """Put orders first; where all of them are, let them take turns with others again.

    Args:
        backend: The services.
        orders: The orders, as the operator sees them.

    Returns:
        What was done, in words.

    Raises:
        NotFoundError: One of them is gone; none was changed.
        RecordLockedError: Someone else kept one locked; none was changed.
    """
    urgent = not all(order.urgent for order in orders)
    async with backend.transaction(UrgencyService) as service:
        report = await service.set_urgent([order.id for order in orders], urgent=urgent)
    return _first(report) if urgent else _no_longer_first(report)


def _first(report: MarkReport) -> str:
    numbers = report.changed or report.unchanged
    if len(numbers) == 1:
        return _("{number} is first now.").format(number=clean_line(numbers[0]))
    return ngettext(
        "{count} order is first now.", "{count} orders are first now.", len(numbers)
    ).format(count=len(numbers))


def _no_longer_first(report: MarkReport) -> str:
    numbers = report.changed or report.unchanged
    if len(numbers) == 1:
        number = clean_line(numbers[0])
        return _("{number} takes turns with others again.").format(number=number)
    return ngettext(
        "{count} order takes turns with others again.",
        "{count} orders take turns with others again.",
        len(numbers),
    ).format(count=len(numbers))
