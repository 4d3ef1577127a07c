"""What the review says where no picture is left: why, what was judged, and where that led."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from textual.content import Content

from fototui.domain.badges import Badge
from fototui.domain.stages import Stage
from fototui.i18n import N_, _, ngettext, translate
from fototui.services.views.orders import OrderRow
from fototui.ui.judged import Judged, Judgement
from fototui.widgets.badges import sign, status_colour

_NAMES = {
    Judgement.APPROVED: N_("Approved"),
    Judgement.AGAIN: N_("Asked for again"),
    Judgement.ASIDE: N_("Set aside"),
}
_BADGES = {
    Judgement.APPROVED: Badge.APPROVED,
    Judgement.AGAIN: Badge.RUNNING,
    Judgement.ASIDE: Badge.CANCELLED,
}


@dataclass(frozen=True, slots=True)
class Left:
    """What waits though nothing is shown.

    Args:
        wanted: Pictures that others are looking at.
        elsewhere: Pictures that the filter keeps out.
    """

    wanted: int = 0
    elsewhere: int = 0


def why_nothing(left: Left) -> Iterator[Content]:
    """Say that no picture is left for this operator, and why.

    Args:
        left: What waits all the same.
    """
    yield Content.styled(_("No picture is waiting for you."), "bold")
    if left.wanted:
        words = ngettext(
            "Another operator is looking at the last one.",
            "Other operators are looking at the last {count}.",
            left.wanted,
        )
        yield Content(words.format(count=left.wanted))
    if left.elsewhere:
        words = ngettext(
            "{count} more picture waits that the filter keeps out.",
            "{count} more pictures wait that the filter keeps out.",
            left.elsewhere,
        )
        yield Content(words.format(count=left.elsewhere))


def summary(judged: Judged, rows: Sequence[OrderRow], *, plain: bool) -> Iterator[Content]:
    """Say what was judged here, and what its orders want next.

    Args:
        judged: What was judged.
        rows: Its orders as they stand now.
        plain: Use the signs that every font has.
    """
    counts, stages = judged.counts, Counter(row.stage.stage for row in rows)
    made = [
        (Content.assemble(sign(_BADGES[judgement], plain), f" {_(_NAMES[judgement])}"), count)
        for judgement in Judgement
        if (count := counts[judgement])
    ]
    led_to = [
        (Content.styled(translate(stage.label), status_colour(stage.colour)), count)
        for stage in Stage
        if (count := stages[stage])
    ]
    if not made:
        return
    orders = ngettext("{count} order, now:", "{count} orders, now:", len(rows))
    heads = (_("Judged here:"), orders.format(count=len(rows)))
    width = 4 + max(Content(head).cell_length for head in heads)
    width = max(width, *(name.cell_length + 6 for name, _count in (*made, *led_to)))
    for head, lines in zip(heads, (made, led_to), strict=True):
        if lines:
            yield Content()
            yield Content.styled(head, "bold").pad_right(width - Content(head).cell_length)
        for name, count in lines:
            gap = " " * (width - name.cell_length - len(str(count)))
            yield Content.assemble(name, gap, (str(count), "bold"))
