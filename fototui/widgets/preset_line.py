"""Options by a name, in a line that is gone to by the arrows: what they do, take and cost."""

from __future__ import annotations

from textual.content import Content
from textual.events import Click
from textual.message import Message
from textual.widget import Widget

from fototui.domain.costs import Prices
from fototui.domain.options import ColoringOptions, Preset, SvgOptions
from fototui.i18n import _, translate
from fototui.services.versions.lately import Taken
from fototui.widgets.badges import MUTED
from fototui.widgets.tables.job_rows import duration
from fototui.widgets.version_words import options_words


def taken_words(taken: Taken | None, prices: Prices) -> str:
    """How long such a version took lately, and what it cost.

    Args:
        taken: What is known; None where nothing is.
        prices: What outside services charge.
    """
    if taken is None:
        return _("not made lately")
    words = _("lately {duration}").format(duration=duration(taken.seconds))
    if prices.cost(taken.spent) or taken.spent.credits:
        words += f", {translate(prices.told(taken.spent))}"
    return words


class PresetLine(Widget, can_focus=True):
    """One preset. Enter makes a version with it, a click puts it into the fields.

    Args:
        preset: The preset.
        taken: What it took lately; None where that is not known.
        prices: What outside services charge.
    """

    DEFAULT_CSS = """
    PresetLine { height: auto; width: 100%; }
    PresetLine:focus { background: $primary 30%; text-style: bold; }
    """

    class Picked(Message):
        """It was clicked.

        Args:
            options: Its options.
        """

        def __init__(self, options: ColoringOptions | SvgOptions) -> None:
            super().__init__()
            self.options = options

    def __init__(self, preset: Preset, taken: Taken | None, prices: Prices) -> None:
        super().__init__()
        self.preset = preset
        self._taken = taken
        self._prices = prices

    def render(self) -> Content:
        """Its name, its options and what they took; below them what it does."""
        label = Content.styled(translate(self.preset.label), "$accent")
        about = "" if self.preset.about is None else f" – {translate(self.preset.about)}"
        words = f"{options_words(self.preset.options)} · {taken_words(self._taken, self._prices)}"
        return Content.assemble(label, (about, MUTED), f"\n  {words}")

    def on_click(self, event: Click) -> None:
        """Show what it is."""
        event.stop()
        self.post_message(self.Picked(self.preset.options))
