"""What an operator reads of a book: how far it is, whether it is still true, what was found."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import tzinfo

from textual.content import Content

from fototui.domain.books import Finding
from fototui.domain.text import clean_line
from fototui.i18n import _, ngettext, short_time, translate
from fototui.services.views.books import BookView
from fototui.widgets.badges import MUTED, badge_in_words

_MOST_FINDINGS = 2  # under the line of a book; the others are under its pages


def book_line(view: BookView, zone: tzinfo, *, ascii_badges: bool) -> Content:
    """A book in a line.

    Args:
        view: The book.
        zone: In which times are shown.
        ascii_badges: Use the signs that every font has.
    """
    parts = [Content.styled(book_name(view), "bold")]
    if view.file is None:
        parts.append(badge_in_words(view.status, ascii_badges))
        if view.error is not None:
            parts.append(Content(clean_line(translate(view.error), limit=300)))
        return Content(" · ").join(parts)
    pages = view.pages or 0
    parts.append(Content(ngettext("{count} page", "{count} pages", pages).format(count=pages)))
    if view.completed_at is not None:
        made = _("made {time}").format(time=short_time(view.completed_at, zone))
        parts.append(Content.styled(made, MUTED))
    if not view.current:
        parts.append(Content.styled(_("out of date"), "bold $warning"))
    if count := len(view.findings or ()):
        words = ngettext("{count} warning", "{count} warnings", count).format(count=count)
        parts.append(Content.styled(words, "$warning"))
    return Content(" · ").join(parts)


def book_name(view: BookView) -> str:
    """What a book is called where its order is known."""
    return _("Book v{number}").format(number=view.version)


def order_books(
    books: Iterable[BookView], zone: tzinfo, *, items: int, ascii_badges: bool
) -> Content:
    """The newest book of each line item of an order, with the first findings.

    Args:
        books: All books of the order, by line item and number.
        zone: In which times are shown.
        items: Line items of the order; with several of them each line tells its own.
        ascii_badges: Use the signs that every font has.
    """
    lines: list[Content] = []
    for view in {view.line_item_id: view for view in books}.values():
        place = f"{view.position}. " if items > 1 else ""
        lines.append(Content(place) + book_line(view, zone, ascii_badges=ascii_badges))
        found = [finding_words(finding) for finding in view.findings or ()]
        more = [f"… {len(found) - _MOST_FINDINGS}"] if len(found) > _MOST_FINDINGS else []
        lines += [
            Content.styled(f"  {words}", "$warning") for words in [*found[:_MOST_FINDINGS], *more]
        ]
    return Content("\n").join(lines)


def finding_words(finding: Finding) -> str:
    """A finding with its page, where it is about one."""
    words = clean_line(translate(finding.sentence), limit=300)
    if finding.page is None:
        return words
    return _("Page {page}: {words}").format(page=finding.page, words=words)
