"""The pages of a finished book, as the very file has them."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import PurePosixPath

from textual.app import ComposeResult
from textual.content import Content
from textual.widgets import Static

from fototui.domain.files import S3ObjectRefData
from fototui.i18n import _
from fototui.live.state import Changed
from fototui.pictures.loader import PdfPage
from fototui.screens.order import files
from fototui.screens.picture import PictureScreen
from fototui.services.views.books import BookView
from fototui.ui.actions import Scope
from fototui.ui.commands import Command
from fototui.ui.context import AppContext
from fototui.widgets.book_words import book_name, finding_words


class BookScreen(PictureScreen):
    """A book, page by page, with what was found on each; enlarged and moved as a picture is.

    Args:
        context: The parts of the app.
        view: The book.
        file: Its file.
    """

    scope = Scope.BOOK
    DEFAULT_CSS = """
    BookScreen #findings { height: auto; max-height: 4; padding: 0 1; color: $warning; }
    BookScreen #findings.-nothing { display: none; }
    """

    def __init__(self, context: AppContext, view: BookView, file: S3ObjectRefData) -> None:
        super().__init__(context, file, name="")
        self.order_id = view.order_id
        self._view = view
        self._pages = max(1, view.pages or 1)
        self.page = 1

    def heading(self) -> str:
        """Which page of which book, and whether something else is chosen by now."""
        page = _("page {page} of {pages}").format(page=self.page, pages=self._pages)
        parts = [book_name(self._view), page, *([] if self._view.current else [_("out of date")])]
        return " · ".join(parts) + self.closeness

    def compose_body(self) -> ComposeResult:
        """The page, and what was found on it."""
        yield from super().compose_body()
        yield Static(id="findings", classes="-nothing", markup=False)

    def on_unmount(self) -> None:
        """Have nothing more loaded ahead."""
        self.context.pictures.prefetch(())

    def on_store_changed(self, changed: Changed) -> None:
        """Tell when the book is true no longer."""
        detail = self.context.store.detail(self._view.order_id)
        if self.can_paint and self._view.order_id in changed.details and detail is not None:
            for view in detail.books or ():
                if view.id == self._view.id:
                    self._view = view
            self.show_all()

    def language_changed(self) -> None:
        """Show the words in the new language."""
        self.show_all()

    def declare_commands(self) -> Mapping[str, Command]:
        """Say what each key does; beside a picture's there are pages, and the file."""
        ref = self._ref
        return {
            **super().declare_commands(),
            "book.previous": Command(lambda: self._go(self.page - 1), self._why_first),
            "book.next": Command(lambda: self._go(self.page + 1), self._why_last),
            "book.first": Command(lambda: self._go(1), self._why_first),
            "book.last": Command(lambda: self._go(self._pages), self._why_last),
            "book.save": Command(
                lambda: self.perform(
                    lambda: files.save(
                        self.app, self.context, ref, name=PurePosixPath(ref.key).stem
                    ),
                    _as_it_is,
                )
            ),
            "book.browse": Command(
                lambda: self.perform(lambda: files.browse(self.app, self.context, ref), _as_it_is)
            ),
            "book.copy": Command(
                lambda: self.perform(
                    lambda: files.copy_address(self.app, self.context, ref), _as_it_is
                )
            ),
        }

    def show_all(self) -> None:
        """Show the page, and what was found on it."""
        self.picture.show(PdfPage(self._ref, self.page))
        ahead = [n for n in (self.page + 1, self.page - 1) if 1 <= n <= self._pages]
        self.context.pictures.prefetch([PdfPage(self._ref, number) for number in ahead])
        # What is about the whole book stands under its first page.
        found = [each for each in self._view.findings or () if (each.page or 1) == self.page]
        words = self.query_one("#findings", Static)
        words.update(Content("\n".join(map(finding_words, found))))
        words.set_class(not found, "-nothing")
        self.query("StatusBar, KeyBar").refresh()
        self.refresh_bindings()

    def _go(self, page: int) -> None:
        self.page = page
        self.show_all()

    def _why_first(self) -> str | None:
        return _("This is the first page.") if self.page <= 1 else None

    def _why_last(self) -> str | None:
        return _("This is the last page.") if self.page >= self._pages else None


def _as_it_is(words: str | None) -> str | None:
    return words
