"""How a status looks: one sign and one colour each, so that it is told without colour too."""

from __future__ import annotations

from collections.abc import Iterator

from textual.content import Content

from fototui.domain.badges import Badge
from fototui.domain.flags import Colour, ProcessingStatusEnum
from fototui.i18n import N_, _

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


# One meaning a colour: green is what an operator chose, orange what waits for one. What goes its
# way is quiet.
_STYLES = {
    Badge.NONE: MUTED,
    Badge.WAITING: MUTED,
    Badge.RUNNING: "$primary",
    Badge.MADE: "$accent",
    Badge.APPROVED: "$success",
    Badge.OUT_OF_DATE: "$warning",
    Badge.ERROR: "$error",
    Badge.CANCELLED: MUTED,
}
_WORDS = {
    Badge.NONE: N_("none yet"),
    Badge.WAITING: N_("waits"),
    Badge.RUNNING: N_("being made"),
    Badge.MADE: N_("made, not judged yet"),
    Badge.APPROVED: N_("approved"),
    Badge.OUT_OF_DATE: N_("out of date"),
    Badge.ERROR: N_("failed"),
    Badge.CANCELLED: N_("was cancelled"),
}
# Of these the badge says more than the status.
_TELLING = frozenset({Badge.NONE, Badge.APPROVED, Badge.OUT_OF_DATE})


def sign(
    badge: Badge,
    ascii: bool = False,  # noqa: A002, FBT001, FBT002 - the word that the settings use
) -> tuple[str, str]:
    """The sign of a version and the style to show it in.

    Args:
        badge: What it tells.
        ascii: Use the signs that every font has.

    Returns:
        One character, and a style for `Content`.
    """
    signs: tuple[str, str] = badge.value
    return signs[ascii], _STYLES[badge]


def badge_in_words(
    status: ProcessingStatusEnum | None,
    ascii: bool = False,  # noqa: A002, FBT001, FBT002 - as above
    *,
    badge: Badge | None = None,
) -> Content:
    """A badge in words, for where there is room.

    Args:
        status: The version's status; None where there is none.
        ascii: Use the signs that every font has.
        badge: Its badge, where one knows more than its status.
    """
    badge = badge or Badge.of(status)
    shown, style = sign(badge, ascii)
    words = _WORDS[badge] if status is None or badge in _TELLING else status.meta.display
    return Content.styled(f"{shown} {_(words)}", style)


def legend(ascii: bool = False) -> Iterator[Content]:  # noqa: A002, FBT001, FBT002 - as above
    """Every sign with its meaning.

    Args:
        ascii: Use the signs that every font has.
    """
    for badge in Badge:
        yield Content.assemble(sign(badge, ascii), f" {_(_WORDS[badge])}")


def narrow_legend(width: int, ascii: bool = False) -> Content:  # noqa: A002, FBT001, FBT002 - as above
    """Every sign with its meaning, as many in a line as a narrow place has room for.

    Args:
        width: Cells there are.
        ascii: Use the signs that every font has.
    """
    lines: list[Content] = []
    for meaning in legend(ascii):
        if lines and lines[-1].cell_length + len(_BETWEEN) + meaning.cell_length <= width:
            lines[-1] = Content(_BETWEEN).join([lines[-1], meaning])
        else:
            lines.append(meaning)
    return Content("\n").join(lines)


_BETWEEN = "  "
