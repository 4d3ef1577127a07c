"""What was paid today and this month, and what failed today, in a line."""

from __future__ import annotations

import re
from collections.abc import Iterator

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
            self.set_class(overview.month.total.is_paid or failed > 0, "-paid")
            self.refresh()

    def render(self) -> Content:
        """Say as much as there is room for: today before the month, sums before what was wasted."""
        if self._overview is None:
            return Content()
        failures = ngettext("{count} failure", "{count} failures", self._failed).format(
            count=self._failed
        )
        failed = (failures,) if self._failed else ()
        ways = [Content.styled(words, MUTED) for words in self._ways(self._overview, failed)]
        room = self.content_size.width
        words = next((words for words in ways if words.cell_length <= room), ways[-1])
        return words.highlight_regex(re.escape(failures), style="$error") if failed else words

    def _ways(self, overview: Overview, failed: tuple[str, ...]) -> Iterator[str]:
        """What can be said, from the most to the least."""
        if not overview.month.total.is_paid:
            yield _("Today {today}").format(today=", ".join(failed))
            return
        (today, total), (month, month_total) = (
            (translate(told(costs, self._prices)), translate(self._prices.told(costs.total)))
            for costs in (overview.today, overview.month)
        )
        paid = overview.today.total.is_paid or not failed
        all_today, sum_today = (
            ", ".join([*failed, *([words] if paid else [])]) for words in (today, total)
        )
        both = _("Today {today} · this month {month}")
        yield both.format(today=all_today, month=month)
        yield both.format(today=all_today, month=month_total)
        yield _("Today {today}").format(today=all_today)
        yield both.format(today=sum_today, month=month_total)
        yield _("Today {today}").format(today=sum_today)
