"""One picture of the review beside its original, with whose it is; or that there is none."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime, tzinfo

from textual.app import ComposeResult
from textual.containers import Horizontal, Vertical
from textual.content import Content
from textual.widgets import Static

from fototui.domain.files import S3ObjectRefData
from fototui.domain.sentences import Sentence
from fototui.domain.statuses import JobKind, VersionType
from fototui.domain.text import clean_line
from fototui.i18n import _, ngettext, translate
from fototui.pictures.loader import PictureLoader
from fototui.pictures.preflight import Preflight
from fototui.pictures.viewport import Viewport
from fototui.services.review.queue import ReviewFilter, ReviewItem
from fototui.services.views.versions import VersionView
from fototui.ui.workers import begin
from fototui.ui.zooming import closeness
from fototui.widgets.picture.widget import Picture, PictureState
from fototui.widgets.version_words import approval_words, kind_word, version_words


@dataclass(frozen=True, slots=True)
class _Shown:
    """One picture with its words."""

    file: S3ObjectRefData | None
    caption: str
    empty: str = ""


class ReviewPanel(Vertical):
    """What the review shows; it knows no queue.

    What would be found in an SVG once it is printed comes as soon as it is known; nothing waits for
    that.

    Args:
        pictures: Loads pictures.
        preflight: Checks SVGs.
        zone: In which times are shown.
        now: The clock.
    """

    DEFAULT_CSS = """
    ReviewPanel #about { height: auto; padding: 0 1; background: $surface; }
    ReviewPanel #about Static { height: 1; text-wrap: nowrap; text-overflow: ellipsis; }
    ReviewPanel #about Horizontal { height: 1; }
    ReviewPanel #order { width: 1fr; }
    ReviewPanel #progress { width: auto; padding-left: 2; text-style: bold; }
    ReviewPanel #words { color: $text-muted; }
    ReviewPanel #warning { color: $warning; display: none; }
    ReviewPanel #pictures { height: 1fr; }
    ReviewPanel #original { width: 2fr; }
    ReviewPanel #version { width: 3fr; margin-left: 1; }
    ReviewPanel #empty { height: 1fr; content-align: center middle; text-align: center; }
    """

    def __init__(
        self,
        pictures: PictureLoader,
        preflight: Preflight,
        *,
        zone: tzinfo,
        now: Callable[[], datetime],
    ) -> None:
        super().__init__()
        self._zone, self._clock = zone, now
        self._pictures = pictures
        self._preflight = preflight
        self._warning = ""
        self._item: ReviewItem | None = None
        self._version: VersionView | None = None
        self._viewport = Viewport()
        self._alone: int | None = None
        """Which picture has all the room; None where two stand beside each other."""
        self._svg: S3ObjectRefData | None = None
        """What is shown, where that is an SVG."""
        self._ahead: Sequence[S3ObjectRefData] = ()
        self._asked: Sequence[S3ObjectRefData] = ()

    def compose(self) -> ComposeResult:
        """Words above, pictures below."""
        with Vertical(id="about"):
            with Horizontal(id="head"):
                yield Static(id="order")
                yield Static(id="progress")
            yield Static(id="words")
            yield Static(id="warning")
        with Horizontal(id="pictures"):
            yield Picture(self._pictures, id="original")
            yield Picture(self._pictures, id="version")
        yield Static(id="empty")

    @property
    def is_there(self) -> bool:
        """All its parts stand: the innermost come last, and go first when the screen is left."""
        return bool(self.query("#order"))

    @property
    def is_loading(self) -> bool:
        """The version cannot be seen yet."""
        return self.query_one("#version", Picture).state is PictureState.LOADING

    @property
    def is_version_hidden(self) -> bool:
        """What the version was made from stands in its place."""
        return bool(self._alone)

    def blink(self) -> None:
        """Give the version all the room, then in its place what it was made from, then both."""
        places = [None, *range(len(self._pictures_of_item()))]
        self._alone = places[(places.index(self._alone) + 1) % len(places)]
        self._show_pictures()

    def _pictures_of_item(self) -> list[_Shown]:
        """The version and what it was made from, the nearest first."""
        item, version = self._item, self._version
        if item is None:
            return []
        caption = "" if version is None else version_words(version)
        if version is not None and (count := len(item.versions)) > 1:
            caption += f" · {item.versions.index(version) + 1}/{count}"
        caption = " · ".join(filter(None, (caption, closeness(self._viewport))))
        shown = [_Shown(None if version is None else version.file, caption)]
        shown += [
            _Shown(view.file, f"{kind_word(JobKind.COLORING)} v{view.version}")
            for view in item.image.versions(VersionType.COLORING)
            if version is not None and view.id == version.coloring_version_id
        ]
        photo = _Shown(item.image.file, _("Original"), empty=_("The photo is not in storage yet."))
        return [*shown, photo]

    def _show_pictures(self) -> None:
        pictures = self._pictures_of_item()
        left, right = self.query_one("#original", Picture), self.query_one("#version", Picture)
        left.display = self._alone is None
        for picture, shown in ((left, pictures[1]), (right, pictures[self._alone or 0])):
            picture.show(shown.file, caption=shown.caption, empty=shown.empty)
            picture.viewport = self._viewport

    def show(
        self,
        item: ReviewItem,
        version: VersionView | None,
        within: ReviewFilter,
        viewport: Viewport,
    ) -> None:
        """Show a picture.

        Args:
            item: The picture.
            version: Which of its versions.
            within: Which pictures are wanted.
            viewport: Which part of the pictures is looked at.
        """
        self._switch(has_picture=True)
        self.query_one("#order", Static).update(_about(item))
        self.query_one("#progress", Static).update(Content(_how_many(item, within)))
        self.query_one("#words", Static).update(self._words(item))
        before = self._item
        if before is None or (before.image.id, before.kind) != (item.image.id, item.kind):
            self._alone = None
        self._item, self._version, self._viewport = item, version, viewport
        self._show_pictures()
        file = None if version is None else version.file
        self._svg = file if item.kind is VersionType.SVG else None
        self._paint_warning()
        self._look_closer()

    def check_ahead(self, files: Sequence[S3ObjectRefData]) -> None:
        """Have SVGs checked that will be shown next, after the one that is shown.

        Args:
            files: The SVGs.
        """
        self._ahead = files
        self._look_closer()

    def say(self, words: Content) -> None:
        """Say something in place of a picture."""
        self._switch(has_picture=False)
        self._svg = None
        self.query_one("#empty", Static).update(words)

    def warn(self, words: str) -> None:
        """Show a line of warning; an empty one takes it away, and leaves room for a hint."""
        self._warning = words
        self._paint_warning()

    def _paint_warning(self) -> None:
        found = None if self._svg is None else self._preflight.known(self._svg)
        words = self._warning or _in_print(found or ())
        # There is none while the panel is being taken off the screen, which a check may outlive.
        for warning in self.query("#warning").results(Static):
            warning.display = bool(words)
            warning.update(Content(clean_line(words)))

    def _look_closer(self) -> None:
        wanted = [*([] if self._svg is None else [self._svg]), *self._ahead]
        if wanted == self._asked:
            return
        self._asked = wanted

        async def check() -> None:
            for file in wanted:
                await self._preflight.check(file)
                if self.is_there:
                    self._paint_warning()

        begin(self, check, group="preflight", exclusive=True)

    def _words(self, item: ReviewItem) -> Content:
        words: list[str | Content] = []
        if (asked := item.customer_note) is not None:
            asked = clean_line(asked, limit=300)
            mark = _("Waits for the customer: {note}") if asked else _("Waits for the customer")
            words.append(Content.styled(mark.format(note=asked), "$warning"))
        if dedication := clean_line(item.dedication or ""):
            words.append(_("“{text}”").format(text=dedication))
        if note := clean_line(item.note or ""):
            words.append(_("Note: {text}").format(text=note))
        # Of an SVG it matters who approved its colouring, too.
        for kind in VersionType:
            approved = approval_words(item.image, kind, zone=self._zone, now=self._clock())
            if approved:
                words.append(f"{kind_word(kind)}: {approved}")
        return Content("   ").join(words)

    def _switch(self, *, has_picture: bool) -> None:
        self.query_one("#pictures").display = has_picture
        self.query_one("#empty").display = not has_picture
        for name in ("head", "words"):
            self.query_one(f"#{name}").display = has_picture


def _how_many(item: ReviewItem, within: ReviewFilter) -> str:
    """How many pictures are left, and what keeps others out."""
    only = [kind_word(within.kind)] if within.kind is not None else []
    if within.order_id is not None:
        only.append(_("this order"))
    left = ngettext("{count} left", "{count} left", item.left).format(count=item.left)
    return " · ".join([*only, left])


def _in_print(found: Sequence[Sentence]) -> str:
    """What was found in an SVG, on one line; how much that is comes first."""
    words = " ".join(translate(sentence) for sentence in found)
    if len(found) > 1:
        return _("In print ({count}): {words}").format(count=len(found), words=words)
    return words and _("In print: {words}").format(words=words)


def _about(item: ReviewItem) -> Content:
    kind = kind_word(item.kind)
    page = _("picture {number}").format(number=item.image.position)
    parts = [clean_line(item.customer_name or ""), clean_line(item.title), page, kind]
    rest = " · ".join(part for part in parts if part)
    return Content.assemble((clean_line(item.order_number), "bold $accent"), f"  {rest}")
