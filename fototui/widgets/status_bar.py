"""The header: where one is, and how far what is shown can be trusted."""

from __future__ import annotations

from typing import TYPE_CHECKING, cast

from textual.content import Content
from textual.widget import Widget

from fototui.domain.text import clean_line
from fototui.i18n import _, ngettext
from fototui.live.state import FeedState, Health

if TYPE_CHECKING:
    from fototui.app import FototuiApp
    from fototui.screens.base import FototuiScreen

# Of the operators who are in the app too, so many are named.
_NAMES = 3
_FEED = {
    FeedState.CONNECTING: ("○", "$warning"),
    FeedState.LIVE: ("●", "$success"),
    FeedState.CATCHING_UP: ("◐", "$warning"),
    FeedState.POLLING: ("◌", "$warning"),
}


class StatusBar(Widget):
    """One line: the screen, the live feed, the database, the engines, the time."""

    DEFAULT_CSS = """
    StatusBar { dock: top; height: 1; background: $panel; color: $foreground; }
    """

    def on_mount(self) -> None:
        """Keep the clock going."""
        self.set_interval(5, self.refresh)

    def render(self) -> Content:
        """Lay the line out; what does not fit goes from the middle."""
        app = cast("FototuiApp", self.app)
        screen = cast("FototuiScreen", self.screen)
        left = Content.assemble(
            (" fototui ", "bold $accent"), (f" {clean_line(screen.heading())} ", "bold")
        )
        if app.backend.read_only:
            words = _("READ ONLY")
            left += Content.styled(f" {words} ", "bold $text-warning on $warning-muted")
        clock = app.settings.now().astimezone(app.timezone).strftime("%H:%M")
        parts = [*self._state(app), Content(f" {clock} ")]
        while parts and left.cell_length + sum(p.cell_length for p in parts) > self.size.width:
            parts.pop(-2 if len(parts) > 1 else 0)
        right = Content("  ").join(parts) if parts else Content("")
        gap = max(1, self.size.width - left.cell_length - right.cell_length)
        return left + Content(" " * gap) + right

    def _state(self, app: FototuiApp) -> list[Content]:
        health = app.store.health
        mark, colour = _FEED[health.feed]
        parts = [Content.assemble((mark, colour), f" {_feed_words(health)}")]
        if health.database_ok:
            parts.append(Content.assemble(("●", "$success"), " ", _("db")))
        else:
            since = health.database_lost_at
            words = _("db lost")
            if since is not None:
                words = _("db lost since {time}").format(
                    time=since.astimezone(app.timezone).strftime("%H:%M")
                )
            parts.append(Content.assemble(("✗", "$error"), f" {words}"))
        if others := [clean_line(name, limit=20) for name in app.others]:
            more = f" +{len(others) - _NAMES}" if len(others) > _NAMES else ""
            parts.append(Content(f"☻ {', '.join(others[:_NAMES])}{more}"))
        engines = len(app.store.engines)
        running = sum(lane.running for lane in app.store.lanes)
        waiting = sum(lane.waiting for lane in app.store.lanes)
        parts.append(
            Content(
                "⚙ "
                + " · ".join(
                    (
                        ngettext("{count} engine", "{count} engines", engines).format(
                            count=engines
                        ),
                        ngettext("{count} running", "{count} running", running).format(
                            count=running
                        ),
                        ngettext("{count} waiting", "{count} waiting", waiting).format(
                            count=waiting
                        ),
                    )
                )
            )
        )
        return parts


def _feed_words(health: Health) -> str:
    return {
        FeedState.CONNECTING: _("connecting"),
        FeedState.LIVE: _("live"),
        FeedState.CATCHING_UP: _("catching up"),
        FeedState.POLLING: _("polling"),
    }[health.feed]
