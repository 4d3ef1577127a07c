"""What was paid today and this month, in a line."""

from __future__ import annotations

from textual.content import Content
from textual.widget import Widget

from fototui.domain.costs import Prices, told
from fototui.i18n import _, translate
from fototui.services.costs.service import Overview
from fototui.widgets.badges import MUTED


class CostLine(Widget):
    """Hidden where nothing was paid this month.

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

    def show(self, overview: Overview) -> None:
        """Show other sums."""
        if overview != self._overview:
            self._overview = overview
            self.set_class(bool(overview.month.total), "-paid")
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
        return Content.styled(words, MUTED)
