"""Text that comes from strangers: names, dedications, file names, error bodies."""

import re
import unicodedata

# What ends a line in any program: words of two lines must not become one.
_LINE_END = re.compile("\r\n|[\r\x0b\x0c\x85\u2028\u2029]")

# C0 without tab and newline, DEL, C1, bidi marks, embeddings, overrides and isolates, zero-width
# characters other than the joiners that emoji and Indic scripts need, line and paragraph
# separators, lone surrogates and noncharacters: none belongs to what a person reads, each can
# forge a screen.
_UNSAFE = re.compile(
    "[\x00-\x08\x0b-\x1f\x7f-\x9f\u061c\u200b\u200e\u200f\u2028-\u202e\u2060-\u206f\ufeff"
    "\ufff9-\ufffb\ud800-\udfff\ufffe\uffff]"
)

# Those of Latin, Greek and Cyrillic letters: without its marks, a word of other scripts is another.
# The database takes the same ones away.
_ACCENTS = re.compile("[\u0300-\u036f]")


def czech(text: str) -> str:
    """Mark a Czech label for the translations' catalogues, which find it by this name.

    Args:
        text: The label.
    """
    return text


def clean(text: str, *, limit: int = 10_000) -> str:
    """Take control and direction characters out of a text, and bound its length.

    Args:
        text: Any text.
        limit: Longest result in characters; a longer text ends in an ellipsis.

    Returns:
        The text, safe to store, log and show (it may still look like markup).
    """
    if not text.isprintable():  # nearly all are, and of those none has anything of it
        text = _UNSAFE.sub("", _LINE_END.sub("\n", text))
    return text if len(text) <= limit else text[: limit - 1] + "…"


def clean_line(text: str, *, limit: int = 500) -> str:
    """Like `clean`, and on one line: runs of white space become one space.

    Args:
        text: Any text.
        limit: Longest result in characters.

    Returns:
        One trimmed line.
    """
    # Nearly all are such: of white space, a plain space is all that counts as printable.
    if len(text) <= limit and text.isprintable() and "  " not in text:
        return text.strip()
    return clean(" ".join(clean(text, limit=limit * 4).split()), limit=limit)


def folded(text: str) -> str:
    """A text as searches compare it: lower case, without accents, so that "novak" finds "Novák".

    Args:
        text: Any text.
    """
    if text.isascii():
        return text.lower()
    return _ACCENTS.sub("", unicodedata.normalize("NFKD", text)).casefold()
