"""A customer's words as a Czech typesetter would set them."""

import re

from fototui.domain.text import clean

MAX_CHARACTERS = 5_000
"""About as much as fits on a page in the smallest type."""
MAX_LINES = 70

# A word without an end would run off the page: here lines may break between its letters.
_LONG_WORD = re.compile(r"\S{31,}")
_MAY_BREAK = "\u200b"
_EVERY = 20

_RULES: tuple[tuple[re.Pattern[str], str], ...] = tuple(
    (re.compile(pattern), replacement)
    for pattern, replacement in (
        (r"\t", " "),
        (r" {2,}", " "),
        (r" *\n *", "\n"),
        (r"\n{3,}", "\n\n"),
        (r"\.{3}", "…"),
        # Quotes are "like this" on keyboards, and “like this” from other programs.
        (r"(?<=\w)['’](?=\w)", "’"),
        (r"(?:(?<=^)|(?<=[\s(\[–—„‚-]))[\"“”](?=\S)", "„"),
        (r"[\"”]", "“"),
        (r"(?:(?<=^)|(?<=[\s(\[–—„-]))['‘](?=\S)", "‚"),
        (r"['’](?!\w)", "‘"),
        (r"(?<=\s)-{1,2}(?=\s)", "–"),
        (r"(?<=\d)-(?=\d)", "–"),
        # No line ends in a preposition or conjunction of one letter.
        (r"(?<![^\s(„‚])([AaIiKkOoSsUuVvZz]) (?=\S)", "\\1\u00a0"),
        (r"(?<=\d\.) (?=\d)", "\u00a0"),
    )
)


def dedication_text(words: str | None) -> tuple[str | None, bool]:
    """Set a dedication: Czech quotes and dashes, no lonely prepositions, no endless words.

    Args:
        words: As the customer wrote them.

    Returns:
        The text, None where nothing is written; and whether its end had to be left out.
    """
    # No rule makes a text shorter by more than its white space.
    text = clean(words or "", limit=MAX_CHARACTERS * 4).strip()
    for pattern, replacement in _RULES:
        text = pattern.sub(replacement, text)
    lines = text.split("\n")
    short = "\n".join(lines[:MAX_LINES])[:MAX_CHARACTERS]
    is_cut = short != text
    if is_cut:
        short = short.rstrip() + " …"
    return _LONG_WORD.sub(_breakable, short) or None, is_cut


def _breakable(found: re.Match[str]) -> str:
    word = found[0]
    return _MAY_BREAK.join(word[place : place + _EVERY] for place in range(0, len(word), _EVERY))
