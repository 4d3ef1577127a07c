"""The header: where one is, and how far what is shown can be trusted."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime

from textual.content import Content
from textual.widget import Widget

from fototui.domain.text import clean_line
from fototui.i18n import _, ngettext
from fototui.live.state import FeedState, Health

# Of the operators who are in the app too, so many are named.
_NAMES = 3
_FEED = {
    FeedState.CONNECTING: ("○", "$warning"),
    FeedState.LIVE: ("●", "$success"),
    FeedState.CATCHING_UP: ("◐", "$warning"),
    FeedState.POLLING: ("◌", "$warning"),
}


@dataclass(frozen=True, slots=True)
class StatusLine:
    """What the header tells.

    Args:
        heading: What the screen is called.
        read_only: This terminal only looks.
        health: How far what is shown can be trusted.
        others: Other operators who are in the app.
        engines: Living engines.
        running: Jobs held by them.
        waiting: Jobs that nobody works on.
        now: The time here.
    """

    heading: str
    read_only: bool
    health: Health
    others: Sequence[str]
    engines: int
    running: int
    waiting: int
    now: datetime


class StatusBar(Widget):
    """One line: the screen, the live feed, the database, the engines, the time.

    Args:
        read: Gives what it is to tell now.
    """

    DEFAULT_CSS = """
    StatusBar { dock: top; height: 1; background: $panel; color: $foreground; }
    """

    def __init__(self, read: Callable[[], StatusLine]) -> None:
        super().__init__()
        self._read = read

    def on_mount(self) -> None:
        """Keep the clock going."""
        self.set_interval(5, self.refresh)

    def render(self) -> Content:
        """Lay the line out; what does not fit goes from the middle."""
        status = self._read()
        left = Content.assemble(
            (" fototui ", "bold $accent"), (f" {clean_line(status.heading)} ", "bold")
        )
        if status.read_only:
            words = _("READ ONLY")
            left += Content.styled(f" {words} ", "bold $text-warning on $warning-muted")
        parts = [*_state(status), Content(f" {status.now:%H:%M} ")]
        while parts and left.cell_length + sum(p.cell_length for p in parts) > self.size.width:
            parts.pop(-2 if len(parts) > 1 else 0)
        right = Content("  ").join(parts) if parts else Content("")
        gap = max(1, self.size.width - left.cell_length - right.cell_length)
        return left + Content(" " * gap) + right


def _state(status: StatusLine) -> list[Content]:
    health = status.health
    mark, colour = _FEED[health.feed]
    parts = [Content.assemble((mark, colour), f" {_feed_words(health)}")]
    if health.database_ok:
        parts.append(Content.assemble(("●", "$success"), " ", _("db")))
    else:
        since = health.database_lost_at
        words = _("db lost")
        if since is not None:
            words = _("db lost since {time}").format(
                time=since.astimezone(status.now.tzinfo).strftime("%H:%M")
            )
        parts.append(Content.assemble(("✗", "$error"), f" {words}"))
    if others := [clean_line(name, limit=20) for name in status.others]:
        more = f" +{len(others) - _NAMES}" if len(others) > _NAMES else ""
        parts.append(Content(f"☻ {', '.join(others[:_NAMES])}{more}"))
    counts = (
        ngettext("{count} engine", "{count} engines", status.engines).format(count=status.engines),
        ngettext("{count} running", "{count} running", status.running).format(count=status.running),
        ngettext("{count} waiting", "{count} waiting", status.waiting).format(count=status.waiting),
    )
    parts.append(Content("⚙ " + " · ".join(counts)))
    return parts


def _feed_words(health: Health) -> str:
    return {
        FeedState.CONNECTING: _("connecting"),
        FeedState.LIVE: _("live"),
        FeedState.CATCHING_UP: _("catching up"),
        FeedState.POLLING: _("polling"),
    }[health.feed]
