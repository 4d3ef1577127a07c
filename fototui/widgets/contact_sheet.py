"""An order's pictures beside each other, as many as there is room for at once."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence

from textual.app import ComposeResult
from textual.containers import Container, Vertical
from textual.content import Content
from textual.events import Click
from textual.geometry import Size
from textual.message import Message
from textual.widgets import Static

from fototui.domain.files import S3ObjectRefData
from fototui.domain.statuses import VersionType
from fototui.i18n import _
from fototui.pictures.loader import PictureLoader
from fototui.services.views.orders import ImageView
from fototui.widgets.badges import MUTED, sign
from fototui.widgets.picture.widget import Picture

_NARROWEST, _LOWEST = 18, 10  # characters of a cell in which a picture still tells something
_PAGE = 1.5  # characters across for each down, of a picture in portrait format


def layout(count: int, size: Size) -> tuple[int, int]:
    """How many columns and rows show pictures as big as can be; not all where there are too many.

    Args:
        count: How many pictures there are.
        size: The room for them, in characters.
    """
    most = max(1, size.width // _NARROWEST), max(1, size.height // _LOWEST)
    fitting = [
        (columns, rows)
        for columns in range(1, most[0] + 1)
        for rows in range(1, most[1] + 1)
        if columns * rows >= count and columns * (rows - 1) < count
    ]

    def height(grid: tuple[int, int]) -> float:
        columns, rows = grid
        return min(size.width / columns / _PAGE, size.height / rows - 1)

    return max(fitting, key=height, default=most)


def chosen_coloring(image: ImageView) -> S3ObjectRefData | None:
    """The file of an image's chosen colouring."""
    chosen = image.chosen_id(VersionType.COLORING)
    return next((view.file for view in image.coloring if view.id == chosen), None)


class Cell(Vertical):
    """One picture with its place in the order and its signs.

    Args:
        pictures: Loads it.
        pressed: Called when the mouse presses on it.
    """

    DEFAULT_CSS = """
    Cell { width: 1fr; height: 1fr; padding: 0 1; }
    Cell > .name { width: 1fr; height: 1; text-align: center; text-wrap: nowrap; }
    Cell.-of-book > .name { height: 2; }
    Cell.-current > .name { background: $primary-muted; text-style: bold; }
    """

    def __init__(self, pictures: PictureLoader, pressed: Callable[[Cell], None]) -> None:
        super().__init__()
        self._picture = Picture(pictures)
        self._line = Static(classes="name")
        self._pressed = pressed

    def compose(self) -> ComposeResult:
        """The picture, and the line below it."""
        yield self._picture
        yield self._line

    def show(self, image: ImageView, book: str, *, is_current: bool, plain: bool) -> None:
        """Show an image.

        Args:
            image: The image.
            book: Which book it is of; nothing where there is one only.
            is_current: The cursor is on it.
            plain: Use the signs that every font has.
        """
        file = chosen_coloring(image) or image.file
        self._picture.show(file, empty=_("The photo is not in storage yet."))
        signs = [sign(image.badge(image.told(kind)), plain) for kind in VersionType]
        name = _("Photo {position}").format(position=image.position)
        star = ("  ★" if image.selected_svg_id else "", "$accent")
        of = (f"{book}\n", MUTED) if book else ""
        self._line.update(Content.assemble(of, f"{name}  ", signs[0], " ", signs[1], star))
        self.set_class(bool(book), "-of-book")
        self.set_class(is_current, "-current")

    def on_click(self, event: Click) -> None:
        """Tell that it is meant."""
        event.stop()
        self._pressed(self)


class ContactSheet(Container):
    """A page of pictures with a cursor; only those that are shown are loaded.

    Args:
        pictures: Loads them, a few at once.
        plain: Use the signs that every font has.

    Attributes:
        place: The cursor's place among all the pictures.
    """

    DEFAULT_CSS = """
    ContactSheet { layout: grid; height: 1fr; }
    """

    class Turned(Message):
        """The cursor moved, or another number of pictures fits."""

    class Pressed(Message):
        """The mouse pressed on the picture under the cursor."""

    def __init__(self, pictures: PictureLoader, *, plain: bool) -> None:
        super().__init__()
        self._pictures = pictures
        self._plain = plain
        self._images: Sequence[ImageView] = ()
        self._books: Mapping[int, str] = {}
        self._grid = (1, 1)
        self.place = 0

    @property
    def span(self) -> range:
        """The places that are shown."""
        count = self._grid[0] * self._grid[1]
        start = self.place // count * count
        return range(start, min(start + count, len(self._images)))

    @property
    def image(self) -> ImageView | None:
        """The image under the cursor."""
        return self._images[self.place] if self._images else None

    def show(self, images: Sequence[ImageView], books: Mapping[int, str]) -> None:
        """Show some pictures; the cursor stays on its own.

        Args:
            images: All of them.
            books: By their ids, which book each is of; empty where there is one only.
        """
        self._books = books
        before = self.image
        ids = [image.id for image in images]
        if before is not None and before.id in ids:
            self.place = ids.index(before.id)
        self._images = images
        self.go(self.place)

    def go(self, place: int) -> None:
        """Move the cursor to a place, or as near as can be."""
        self.place = max(0, min(place, len(self._images) - 1))
        self._lay_out()

    def move(self, across: int, down: int) -> None:
        """Move the cursor by columns and rows."""
        place = self.place + across + down * self._grid[0]
        if 0 <= place < len(self._images):
            self.go(place)

    def turn(self, pages: int) -> None:
        """Show the pages after, or before where negative."""
        self.go(self.place + pages * self._grid[0] * self._grid[1])

    def on_resize(self) -> None:
        """Show as many as there is room for now."""
        self._lay_out()

    def _lay_out(self) -> None:
        if not self.is_mounted or not self.size.area:
            return
        self._grid = layout(len(self._images), self.size)
        self.styles.grid_size_columns, self.styles.grid_size_rows = self._grid
        cells = list(self.query(Cell))
        missing = len(self.span) - len(cells)
        if missing > 0:
            new = [Cell(self._pictures, self._press) for _new in range(missing)]
            self.mount(*new)
            cells += new
        for cell, place in zip(cells, self.span, strict=False):
            image = self._images[place]
            book = self._books.get(image.id, "")
            cell.show(image, book, is_current=place == self.place, plain=self._plain)
        for place, cell in enumerate(cells):
            cell.display = place < len(self.span)
        self.post_message(self.Turned())

    def _press(self, cell: Cell) -> None:
        self.go(self.span[list(self.query(Cell)).index(cell)])
        self.post_message(self.Pressed())
