"""What a book is made of, and what comes of it."""

from dataclasses import dataclass, field

from fototui.domain.books import BookOptions, Finding

SERVICE = "Typst"
"""What makes books, as errors name it."""


@dataclass(frozen=True, slots=True)
class BookRequest:
    """What a book is made of; the same request gives the same bytes.

    Args:
        order_number: The order's number, for the file's metadata.
        title: The line item's title, for the file's metadata.
        dedication: What stands on the first page; None or blank for no such page.
        layout: The shop's words for the layout ("Na šířku").
        pages: The SVGs, in the order of their pages.
        options: How it is typeset.
    """

    order_number: str
    title: str
    dedication: str | None
    layout: str | None
    pages: tuple[bytes, ...]
    options: BookOptions = field(default_factory=BookOptions)


@dataclass(frozen=True, slots=True)
class TypesetBook:
    """A book that can be printed.

    Args:
        pdf: The file.
        pages: How many pages it has, blank ones and the dedication's included.
        findings: What to look at before it is printed, by page.
    """

    pdf: bytes
    pages: int
    findings: tuple[Finding, ...]
