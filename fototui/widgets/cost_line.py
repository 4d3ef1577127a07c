"""What was paid today and this month, and what failed today, in a line."""

from __future__ import annotations

from textual.content import Content
from textual.widget import Widget

from fototui.domain.costs import Prices, told
from fototui.i18n import _, ngettext, translate
from fototui.services.costs.service import Overview
from fototui.widgets.badges import MUTED


class CostLine(Widget):
    """Hidden where nothing was paid this month, and nothing failed today.

    Args:
        prices: What outside services charge.
    """

    DEFAULT_CSS = """
    CostLine { height: 1; padding: 0 2; display: none; }
    CostLine.-paid { display: block; }
    """

    def __init__(self, prices: Prices) -> None:
        super().__init__(id="costs")
        self._prices = prices
        self._overview: Overview | None = None
        self._failed = 0

    def show(self, overview: Overview, failed: int) -> None:
        """Show other sums, and how many jobs failed today."""
        if (overview, failed) != (self._overview, self._failed):
            self._overview, self._failed = overview, failed
            self.set_class(bool(overview.month.total) or failed > 0, "-paid")
            self.refresh()

    def render(self) -> Content:
        """Say both sums, and what of them was wasted."""
        if self._overview is None:
            return Content()
        today, month = (
            translate(told(costs, self._prices))
            for costs in (self._overview.today, self._overview.month)
        )
        words = _("Today {today} · this month {month}").format(today=today, month=month)
        if not self._failed:
            return Content.styled(words, MUTED)
        failures = ngettext("{count} failure today", "{count} failures today", self._failed)
        shown = (failures.format(count=self._failed), "$error")
        return Content.assemble(shown, (f" · {words}", MUTED) if self._overview.month.total else "")
