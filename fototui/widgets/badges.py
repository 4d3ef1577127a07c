"""How a status looks: one sign and one colour each, so that it is told without colour too."""

from __future__ import annotations

from textual.content import Content

from fototui.domain.badges import Badge
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
