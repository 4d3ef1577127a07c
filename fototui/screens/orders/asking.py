"""Marking orders as waiting for their customers, from the screens."""

from __future__ import annotations

from collections.abc import Sequence

from textual.app import App

from fototui.domain.text import clean_line
from fototui.i18n import _, ngettext
from fototui.screens.dialogs import AskText
from fototui.services.asking import AskingService
from fototui.services.backend import Backend
from fototui.services.views.orders import OrderDetail, OrderRow


async def turn_waiting(
    app: App[object], backend: Backend, orders: Sequence[OrderRow | OrderDetail]
) -> str | None:
    """Mark orders as waiting for their customers, with a note; where all are, take it away.

    Args:
        app: The app.
        backend: The services.
        orders: The orders, as the operator sees them.

    Returns:
        What was done, in words; None where the operator thought better of it.

    Raises:
        FototuiError: What the service raises; none was changed.
    """
    ids = [order.id for order in orders]
    if all(order.customer_note is not None for order in orders):
        async with backend.transaction(AskingService) as service:
            report = await service.answered(ids)
        numbers = report.changed or report.unchanged
        if len(numbers) == 1:
            words = _("{number} no longer waits for the customer.")
            return words.format(number=clean_line(numbers[0]))
        words = ngettext(
            "{count} order no longer waits for the customer.",
            "{count} orders no longer wait for their customers.",
            len(numbers),
        )
        return words.format(count=len(numbers))
    note = await app.push_screen_wait(AskText(_("What does the order wait for from the customer?")))
    if note is None:
        return None
    async with backend.transaction(AskingService) as service:
        report = await service.ask(ids, note)
    numbers = report.changed or report.unchanged
    if len(numbers) == 1:
        return _("{number} waits for the customer.").format(number=clean_line(numbers[0]))
    words = ngettext(
        "{count} order waits for the customer.",
        "{count} orders wait for their customers.",
        len(numbers),
    )
    return words.format(count=len(numbers))
