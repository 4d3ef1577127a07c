"""Attaching a photo from a file: which one is meant, where it lies, and doing it."""

from __future__ import annotations

import asyncio
import os
from dataclasses import dataclass
from pathlib import Path
from typing import ClassVar

from textual.app import App
from textual.binding import Binding, BindingType
from textual.suggester import Suggester
from textual.widgets import Input

from fototui.domain.errors import InvalidInputError
from fototui.domain.text import clean_line
from fototui.i18n import _
from fototui.screens.dialogs import AskText
from fototui.screens.order.selection import Selection
from fototui.services.orders.photos import PhotoInput
from fototui.services.views.orders import ImageView, LineItemView, OrderDetail
from fototui.ui.context import AppContext


@dataclass(frozen=True, slots=True)
class Target:
    """Where a photo goes.

    Args:
        item: The book.
        missing: The picture in whose place; None where it is one more.
        number: The order's, and its book's title where there are more; nothing where both are seen.
    """

    item: LineItemView
    missing: ImageView | None
    number: str = ""

    @property
    def question(self) -> str:
        """What the operator is asked for, translated."""
        return f"{self.number} · {self._asked}" if self.number else self._asked

    @property
    def _asked(self) -> str:
        if self.missing is not None:
            words = _("File of photo {position}, which is missing:")
            return words.format(position=self.missing.position)
        title = clean_line(self.item.title, limit=60)
        return _("File of one more photo for {title}:").format(title=title)


def target(view: Selection) -> Target | None:
    """Where a photo would go now: the place under the cursor where it is empty, else its book."""
    if view.detail is None or not view.detail.line_items:
        return None
    image, items = view.image, view.detail.line_items
    item = next((item for item in items if image in item.images), items[0])
    return Target(item, image if image is not None and image.file is None else None)


def target_of(detail: OrderDetail) -> Target:
    """Where a photo goes that is for an order, of which no photo is pointed at.

    Args:
        detail: The order.

    Raises:
        InvalidInputError: It has no book, or several, and no photo is missing.
    """
    number = clean_line(detail.number, limit=40)
    has_several = len(detail.line_items) > 1
    for item in detail.line_items:
        for image in item.images:
            if image.file is None:
                title = f" · {clean_line(item.title, limit=60)}" if has_several else ""
                return Target(item, image, number + title)
    if not detail.line_items:
        raise InvalidInputError("The order has no book that a photo could be for.")
    if has_several:
        raise InvalidInputError(
            "{number} has several books: open it, go to a photo of the one that is meant, press a.",
            number=number,
        )
    return Target(detail.line_items[0], None, number)


async def attach(app: App[object], context: AppContext, where: Target) -> str | None:
    """Ask for a file, and attach it. To be called in a worker.

    Args:
        app: The app.
        context: Its parts.
        where: Where it goes.

    Returns:
        What was done, in a sentence; None where the operator thought better of it.

    Raises:
        FototuiError: What the service raises.
    """
    typed = await app.push_screen_wait(AskFile(where.question))
    if not typed:
        return None
    photo = PhotoInput(path_of(typed))
    async with context.backend.transaction(context.backend.photos) as service:
        if where.missing is None:
            await service.add(where.item.id, photo)
            return _("The photo is attached, as the last one of its book.")
        await service.replace_missing(where.missing.id, photo)
    return _("Photo {position} is attached.").format(position=where.missing.position)


def path_of(typed: str) -> Path:
    """The path that was typed, or dropped on the terminal, which quotes it."""
    text = typed.strip()
    if len(text) > 1 and text[0] == text[-1] and text[0] in "'\"":
        text = text[1:-1]
    path = Path(text).expanduser()
    # Terminals that do not quote put a backslash before each space.
    return path if path.exists() else Path(text.replace("\\ ", " ")).expanduser()


class AskFile(AskText):
    """Asks for a file; the path is completed."""

    def field(self) -> Input:
        """The field."""
        return PathField(suggester=PathSuggester())

    def hint(self) -> str:
        """What the keys do, translated."""
        return _("tab completes, enter confirms, esc cancels")


class PathField(Input):
    """Takes a path; tab takes what is suggested."""

    BINDINGS: ClassVar[list[BindingType]] = [Binding("tab", "cursor_right", show=False)]


class PathSuggester(Suggester):
    """Suggests the first file or folder whose name begins as it was typed."""

    def __init__(self) -> None:
        super().__init__(use_cache=False, case_sensitive=True)

    async def get_suggestion(self, value: str) -> str | None:
        """Look into the folder."""
        return await asyncio.to_thread(completed, value)


def completed(typed: str) -> str | None:
    """A path with the rest of its last name.

    Args:
        typed: Its beginning.

    Returns:
        The whole, with a slash after a folder; None where nothing begins so.
    """
    folder, begun = os.path.split(typed)
    try:
        with os.scandir(Path(folder).expanduser()) as entries:
            found = sorted(
                f"{entry.name}/" if entry.is_dir() else entry.name
                for entry in entries
                if entry.name.startswith(begun) and (begun or not entry.name.startswith("."))
            )
    except (OSError, ValueError, RuntimeError):  # no such folder, a NUL in it, no such user
        return None
    return typed + found[0].removeprefix(begun) if found else None
