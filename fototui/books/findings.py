"""What operators are told of a book, by kind."""

from collections.abc import Iterable, Sequence

from fototui.books.preflight import THIN
from fototui.domain.books import Finding, FindingKind
from fototui.domain.sentences import Sentence

_SENTENCES = {
    FindingKind.DEDICATION_CUT: Sentence.make(
        "The dedication is too long for a page; its end is left out."
    ),
    FindingKind.NEARLY_EMPTY: Sentence.make("The page is nearly empty."),
    FindingKind.NEARLY_BLACK: Sentence.make(
        "The page is nearly black; little of it is left to be coloured."
    ),
    FindingKind.SPECKS: Sentence.make("The drawing has many specks; each is printed."),
    FindingKind.TOUCHES_EDGE: Sentence.make(
        "The drawing lies along the edge of its picture; see whether something is cut off."
    ),
    FindingKind.THIN_LINES: Sentence.make(
        "Many lines are thinner than {millimetres} mm; a press may lose them.", millimetres=THIN
    ),
    FindingKind.COLOURS: Sentence.make("The picture has colours; they are printed as greys."),
    FindingKind.NO_LINE_ART: Sentence.make(
        "The SVG holds more than plain shapes, such as text, a gradient or a filter; that is left "
        "out."
    ),
    FindingKind.RASTER_IMAGE: Sentence.make("The SVG holds an image of pixels; it is left out."),
    FindingKind.OUTSIDE_REFERENCE: Sentence.make(
        "The SVG refers to another file, which is never fetched."
    ),
    FindingKind.ACTIVE_CONTENT: Sentence.make(
        "The SVG holds a script or another document; it is left out."
    ),
}
_OF_TEMPLATE = {
    FindingKind.COLOURS: Sentence.make("The template prints colours on the page."),
    FindingKind.RASTER_IMAGE: Sentence.make("The template prints an image of pixels on the page."),
}

_MOST_NAMED = 40
_UNKNOWN = "\N{REPLACEMENT CHARACTER}"


def of_picture(kinds: Iterable[FindingKind], page: int | None = None) -> list[Finding]:
    """What is to be said of a picture, each kind once.

    Args:
        kinds: What was found in it.
        page: The page that it is on.
    """
    return [Finding(page=page, kind=kind, sentence=_SENTENCES[kind]) for kind in sorted(set(kinds))]


def of_template(kinds: Iterable[FindingKind], page: int) -> list[Finding]:
    """What is to be said of a page that no picture is to blame for.

    Args:
        kinds: What was found on it.
        page: Which page.
    """
    return [
        Finding(page=page, kind=kind, sentence=_OF_TEMPLATE[kind]) for kind in sorted(set(kinds))
    ]


def of_dedication(page: int | None, *, is_cut: bool, missing: str) -> list[Finding]:
    """What is to be said of the dedication.

    Args:
        page: The page that it is on.
        is_cut: It is too long for a page.
        missing: Its characters that cannot be printed.
    """
    found = of_picture([FindingKind.DEDICATION_CUT], page) if is_cut else []
    if missing:
        sentence = Sentence.make(
            "The dedication has characters that no font here has; they are left out: {characters}",
            characters=_listed(missing),
        )
        found.append(Finding(page=page, kind=FindingKind.MISSING_CHARACTERS, sentence=sentence))
    return found


def of_letters(pages: Iterable[int], missing: str) -> list[Finding]:
    """What is to be said where the template prints characters that no font has.

    Args:
        pages: On which pages it does.
        missing: The characters, as far as they are known.
    """
    sentence = Sentence.make(
        "The template prints characters that no font here has; boxes stand in their place: "
        "{characters}",
        characters=_listed(missing or _UNKNOWN),
    )
    kind = FindingKind.MISSING_CHARACTERS
    return [Finding(page=page, kind=kind, sentence=sentence) for page in pages]


def of_pictures_left_out(numbers: Sequence[int]) -> list[Finding]:
    """What is to be said where the template does not print all pictures.

    Args:
        numbers: Those that it leaves out.
    """
    if not numbers:
        return []
    more = ", …" if len(numbers) > _MOST_NAMED else ""
    sentence = Sentence.make(
        "The template does not print picture {numbers}.",
        "The template does not print pictures {numbers}.",
        count=len(numbers),
        numbers=", ".join(map(str, numbers[:_MOST_NAMED])) + more,
    )
    return [Finding(page=None, kind=FindingKind.PICTURE_LEFT_OUT, sentence=sentence)]


def _listed(characters: str) -> str:
    """Characters side by side; by their numbers those that nobody could see."""
    told = [each if each.isprintable() else f"U+{ord(each):04X}" for each in characters]
    return " ".join(told[:_MOST_NAMED]) + (" …" if len(told) > _MOST_NAMED else "")
