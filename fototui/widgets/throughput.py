"""What the engines got done in the last hour: two sparklines with their sums."""

from __future__ import annotations

from textual.content import Content
from textual.widget import Widget

from fototui.i18n import _
from fototui.services.views.operations import Throughput
from fototui.widgets.badges import MUTED
from fototui.widgets.sparkline import sparkline

_SUM = 6


class ThroughputChart(Widget):
    """Completed and failed versions a minute, on one scale.

    Args:
        ascii_signs: Use the signs that every font has.
    """

    DEFAULT_CSS = "ThroughputChart { height: auto; min-height: 2; }"

    def __init__(self, *, ascii_signs: bool = False) -> None:
        super().__init__(id="throughput")
        self._ascii = ascii_signs
        self._throughput: Throughput | None = None

    def show(self, throughput: Throughput) -> None:
        """Show other numbers."""
        if throughput != self._throughput:
            self._throughput = throughput
            self.refresh()

    def render(self) -> Content:
        """Draw both lines."""
        if self._throughput is None:
            return Content("\n")
        completed, failed = self._throughput.completed, self._throughput.failed
        top = max(*completed, *failed)
        words = [_("completed"), _("failed")]
        widest = max(len(word) for word in words)
        room = self.size.width - widest - _SUM - 5
        lines = []
        for word, values, style in zip(
            words, (completed, failed), ("$primary", "$error"), strict=True
        ):
            total = sum(values)
            bars = sparkline(values, room, style=style, top=top, ascii_signs=self._ascii)
            lines.append(
                Content.assemble(
                    "  ",
                    (word.ljust(widest), MUTED),
                    (f"{total:>{_SUM}}", style if total else MUTED),
                    "  ",
                    bars,
                )
            )
        return Content("\n").join(lines)
