"""What a line item's book is made of today, and whether a book is still true to it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime

from sqlalchemy import select

from fototui.db.events.session import TrackedAsyncSession
from fototui.db.models.books import Book
from fototui.db.models.orders import Image, LineItem
from fototui.db.types import among
from fototui.domain.sentences import Sentence
from fototui.domain.statuses import BookProcessingStatus
from fototui.domain.text import clean_line
from fototui.services.orders.stage_facts import has_photo, page_svg
from fototui.services.views.books import BookView


@dataclass(frozen=True, slots=True)
class BookRecipe:
    """What a book is made of; two of the same are the same book, but for its options.

    Args:
        svg_ids: The chosen SVGs, in the order of their pages.
        title: The line item's title.
        dedication: Its dedication.
        layout: The shop's words for its layout.
    """

    svg_ids: tuple[int, ...]
    title: str
    dedication: str | None
    layout: str | None

    @classmethod
    def of(cls, book: Book) -> BookRecipe:
        """What a book was made of."""
        return cls(tuple(book.svg_ids), book.title, book.dedication, book.layout)


def is_current(book: Book, recipe: BookRecipe | None) -> bool:
    """Whether a book is true, or will be as soon as it is made.

    `book_states` says the same of finished books in SQL, for whole lists; a test holds the two
    equal.

    Args:
        book: The newest book of a line item.
        recipe: What one would be made of today; None where none can be made.
    """
    return book.status != BookProcessingStatus.ERROR and BookRecipe.of(book) == recipe


@dataclass(frozen=True, slots=True)
class ItemState:
    """A line item with its pages and its books.

    Args:
        item: The line item, with its order.
        now: The database's time.
        svg_ids: For each picture with a photo, in the order of pages, the chosen SVG; None where
            none with a file is chosen that is made of the chosen colouring.
        books: Its books, by number.
    """

    item: LineItem
    now: datetime
    svg_ids: list[int | None] = field(default_factory=list)
    books: list[Book] = field(default_factory=list)

    @property
    def title(self) -> str:
        """Its title, as a sentence may name it."""
        return clean_line(self.item.title)

    @property
    def obstacle(self) -> Sentence | None:
        """Why no book can be made of it today; None where one can."""
        if self.item.quantity <= 0:
            return Sentence.make(
                "{title} was taken out of the order; no book is made of it.", title=self.title
            )
        if not self.svg_ids:
            return Sentence.make(
                "{title} has no pictures yet; wait for its photos.", title=self.title
            )
        if missing := self.svg_ids.count(None):
            return Sentence.make(
                "{count} picture of {title} has no finished SVG of its colouring that is chosen; "
                "choose one first.",
                "{count} pictures of {title} have no finished SVG of their colouring that is "
                "chosen; choose them first.",
                count=missing,
                title=self.title,
            )
        return None

    @property
    def recipe(self) -> BookRecipe | None:
        """What a book would be made of today; None where none can be made."""
        if self.obstacle is not None:
            return None
        return BookRecipe(
            tuple(svg_id for svg_id in self.svg_ids if svg_id is not None),
            self.item.title,
            self.item.dedication,
            self.item.layout,
        )

    @property
    def newest(self) -> Book | None:
        """Its newest book."""
        return self.books[-1] if self.books else None

    def view(self, book: Book) -> BookView:
        """One of its books, as others see it."""
        current = book is self.newest and is_current(book, self.recipe)
        return BookView.of(book, position=self.item.position, current=current, now=self.now)


async def read_items(
    session: TrackedAsyncSession, items: Sequence[LineItem], now: datetime
) -> list[ItemState]:
    """Read the pages and books of some line items, in two statements.

    Args:
        session: The session, within a transaction.
        items: The line items.
        now: The database's time.

    Returns:
        Their states, by place in the order.
    """
    states = {item.id: ItemState(item, now) for item in items}
    pages = await session.execute(
        select(Image.line_item_id, page_svg())
        .where(among(Image.line_item_id, states), has_photo())
        .order_by(Image.position)
    )
    for item_id, svg_id in pages:
        states[item_id].svg_ids.append(svg_id)
    books = await session.scalars(
        select(Book)
        .where(among(Book.line_item_id, states))
        .order_by(Book.version)
        .execution_options(populate_existing=True)
    )
    for book in books:
        states[book.line_item_id].books.append(book)
    return sorted(states.values(), key=lambda state: state.item.position)
