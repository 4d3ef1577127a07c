"""The header: where one is, and how far what is shown can be trusted."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime

from textual.content import Content
from textual.events import Click
from textual.widget import Widget

from fototui.domain.text import clean_line
from fototui.i18n import _, ngettext
from fototui.live.state import FeedState, Health

_ROOMY = 100
"""From so many columns on the program's name has room beside all else."""
_FEED_RANK = 2
# Of the operators who are in the app too, so many are named.
_NAMES = 3
# What goes its way is quiet: green is what somebody approved, and nothing else.
_FEED = {
    FeedState.CONNECTING: ("○", "o", "$warning"),
    FeedState.LIVE: ("●", "*", ""),
    FeedState.CATCHING_UP: ("◐", "~", "$warning"),
    FeedState.POLLING: ("◌", "?", "$warning"),
}
_PLAIN = str.maketrans({"●": "*", "✗": "X", "‖": "=", "☻": "@", "›": ">", "·": ",", "…": "."})
"""The signs of what else the header says, for fonts that have only the usual letters."""


_Part = Sequence[tuple[int, Content]]
"""What stands at the right, from its long form to its short one, each with a rank: the higher, the
sooner it gives way to the next form, or is left out."""


@dataclass(frozen=True, slots=True)
class Way:
    """A screen that one can go to, as the header names it.

    Args:
        action_id: The action that goes there.
        key: The key that does it here; empty where none does.
        name: What it is called; translated.
        count: What waits there; nothing is said of none.
        alarm: A sign for what is wrong there; empty where nothing is.
        is_here: One is there.
    """

    action_id: str
    key: str
    name: str
    count: int = 0
    alarm: str = ""
    is_here: bool = False


@dataclass(frozen=True, slots=True)
class StatusLine:
    """What the header tells.

    Args:
        ways: The screens that one can go to.
        heading: What is looked at above them; empty on these screens themselves.
        read_only: This terminal only looks.
        health: How far what is shown can be trusted.
        others: Other operators who are in the app.
        trouble: Why jobs are not done, in a few words; empty where they are.
        engines: Living engines.
        running: Jobs held by them.
        waiting: Jobs that nobody works on.
        now: The time here.
        plain: Only signs that every font has.
    """

    ways: Sequence[Way]
    heading: str
    read_only: bool
    health: Health
    others: Sequence[str]
    trouble: str
    engines: int
    running: int
    waiting: int
    now: datetime
    plain: bool = False


class StatusBar(Widget):
    """One line: where one can go, the live feed, the database, the engines, the time.

    Args:
        read: Gives what it is to tell now.
    """

    DEFAULT_CSS = """
    StatusBar { dock: top; height: 1; background: $panel; color: $foreground; }
    """

    def __init__(self, read: Callable[[], StatusLine]) -> None:
        super().__init__()
        self._read = read
        self._spans: list[tuple[int, int, str]] = []

    def on_mount(self) -> None:
        """Keep the clock going, and follow the keys: they change with the focus."""
        self.set_interval(5, self.refresh)
        self.screen.bindings_updated_signal.subscribe(self, lambda _screen: self.refresh())

    def render(self) -> Content:
        """Lay the line out: what matters least goes first, and the names of other screens last."""
        status = self._read()
        parts = _state(status)
        if status.plain:
            parts = [[(rank, _plain(form)) for rank, form in part] for part in parts]
        left = self._left(status, are_named=True)
        kept = self._kept(left, parts, least=_FEED_RANK)
        if kept is None:
            left = self._left(status, are_named=False)
            kept = self._kept(left, parts, least=0) or []
        right = Content("  ").join(kept)
        gap = max(1, self.size.width - left.cell_length - right.cell_length)
        return left + Content(" " * gap) + right

    def _kept(self, left: Content, parts: Sequence[_Part], *, least: int) -> list[Content] | None:
        """What there is room for at the right; None where that is too little."""
        room = self.size.width - left.cell_length
        kept = list(parts)
        while sum(2 + part[0][1].cell_length for part in kept) > room:
            last = max(kept, key=lambda part: part[0][0])
            if last[0][0] <= least:
                return None
            place = kept.index(last)
            kept[place : place + 1] = [last[1:]] if len(last) > 1 else []
        return [part[0][1] for part in kept]

    def _left(self, status: StatusLine, *, are_named: bool) -> Content:
        """The ways, and what is looked at; without names, that of the present screen stays."""
        left = (
            Content.styled(" fototui ", "bold $accent") if self.size.width >= _ROOMY else Content()
        )
        self._spans = []
        for way in status.ways:
            words = [way.key, way.name] if are_named or way.is_here else [way.key]
            words += [str(way.count)] if way.count else []
            told = Content.styled(" ".join(filter(None, words)), "bold" if way.is_here else "")
            if way.alarm:
                told = Content.assemble(told, (f" {way.alarm}", "bold $text-error"))
            piece = Content.assemble(" ", told, " ")
            if way.is_here:
                piece = piece.stylize("on $accent-muted")
            start = left.cell_length
            left += piece
            self._spans.append((start, left.cell_length, way.action_id))
        if status.heading:
            left += Content.styled(f" › {clean_line(status.heading)} ", "bold")
        if status.read_only:
            words_of_it = _("READ ONLY")
            left += Content.styled(f" {words_of_it} ", "bold $text-warning on $warning-muted")
        return _plain(left) if status.plain else left

    async def on_click(self, event: Click) -> None:
        """Go where the words under the mouse say."""
        for start, end, action_id in self._spans:
            if start <= event.x < end:
                await self.app.run_action(f"act('{action_id}')")


def _plain(content: Content) -> Content:
    """The same with signs that every font has; each is as wide as the one before."""
    return Content(content.plain.translate(_PLAIN), spans=list(content.spans))


def _state(status: StatusLine) -> list[_Part]:
    """What stands at the right."""
    health = status.health
    mark, plain_mark, colour = _FEED[health.feed]
    sign = Content.styled(plain_mark if status.plain else mark, colour)
    parts: list[_Part] = [[(_FEED_RANK, sign + f" {_feed_words(health)}"), (1, sign)]]
    if health.database_ok:
        parts.append([(3, Content("● " + _("db")))])
    else:
        parts.append([(0, Content.assemble(("✗", "$error"), f" {_database_words(status)}"))])
    if others := [clean_line(name, limit=20) for name in status.others]:
        more = f" +{len(others) - _NAMES}" if len(others) > _NAMES else ""
        parts.append([(5, Content(f"☻ {', '.join(others[:_NAMES])}{more}"))])
    if status.trouble:
        parts.append([(4, Content.styled(status.trouble, "bold $text-error"))])
    parts.append(_engines(status))
    parts.append([(3, Content(f"{status.now:%H:%M} "))])
    return parts


def _engines(status: StatusLine) -> _Part:
    """How many engines there are and what they do."""
    counts = (
        ngettext("{count} engine", "{count} engines", status.engines).format(count=status.engines),
        ngettext("{count} running", "{count} running", status.running).format(count=status.running),
        ngettext("{count} waiting", "{count} waiting", status.waiting).format(count=status.waiting),
    )
    sign = "&" if status.plain else "⚙"
    return [
        (6, Content(f"{sign} " + " · ".join(counts))),
        (5, Content(f"{sign} {counts[0]}")),
        (_FEED_RANK, Content(f"{sign} {status.engines}")),
    ]


def _database_words(status: StatusLine) -> str:
    if status.health.is_refused:
        return _("db refuses")
    since = status.health.database_lost_at
    if since is None:
        return _("db lost")
    time = since.astimezone(status.now.tzinfo).strftime("%H:%M")
    return _("db lost since {time}").format(time=time)


def _feed_words(health: Health) -> str:
    return {
        FeedState.CONNECTING: _("connecting"),
        FeedState.LIVE: _("live"),
        FeedState.CATCHING_UP: _("catching up"),
        FeedState.POLLING: _("polling"),
    }[health.feed]
