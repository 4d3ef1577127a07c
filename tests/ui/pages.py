"""What an operator sees: tests ask here, and know nothing that a screen keeps to itself.

What this takes of Textual's own parts is taken here and nowhere else.
"""

from __future__ import annotations

import re
from typing import Any

from textual.app import App
from textual.widgets import Input, Static

from fototui.app import FototuiApp
from fototui.i18n import _
from fototui.screens.review.screen import ReviewScreen
from fototui.widgets.review_panel import ReviewPanel


# Any: an app's result, which no test asks for.
def messages(app: App[Any]) -> str:
    """All that the operator was told, each on a line; painted yet or not."""
    if isinstance(app, FototuiApp):
        return "\n".join(told.text for told in app.context.messages.entries)
    return "\n".join(note.message for note in app._notifications)


def lines(app: App[Any]) -> list[str]:
    """The screen's text as it was painted last, from top to bottom."""
    return [strip.text for strip in app.screen._compositor.render_strips()]


def suggestion(field: Input) -> str:
    """What a field would be completed to."""
    return field._suggestion


class ReviewPage:
    """The review, wherever it stands among the open screens; of orders that have one book each."""

    def __init__(self, app: FototuiApp) -> None:
        self.app = app

    @property
    def screen(self) -> ReviewScreen:
        """The screen itself."""
        (screen,) = (s for s in self.app.screen_stack if isinstance(s, ReviewScreen))
        return screen

    def words(self, name: str) -> str:
        """What a part of it says."""
        return str(self.screen.query_one(f"#{name}", Static).render())

    @property
    def is_ready(self) -> bool:
        """Its keys do something, and what they are about can be seen."""
        if not self.screen.is_mounted or self.screen.query_one(ReviewPanel).is_loading:
            return False
        return self.screen.reason_against("review.skip") is None

    @property
    def is_empty(self) -> bool:
        """No picture waits for this operator, and none is looked for just now."""
        words = _("No picture is waiting for you.")
        if not self.screen.is_mounted or words not in self.words("empty"):
            return False
        return self.screen.reason_against("review.skip") == words

    @property
    def is_over(self) -> bool:
        """No picture waits, and no other operator looks at one."""
        return self.is_empty and "looking at" not in self.words("empty")

    @property
    def shown(self) -> int | None:
        """The image that can be judged."""
        if not self.is_ready:
            return None
        about = self.words("order")
        number = about.split()[0]
        place = re.search(_("picture {number}").format(number=r"(\d+)"), about)
        assert place is not None, about
        rows = self.app.store.orders.values()
        found = (row.images for row in rows if row.number == number)
        return next((images[int(place[1]) - 1].image_id for images in found), None)

    def shows(self, image_id: int) -> bool:
        """Whether this image can be judged now."""
        return self.shown == image_id
