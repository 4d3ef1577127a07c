"""How a status looks: one sign and one colour each, so that it is told without colour too."""

from __future__ import annotations

from enum import Enum
from functools import cache

from textual.content import Content

from fototui.domain.flags import Colour, ProcessingStatusEnum
from fototui.i18n import _

# Textual 8.2 shows "$text-muted" in a Content without its paleness, and "$foreground-muted" black
# where a theme takes the terminal's own colours.
MUTED = "dim"
"""Style for what is of less weight, in every theme."""

_COLOURS = {
    Colour.GREY: MUTED,
    Colour.BLUE: "$primary",
    Colour.YELLOW: "$warning",
    Colour.GREEN: "$success",
    Colour.RED: "$error",
    Colour.ORANGE: "$accent",
    Colour.PURPLE: "$secondary",
}


class Badge(Enum):
    """What a badge tells of a version: its sign, and its sign for fonts without that one."""

    NONE = "·", "."
    WAITING = "○", "-"
    RUNNING = "◐", "o"
    COMPLETED = "●", "O"
    ERROR = "✗", "x"
    CANCELLED = "⊘", "/"

    @property
    def is_active(self) -> bool:
        """Something is being done, or waits to be."""
        return self is Badge.WAITING or self is Badge.RUNNING

    @classmethod
    def of(cls, status: ProcessingStatusEnum | None) -> Badge:
        """The badge of a status, read from its flags.

        Args:
            status: A version's status; None where there is no version.
        """
        return _badge_of(status)


@cache  # lists of 100,000 orders are sorted into tabs by it
def _badge_of(status: ProcessingStatusEnum | None) -> Badge:
    if status is None:
        return Badge.NONE
    if status.meta.is_final:
        if not status.meta.is_retryable:
            return Badge.COMPLETED
        return Badge.ERROR if status == "error" else Badge.CANCELLED
    return Badge.WAITING if status.meta.is_startable else Badge.RUNNING


def status_colour(colour: Colour) -> str:
    """The style in which a status's colour is shown.

    Args:
        colour: The colour of a status.

    Returns:
        A style for `Content`: a theme variable such as "$success", or `MUTED`.
    """
    return _COLOURS[colour]


def badge(
    status: ProcessingStatusEnum | None,
    ascii: bool = False,  # noqa: A002, FBT001, FBT002 - the word that the settings use
) -> tuple[str, str]:
    """The sign of a version and the style to show it in.

    Args:
        status: The version's status; None where there is none.
        ascii: Use the signs that every font has.

    Returns:
        One character, and a style for `Content`.
    """
    signs: tuple[str, str] = Badge.of(status).value
    style = MUTED if status is None else status_colour(status.meta.colour)
    return signs[ascii], style


def badge_in_words(
    status: ProcessingStatusEnum | None,
    ascii: bool = False,  # noqa: A002, FBT001, FBT002 - as above
) -> Content:
    """A badge with its status's label, for where there is room.

    Args:
        status: The version's status; None where there is none.
        ascii: Use the signs that every font has.
    """
    sign, style = badge(status, ascii)
    words = _("none yet") if status is None else _(status.meta.display)
    return Content.styled(f"{sign} {words}", style)
