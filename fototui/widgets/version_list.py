"""The versions of one image and kind, and the tabs between the two kinds."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import datetime, tzinfo
from textwrap import wrap

from textual.content import Content
from textual.events import Click
from textual.message import Message
from textual.widget import Widget
from textual.widgets import OptionList
from textual.widgets.option_list import Option

from fototui.domain.statuses import VersionType
from fototui.domain.text import clean_line
from fototui.i18n import _, ngettext, number, translate
from fototui.services.views.orders import ImageView
from fototui.services.views.versions import VersionView
from fototui.widgets.badges import MUTED, badge_in_words
from fototui.widgets.version_words import approval_words, kind_word, options_words


class KindTabs(Widget):
    """Colouring and SVG, each with the number of its versions."""

    DEFAULT_CSS = "KindTabs { height: 1; background: $panel; }"

    class Picked(Message):
        """A kind was clicked.

        Args:
            kind: Which.
        """

        def __init__(self, kind: VersionType) -> None:
            super().__init__()
            self.kind = kind

    def __init__(self) -> None:
        super().__init__()
        self._kind = VersionType.COLORING
        self._counts: dict[VersionType, int] = {}

    def show(self, kind: VersionType, image: ImageView | None) -> None:
        """Show which kind is open."""
        self._kind = kind
        self._counts = {} if image is None else {k: len(image.versions(k)) for k in VersionType}
        self.refresh()

    def render(self) -> Content:
        """Two words and two numbers."""
        return Content("│").join(
            Content.styled(self._words(kind), "bold reverse" if kind is self._kind else MUTED)
            for kind in VersionType
        )

    def on_click(self, event: Click) -> None:
        """Open the kind under the mouse."""
        end = 0
        for kind in VersionType:
            end += Content(self._words(kind)).cell_length + 1
            if event.x < end:
                break
        self.post_message(self.Picked(kind))

    def _words(self, kind: VersionType) -> str:
        return f" {kind_word(kind)} {self._counts.get(kind, 0)} "


class VersionList(OptionList, can_focus=False):
    """Versions with their state; times of running ones tick.

    Args:
        now: The clock.
        zone: In which times are shown.
        ascii_badges: Use the signs that every font has.
    """

    DEFAULT_CSS = """
    VersionList {
        height: auto; max-height: 40%; min-height: 2; border: none; padding: 0 1;
        background: $surface; scrollbar-size-vertical: 1;
    }
    """

    class Picked(Message):
        """A version was clicked.

        Args:
            version_id: Which.
        """

        def __init__(self, version_id: int) -> None:
            super().__init__()
            self.version_id = version_id

    def __init__(
        self, now: Callable[[], datetime], *, zone: tzinfo, ascii_badges: bool = False
    ) -> None:
        super().__init__(markup=False)
        self._zone = zone
        self._clock = now
        self._ascii = ascii_badges
        self._views: tuple[VersionView, ...] = ()
        self._seen: dict[int, tuple[float, float]] = {}
        self._empty = ""
        self._image: ImageView | None = None

    def on_mount(self) -> None:
        """Keep the clocks of running versions going."""
        self.set_interval(1, self._tick)

    def show(
        self,
        views: Sequence[VersionView],
        version_id: int | None,
        *,
        image: ImageView | None,
        empty: str,
    ) -> None:
        """Show versions.

        Args:
            views: The versions, by number.
            version_id: Where the cursor is.
            image: Whose they are.
            empty: What to say where there are none.
        """
        self._image = image
        rebuild = [view.id for view in views] != [view.id for view in self._views] or not views
        self._views, self._empty = tuple(views), empty
        self._note_times()
        if rebuild:
            self.clear_options()
            self.add_options(Option(self._row(view), id=str(view.id)) for view in views)
            if not views:
                self.add_option(Option(Content.styled(empty, MUTED), disabled=True))
        else:
            self._repaint()
        if any(view.id == version_id for view in views):
            self.highlighted = self.get_option_index(str(version_id))

    def on_option_list_option_highlighted(self, event: OptionList.OptionHighlighted) -> None:
        """Nobody but the screen moves this cursor."""
        event.stop()

    def on_option_list_option_selected(self, event: OptionList.OptionSelected) -> None:
        """Tell what was clicked."""
        event.stop()
        if event.option_id is not None:
            self.post_message(self.Picked(int(event.option_id)))

    def _tick(self) -> None:
        if any(_is_running(view) for view in self._views):
            self._repaint()

    def _repaint(self) -> None:
        for view in self._views:
            row = self._row(view)
            if row != self.get_option(str(view.id)).prompt:
                self.replace_option_prompt(str(view.id), row)

    def _note_times(self) -> None:
        """Remember when the database told an elapsed time: it goes on by this machine's clock."""
        now, known = self._now(), self._seen
        self._seen = {}
        for view in self._views:
            if view.elapsed_seconds is not None:
                told = known.get(view.id)
                same = told is not None and told[0] == view.elapsed_seconds
                self._seen[view.id] = told if same and told else (view.elapsed_seconds, now)

    def _now(self) -> float:
        return self._clock().timestamp()

    def _row(self, view: VersionView) -> Content:
        parts = [
            Content.styled("★" if view.selected else " ", "$accent"),
            badge_in_words(
                view.status,
                self._ascii,
                badge=None if self._image is None else self._image.badge(view),
            ),
            Content(self._words(view)),
        ]
        if (elapsed := self._elapsed(view)) is not None:
            parts.append(Content(clock(elapsed)))
        extra = []
        if view.selected and (approved := self._approved(view)):
            extra.append(approved)
        if view.credits_charged is not None:
            one_or_more = 1 if view.credits_charged == 1 else 2  # a fraction takes the plural
            words = ngettext("{credits} credit", "{credits} credits", one_or_more)
            extra.append(words.format(credits=number(view.credits_charged)))
        if view.attempts > 1:
            extra.append(
                ngettext("{count} attempt", "{count} attempts", view.attempts).format(
                    count=view.attempts
                )
            )
        if view.requested_by:
            extra.append(clean_line(view.requested_by, limit=40))
        row = Content("  ").join([*parts, *(Content.styled(words, MUTED) for words in extra)])
        room = self.scrollable_content_region.width or 500
        row = row.truncate(room, ellipsis=True)
        if view.error is not None:
            reason = clean_line(translate(view.error), limit=600)
            lines = wrap(reason, max(room, 20), initial_indent="   ", subsequent_indent="   ")
            row += Content.styled("\n" + "\n".join(lines), "$text-error")
        return row

    def _words(self, view: VersionView) -> str:
        """Its number, what it was made of, its options: what matters most must not be cut off."""
        words = [f"v{view.version}"]
        if (source := self._source(view)) is not None:
            words.append(_("of colouring v{version}").format(version=source.version))
        if view.options is not None:
            words.append(options_words(view.options))
        return " · ".join(words)

    def _approved(self, view: VersionView) -> str:
        """Who chose it, where it is the chosen one."""
        if self._image is None:
            return ""
        return approval_words(self._image, view.kind, zone=self._zone, now=self._clock())

    def _source(self, view: VersionView) -> VersionView | None:
        """The colouring that an SVG was made of."""
        colorings = () if self._image is None else self._image.coloring
        return next((each for each in colorings if each.id == view.coloring_version_id), None)

    def on_resize(self) -> None:
        """What was cut or wrapped may have more room, or less."""
        self._repaint()

    def _elapsed(self, view: VersionView) -> float | None:
        told = self._seen.get(view.id)
        if told is None or not _is_running(view):
            return view.elapsed_seconds
        return told[0] + self._now() - told[1]


def clock(seconds: float) -> str:
    """A span of time, for instance "0:42" or "1:02:03"."""
    minutes, rest = divmod(int(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours}:{minutes:02}:{rest:02}" if hours else f"{minutes}:{rest:02}"


def _is_running(view: VersionView) -> bool:
    return view.started_at is not None and view.completed_at is None
