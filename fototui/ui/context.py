"""What every screen is given: the parts of the app, and not the app itself."""

from __future__ import annotations

import uuid
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, tzinfo
from zoneinfo import ZoneInfo

from fototui.domain.books import BookOptions
from fototui.domain.costs import Prices
from fototui.domain.options import ColoringOptions, Preset
from fototui.domain.sentences import Sentence
from fototui.live.order_list import OrderList
from fototui.live.store import LiveStore
from fototui.live.walk import Walk
from fototui.pictures.loader import PictureLoader
from fototui.pictures.preflight import Preflight
from fototui.services.backend import Backend
from fototui.ui.judged import Judged
from fototui.ui.message_log import MessageLog
from fototui.ui.preferences import Preferences
from fototui.ui.presence import Presence
from fototui.ui.undo import UndoHistory


def _now() -> datetime:
    return datetime.now(UTC)


def _none() -> None:
    return None


def _no_presets(before: ColoringOptions) -> Sequence[Preset]:
    del before
    return ()


@dataclass(frozen=True, slots=True)
class AppSettings:
    """How the app behaves.

    Args:
        timezone: In which times are shown.
        keys: Other keys for actions, by action id.
        ask_above: Generating for more images than this asks first.
        ascii_badges: For fonts without the usual signs.
        bell: The terminal's bell rings when something fails.
        title: The terminal's title counts what waits.
        now: The clock that screens go by.
        book_options: How books are typeset.
        shop_admin: The store's address in Shopify's admin; None where it is not known.
        prices: What outside services charge.
        presets: The shop's own presets of colourings, beside some options.
    """

    timezone: ZoneInfo
    keys: Mapping[str, str] = field(default_factory=dict)
    ask_above: int = 20
    ascii_badges: bool = False
    bell: bool = False
    title: bool = False
    now: Callable[[], datetime] = _now
    book_options: BookOptions = field(default_factory=BookOptions)
    shop_admin: str | None = None
    prices: Prices = field(default_factory=Prices)
    presets: Callable[[ColoringOptions], Sequence[Preset]] = _no_presets


@dataclass(frozen=True, slots=True)
class AppContext:
    """The parts of the app.

    Args:
        backend: The services.
        store: The live store.
        settings: How the app behaves.
        preferences: What is remembered; screens write into it as the operator goes.
        pictures: Loads pictures.
        preflight: Finds what is to be said of an SVG before it is printed.
        order_list: The orders as the list shows them, filtered and sorted.
        presence: Who else is here; None where nobody is asked.
        terminal_id: This terminal, as claims on pictures name it.
        engine_problem: Tells why no engine runs here; None where one does, or none is to.
        messages: What the operator was told.
        judged: What was judged in the review here.
        undo: What the operator did that may be taken back.
    """

    backend: Backend
    store: LiveStore
    settings: AppSettings
    preferences: Preferences
    pictures: PictureLoader
    preflight: Preflight
    order_list: OrderList
    presence: Presence | None = None
    terminal_id: uuid.UUID = field(default_factory=uuid.uuid4)
    engine_problem: Callable[[], Sentence | None] = _none
    messages: MessageLog = field(default_factory=MessageLog)
    judged: Judged = field(default_factory=Judged)
    undo: UndoHistory = field(default_factory=UndoHistory)

    @property
    def timezone(self) -> tzinfo:
        """In which times are shown."""
        return self.settings.timezone

    @property
    def others(self) -> list[str]:
        """Other operators who are in the app."""
        if self.presence is None:
            return []
        return sorted({other.operator for other in self.presence.others} - {self.backend.operator})

    def viewers(self, order_id: str) -> list[str]:
        """Other operators who have an order open."""
        return [] if self.presence is None else self.presence.viewers(order_id)

    def walk(self, order_id: str) -> Walk:
        """The way from an order to its neighbours, as the list shows them now.

        Args:
            order_id: The order that it begins at.
        """
        return Walk(self.order_list, self.store, order_id)
