"""The books of a line item, page by page, as the very files have them."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from dataclasses import replace
from functools import partial
from pathlib import PurePosixPath

from textual.app import ComposeResult
from textual.content import Content
from textual.widgets import Static

from fototui.domain.files import S3ObjectRefData
from fototui.domain.text import clean_line
from fototui.i18n import _, translate
from fototui.live.state import Changed
from fototui.pictures.loader import PdfPage
from fototui.pictures.viewport import Viewport
from fototui.screens.order import files
from fototui.screens.picture import PictureScreen
from fototui.services.books.service import BookService
from fototui.services.views.books import BookView
from fototui.ui.actions import Scope
from fototui.ui.commands import Command, always
from fototui.ui.context import AppContext
from fototui.widgets.book_words import book_name, finding_words


class BookScreen(PictureScreen):
    """A book, page by page, with what was found on each; enlarged and moved as a picture is.

    All books of the line item are here, the newest first; one that is not made yet, or failed, says
    so in place of its page.

    Args:
        context: The parts of the app.
        view: The book.
    """

    scope = Scope.BOOK
    DEFAULT_CSS = """
    BookScreen #findings { height: auto; max-height: 4; padding: 0 1; color: $warning; }
    BookScreen #findings.-nothing { display: none; }
    """

    def __init__(self, context: AppContext, view: BookView) -> None:
        super().__init__(context, view.file, named=str)
        self.order_id = view.order_id
        self._view = view
        self.page = 1

    @property
    def _pages(self) -> int:
        return max(1, self._view.pages or 1)

    @property
    def _versions(self) -> list[BookView]:
        """All books of the line item, by number."""
        detail = self.context.store.detail(self._view.order_id)
        item = self._view.line_item_id
        books = () if detail is None else detail.books or ()
        return [view for view in books if view.line_item_id == item] or [self._view]

    def heading(self) -> str:
        """Which page of which book, and whether something else is chosen by now."""
        view = self._view
        parts = [book_name(view)]
        if (newest := self._versions[-1].version) != view.version:
            parts.append(_("the newest is v{number}").format(number=newest))
        if view.file is None:
            parts.append(_(view.status.meta.display))
        else:
            parts.append(_("page {page} of {pages}").format(page=self.page, pages=self._pages))
            parts += [] if view.current else [_("out of date")]
        return " · ".join(parts) + self.closeness

    def compose_body(self) -> ComposeResult:
        """The page, and what was found on it."""
        yield from super().compose_body()
        yield Static(id="findings", classes="-nothing", markup=False)

    def on_unmount(self) -> None:
        """Have nothing more loaded ahead."""
        self.context.pictures.prefetch(())

    def on_store_changed(self, changed: Changed) -> None:
        """Tell when the book is made, or is true no longer."""
        if self.can_paint and self._view.order_id in changed.details:
            self._look_at(self._view.id)

    def language_changed(self) -> None:
        """Show the words in the new language."""
        self.show_all()

    def declare_commands(self) -> Mapping[str, Command]:
        """Say what each key does; beside a picture's there are pages, versions, and the file."""
        looking = {
            name: command
            if name == "book.back"
            else replace(command, unavailable=self._why_not_made(command.unavailable))
            for name, command in super().declare_commands().items()
        }
        made = self._why_not_made
        return {
            **looking,
            "book.previous": Command(lambda: self._go(self.page - 1), made(self._why_first)),
            "book.next": Command(lambda: self._go(self.page + 1), made(self._why_last)),
            "book.first": Command(lambda: self._go(1), made(self._why_first)),
            "book.last": Command(lambda: self._go(self._pages), made(self._why_last)),
            "book.older": Command(lambda: self._turn(-1), lambda: self._why_no_other(-1)),
            "book.newer": Command(lambda: self._turn(1), lambda: self._why_no_other(1)),
            "book.retry": Command(self._retry, self._why_not_retry),
            "book.cancel": Command(self._cancel, self._why_not_cancel),
            "book.save": self._of_file(self._save),
            "book.browse": self._of_file(partial(files.browse, self.app, self.context)),
            "book.copy": self._of_file(partial(files.copy_address, self.app, self.context)),
        }

    def show_all(self) -> None:
        """Show the page, and what was found on it."""
        file, view = self._view.file, self._view
        if file is None:
            self.picture.show(None, empty=self._why_no_page())
            self.context.pictures.prefetch(())
        else:
            self.picture.show(PdfPage(file, self.page))
            ahead = [n for n in (self.page + 1, self.page - 1) if 1 <= n <= self._pages]
            self.context.pictures.prefetch([PdfPage(file, number) for number in ahead])
        # What is about the whole book stands under its first page.
        found = [each for each in view.findings or () if (each.page or 1) == self.page]
        words = self.query_one("#findings", Static)
        words.update(Content("\n".join(map(finding_words, found))))
        words.set_class(not found, "-nothing")
        self.query("StatusBar, KeyBar").refresh()
        self.refresh_bindings()

    def _why_no_page(self) -> str:
        words = _(self._view.status.meta.display)
        if self._view.error is not None:
            words += f": {clean_line(translate(self._view.error), limit=300)}"
        return words

    # --- pages and versions --------------------------------------------------------------------

    def _go(self, page: int) -> None:
        self.page = page
        self.show_all()

    def _why_not_made(self, reason: Callable[[], str | None]) -> Callable[[], str | None]:
        def against() -> str | None:
            if self._view.file is not None:
                return reason()
            return _("{book} is not made yet.").format(book=book_name(self._view))

        return against

    def _why_first(self) -> str | None:
        return _("This is the first page.") if self.page <= 1 else None

    def _why_last(self) -> str | None:
        return _("This is the last page.") if self.page >= self._pages else None

    def _look_at(self, book_id: int) -> None:
        """Show a book as it is by now."""
        before = self._view
        self._view = next((view for view in self._versions if view.id == book_id), before)
        if self._view.id != before.id:
            self.page = 1
            self._look(Viewport())
        self.page = min(self.page, self._pages)
        self.show_all()

    def _other(self, step: int) -> BookView | None:
        views = self._versions
        place = next((n for n, view in enumerate(views) if view.id == self._view.id), 0) + step
        return views[place] if 0 <= place < len(views) else None

    def _turn(self, step: int) -> None:
        if (view := self._other(step)) is not None:
            self._look_at(view.id)

    def _why_no_other(self, step: int) -> str | None:
        if self._other(step) is not None:
            return None
        return _("This is the newest book.") if step > 0 else _("There is no older book.")

    # --- the book and its file -----------------------------------------------------------------

    def _retry(self) -> None:
        async def work(service: BookService, book_id: int) -> None:
            await service.retry(book_id)

        self._steer(work, _("{book} is being retried."))

    def _cancel(self) -> None:
        async def work(service: BookService, book_id: int) -> None:
            await service.cancel(book_id)

        self._steer(work, _("{book} is cancelled."))

    def _steer(self, work: Callable[[BookService, int], Awaitable[None]], words: str) -> None:
        view = self._view

        async def run() -> str:
            async with self.context.backend.transaction(BookService) as service:
                await work(service, view.id)
            await self.context.store.refresh(view.order_id)
            return words.format(book=book_name(view))

        self.perform(run, _as_it_is)

    def _why_not_retry(self) -> str | None:
        if self._view.status.meta.is_retryable:
            return None
        return _("{version} did not fail.").format(version=book_name(self._view))

    def _why_not_cancel(self) -> str | None:
        if not self._view.status.meta.is_final:
            return None
        words = _("{version} is finished; there is nothing to cancel.")
        return words.format(version=book_name(self._view))

    def _of_file(self, work: Callable[[S3ObjectRefData], Awaitable[str | None]]) -> Command:
        def run() -> None:
            if (file := self._view.file) is not None:
                self.perform(lambda: work(file), _as_it_is)

        return Command(run, self._why_not_made(always))

    async def _save(self, file: S3ObjectRefData) -> str | None:
        return await files.save(self.app, self.context, file, name=PurePosixPath(file.key).stem)


def _as_it_is(words: str | None) -> str | None:
    return words
