"""The end of a review: what was judged here, and the key that takes its orders on."""

from __future__ import annotations

from textual.content import Content

from fototui.domain.stages import Step
from fototui.domain.stages import next_step as step_of
from fototui.i18n import _
from fototui.screens.base import FototuiScreen
from fototui.screens.orders import next_step
from fototui.services.views.orders import OrderRow
from fototui.ui.commands import Command
from fototui.widgets.badges import MUTED
from fototui.widgets.review_summary import Left, summary, why_nothing


def _judged(screen: FototuiScreen) -> list[OrderRow]:
    """The orders of which pictures were judged here, as they stand now."""
    orders = screen.context.store.orders
    return [orders[order_id] for order_id in screen.context.judged.order_ids if order_id in orders]


def _ready(screen: FototuiScreen) -> list[OrderRow]:
    """Those that can be taken on; what is to be reviewed yet is done here."""
    return [row for row in _judged(screen) if step_of(row) not in (None, Step.REVIEW)]


def ending(screen: FototuiScreen, left: Left) -> Content:
    """What to say where no picture is left.

    Args:
        screen: The review.
        left: What waits all the same.
    """
    plain = screen.context.settings.ascii_badges
    lines = [*why_nothing(left)]
    told = [*summary(screen.context.judged, _judged(screen), plain=plain)]
    if ready := _ready(screen):
        words = next_step.tooltip(ready) or _("The next step of these orders.")
        key = screen.key_of("review.next_step")
        told += [Content(), Content.assemble((key, "bold $accent"), f"  {words}")]
    if told:
        lines += [*told, Content()]
    lines.append(Content.styled(_("New ones will appear here."), MUTED))
    return Content("\n").join(lines)


def next_step_of(screen: FototuiScreen) -> Command:
    """The command that takes the orders on that were judged here.

    Args:
        screen: The review.
    """

    def take_on() -> None:
        ready = _ready(screen)
        screen.perform(
            lambda: next_step.take_on(screen.app, screen.context, ready, lambda *_told: None),
            lambda words: words,
        )

    def why_not() -> str | None:
        is_any = bool(_ready(screen))
        return None if is_any else _("No order that was judged here has a next step now.")

    return Command(
        take_on,
        why_not,
        label=lambda: next_step.label(_ready(screen)),
        tooltip=lambda: next_step.tooltip(_ready(screen)),
    )
