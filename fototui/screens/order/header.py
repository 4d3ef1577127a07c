"""What the order screen says about an order, in words."""

from __future__ import annotations

from datetime import tzinfo

from textual.content import Content

from fototui.domain.costs import Prices, told
from fototui.domain.stages import OrderStage
from fototui.domain.text import clean_line
from fototui.i18n import _, full_time, translate
from fototui.screens.order.selection import Selection
from fototui.services.views.orders import OrderDetail
from fototui.widgets.badges import MUTED
from fototui.widgets.tables.order_columns import payment_label, stage_label, status_label


def about(
    detail: OrderDetail | None,
    missing: str,
    zone: tzinfo,
    *,
    stage: OrderStage | None,
    prices: Prices,
) -> Content:
    """An order in a line.

    Args:
        detail: The order.
        missing: What to say where there is none.
        zone: In which times are shown.
        stage: What it wants next, once that is known.
        prices: What outside services charge.
    """
    if detail is None:
        return Content.styled(missing, MUTED)
    parts = [
        Content.styled(clean_line(detail.customer_name or "–", limit=80), "bold"),
        Content.styled(_("First") if detail.urgent else "", "bold $warning"),
        Content() if stage is None else stage_label(stage),
        Content.styled(waits_for(detail), "$warning"),
        payment_label(detail.payment_status),
        Content.styled(full_time(detail.created_at, zone), MUTED),
        Content.assemble((_("Shop status"), MUTED), " ") + status_label(detail.status),
        Content.styled(clean_line(detail.customer_email or "", limit=80), MUTED),
        Content.styled(clean_line(detail.shipping_method or "", limit=80), MUTED),
        Content.styled(_cost(detail, prices), MUTED),
    ]
    return Content("  ").join(part for part in parts if part.plain)


def waits_for(detail: OrderDetail) -> str:
    """What an order waits for from its customer; empty where it does not."""
    if detail.customer_note is None:
        return ""
    if note := clean_line(detail.customer_note, limit=300):
        return _("Waits for the customer: {note}").format(note=note)
    return _("Waits for the customer")


def _cost(detail: OrderDetail, prices: Prices) -> str:
    """What was paid for an order; empty where nothing was."""
    if not detail.costs.total:
        return ""
    return _("Cost: {cost}").format(cost=translate(told(detail.costs, prices)))


def why_failed(detail: OrderDetail | None) -> str:
    """Why an order failed, waits, or came back; empty where there is nothing to tell."""
    reason = None if detail is None else detail.error or detail.reopened
    return "" if reason is None else clean_line(translate(reason), limit=400)


def no_picture(selection: Selection, missing: str) -> str:
    """Why no picture is shown.

    Args:
        selection: What is looked at.
        missing: What to say where there is no order.
    """
    if selection.detail is None:
        return missing
    if selection.image is None:
        return _("The order has no photo yet.")
    if selection.image.error is not None:
        return translate(selection.image.error)
    return _("The photo is not in storage yet.")
