"""The columns of the order table: what each shows, and how wide it may be."""

from __future__ import annotations

import unicodedata
from collections.abc import Callable, Sequence, Set
from dataclasses import dataclass
from datetime import tzinfo

from textual.content import Content

from fototui.domain.flags import Colour
from fototui.domain.stages import OrderStage, Stage
from fototui.domain.statuses import OrderStatus, PaymentStatus, VersionType
from fototui.domain.text import clean_line
from fototui.i18n import N_, _, short_time, translate
from fototui.live.order_list import Sort
from fototui.services.views.orders import ImageBadges, OrderRow
from fototui.widgets.badges import MUTED, sign, status_colour

_FIRST, _ASKED, _WARNING = " !", " ?", "bold $warning"

Glow = Set[tuple[int, VersionType]]
"""Badges that changed a moment ago: image and kind."""


@dataclass(frozen=True, slots=True)
class Paint:
    """What a cell needs to know besides its order.

    Args:
        zone: In which times are shown.
        ascii: Use the badges that every font has.
        glow: Badges of this order that just changed.
    """

    zone: tzinfo
    ascii: bool = False
    glow: Glow = frozenset()


@dataclass(frozen=True, slots=True)
class Column:
    """One column.

    Args:
        title: Its heading; to be translated.
        cell: Shows an order in a width of so many cells.
        least: Least width in cells; where there is less room, the column folds away.
        good: Width in which little is shortened.
        most: Width above which it gains nothing.
        keep: Columns with the lowest number fold away last, and come to their good width first.
        sort: What a click on its heading sorts by.
        right: Its cells stand at the right end.
        in_pane: The side pane tells as much; beside it the column comes last.
    """

    title: str
    cell: Callable[[OrderRow, int, Paint], Content]
    least: int
    good: int
    most: int
    keep: int
    sort: Sort | None = None
    right: bool = False
    in_pane: bool = False


def cell_text(text: str) -> str:
    """A stranger's text for a table: one line, of characters that all terminals measure alike.

    Joined emoji are taken apart, and marks that make a character wider or coloured are left out:
    terminals disagree on their width, and one cell too many moves the rest of the row.

    Args:
        text: Any text.
    """
    text = clean_line(text, limit=200)
    if text.isascii():
        return text
    return "".join(_plain(c) for c in unicodedata.normalize("NFC", text))


_FLAG_LETTERS = range(0x1F1E6, 0x1F200)
_SKIN_TONES = range(0x1F3FB, 0x1F400)


def _plain(character: str) -> str:
    code = ord(character)
    if code in _FLAG_LETTERS:
        return chr(code - _FLAG_LETTERS.start + ord("A"))
    if code in _SKIN_TONES or unicodedata.category(character) in _WIDTHLESS:
        return ""
    return character


# Format characters, marks that stand on other characters, and what Unicode does not define. What
# composes with its letter (ř) was composed before.
_WIDTHLESS = frozenset({"Cc", "Cf", "Cn", "Co", "Cs", "Me", "Mn"})


# --- cells -------------------------------------------------------------------------------------


def _number(row: OrderRow, width: int, _paint: Paint) -> Content:
    number = Content.styled(cell_text(row.number), "bold")
    marks = (_ASKED if row.customer_note is not None else "") + (_FIRST if row.urgent else "")
    if not marks:
        return number
    # Told also where the number is too long for its column.
    return Content.assemble(number.truncate(width - len(marks), ellipsis=True), (marks, _WARNING))


def _received(row: OrderRow, _width: int, paint: Paint) -> Content:
    return Content.styled(short_time(row.created_at, paint.zone), MUTED)


def _customer(row: OrderRow, _width: int, _paint: Paint) -> Content:
    return Content(cell_text(row.customer_name or row.customer_email or "–"))


def _items(row: OrderRow, _width: int, _paint: Paint) -> Content:
    return Content(str(row.items))


def payment_label(value: str | None) -> Content:
    """A payment status in words, loud where it is not paid.

    One that Shopify invented since is shown as it is.

    Args:
        value: As Shopify calls it.
    """
    if not value:
        return Content.styled("–", MUTED)
    known = _PAYMENTS.get(value)
    if known is None:
        return Content(cell_text(value))
    # Paid is the rule and quiet; what is not is what an operator has to see.
    quiet = status_colour(known.colour)
    return Content.styled(_(known.display), quiet if quiet == MUTED else f"bold {quiet}")


_PAYMENTS = {str(payment): payment for payment in PaymentStatus}


def _payment(row: OrderRow, _width: int, _paint: Paint) -> Content:
    return payment_label(row.payment_status)


def _stage(row: OrderRow, width: int, _paint: Paint) -> Content:
    stage = row.stage
    label = stage_label(stage, width=width)
    if row.error is None or stage.stage not in _TELLING:
        return label
    return Content.assemble(label, (f": {cell_text(translate(row.error))}", MUTED))


_TELLING = (Stage.COMING_IN, Stage.ERROR)
"""Stages that an order's own reason speaks of."""


def stage_label(stage: OrderStage, *, width: int = 40) -> Content:
    """What an order wants next, in words.

    Args:
        stage: The order's stage; its count is left out where there is no room.
        width: Cells there are.
    """
    label = Content.styled(translate(stage.stage.label), status_colour(stage.stage.colour))
    if not stage.count:
        return label
    counted = Content.assemble(label, f" {stage.count}")
    return counted if counted.cell_length <= width else label


def status_label(status: OrderStatus) -> Content:
    """The shop's own status of an order in words.

    Args:
        status: The order's.
    """
    # Ready is the rule, and not what somebody approved.
    colour = Colour.GREY if status.meta.colour is Colour.GREEN else status.meta.colour
    return Content.styled(_(status.meta.display), status_colour(colour))


def _badges(kind: VersionType) -> Callable[[OrderRow, int, Paint], Content]:
    def cell(row: OrderRow, width: int, paint: Paint) -> Content:
        count, more = len(row.images), ""
        while count + len(more) > width and count:
            count -= 1
            more = f"+{len(row.images) - count}"
        signs = [_sign(image, kind, paint) for image in row.images[:count]]
        return Content.assemble(*signs, (more, MUTED))

    return cell


def _sign(image: ImageBadges, kind: VersionType, paint: Paint) -> tuple[str, str]:
    shown, style = sign(image.badge(kind), paint.ascii)
    return shown, f"bold reverse {style}" if (image.image_id, kind) in paint.glow else style


COLUMNS: tuple[Column, ...] = (
    Column(N_("Number"), _number, 8, 8, 10, 0, Sort.NUMBER),
    Column(N_("Received"), _received, 12, 12, 12, 5, Sort.CREATED, in_pane=True),
    Column(N_("Customer"), _customer, 12, 20, 40, 3, Sort.CUSTOMER),
    Column(N_("Books"), _items, 5, 5, 5, 7, right=True, in_pane=True),
    Column(N_("Payment"), _payment, 9, 15, 18, 6, Sort.PAYMENT),
    Column(N_("Stage"), _stage, 14, 15, 28, 4, Sort.STAGE),
    Column(N_("Colourings"), _badges(VersionType.COLORING), 10, 10, 24, 1),
    Column(N_("SVG"), _badges(VersionType.SVG), 5, 5, 24, 2),
)
GAP = 1
"""Cells between two columns."""


def fit(width: int, *, has_pane: bool = False) -> list[tuple[Column, int]]:
    """Choose columns for a width and deal the room out.

    Args:
        width: Cells there are.
        has_pane: The side pane stands beside the table.

    Returns:
        The columns that fit, in their order, each with its width.
    """
    chosen: list[Column] = []
    room = width
    for column in sorted(COLUMNS, key=lambda column: (has_pane and column.in_pane, column.keep)):
        # What is told beside the table is not worth that anything in it is shortened.
        kept = sum(c.good - c.least for c in chosen) if has_pane and column.in_pane else 0
        if chosen and column.least + GAP + kept > room:
            break
        room -= column.least + (GAP if chosen else 0)
        chosen.append(column)
    widths = {column.title: column.least for column in chosen}
    for column in sorted(chosen, key=lambda column: column.keep):
        more = min(room, column.good - column.least)
        widths[column.title] += more
        room -= more
    while room > 0 and (
        growing := [column for column in chosen if widths[column.title] < column.most]
    ):
        for column in growing[:room]:
            widths[column.title] += 1
        room -= len(growing[:room])
    return [(column, widths[column.title]) for column in COLUMNS if column in chosen]


def cells(row: OrderRow, layout: Sequence[tuple[Column, int]], paint: Paint) -> Content:
    """One order in columns.

    Args:
        row: The order.
        layout: From `fit`.
        paint: What the cells need.

    Returns:
        One line, as wide as all columns.
    """
    parts = []
    for column, width in layout:
        cell = column.cell(row, width, paint)
        cell = cell.truncate(width, ellipsis=True)
        short = width - cell.cell_length
        parts.append(cell.pad_left(short) if column.right else cell.pad_right(short))
    return Content(" " * GAP).join(parts)
