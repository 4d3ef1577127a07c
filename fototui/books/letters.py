"""Letters that no font of a book has: Typst prints a box in their place, or nothing, and says so
only where a file has to be archivable.
"""

import json
import re
import unicodedata
from collections.abc import Collection, Iterable
from typing import Final

import typst

# Typst refuses an archivable file with characters that no font has, and names them.
ARCHIVABLE: Final = "a-2b"

_PROBE = b"""
#set document(date: datetime(year: 2000, month: 1, day: 1))
#set text(font: ("EB Garamond", "Noto Emoji"), lang: "cs")
#for each in json(bytes(sys.inputs.words)) [#each \\ ]
"""
_NOT_SHOWN = re.compile(r'the text `"((?:[^"\\\n]|\\.)+)"` could not be displayed')
_ESCAPE = re.compile(r"\\(?:u\{([0-9a-f]{1,6})\}|(.))")
# What each program takes for a sign of its own, such as the smileys of older mail programs. Fonts
# have ligatures or ornaments there.
_PRIVATE = "Co"
# Spaces, joiners, soft hyphens, what chooses a letter's form: nobody misses their glyph.
_INVISIBLE = frozenset({"Cc", "Cf", "Zs", "Zl", "Zp"})
_FORMS = range(0xFE00, 0xFE10)


def missing_characters(text: str, fonts: typst.Fonts) -> str:
    """The characters of a text that none of the fonts has, each once.

    Args:
        text: The text.
        fonts: All there are.
    """
    # Alone, each shows what it is: with a sign above it a letter that is missing goes unnoticed.
    missing = {each for each in text if unicodedata.category(each) == _PRIVATE}
    missing |= _not_shown(dict.fromkeys(text), fonts)
    missing |= _not_shown([without(text, missing)], fonts)
    return "".join(each for each in dict.fromkeys(text) if each in missing and is_visible(each))


def is_visible(text: str) -> bool:
    """Whether anything of a text leaves ink on paper.

    Args:
        text: The text.
    """
    return any(
        unicodedata.category(each) not in _INVISIBLE and ord(each) not in _FORMS for each in text
    )


def without(text: str, missing: Collection[str]) -> str:
    """A text without the characters that no font has, nor the signs that stand above or below them.

    Args:
        text: The text.
        missing: The characters.
    """
    kept = []
    is_left_out = False
    for each in text:
        is_sign = unicodedata.category(each).startswith("M") or unicodedata.category(each) == "Cf"
        is_left_out = each in missing or (is_left_out and is_sign)
        if not is_left_out:
            kept.append(each)
    return re.sub(" {2,}", " ", "".join(kept)).strip()


def named(error: typst.TypstError) -> str:
    """The characters that Typst names when it refuses to make an archivable file, each once.

    Args:
        error: How it refused.
    """
    found = "".join(map(_unescaped, _NOT_SHOWN.findall(error.diagnostic or "")))
    return "".join(dict.fromkeys(found))


def _not_shown(words: Iterable[str], fonts: typst.Fonts) -> set[str]:
    try:
        typst.compile(
            _PROBE,
            sys_inputs={"words": json.dumps(list(words))},
            font_paths=fonts,
            ignore_system_fonts=True,
            pdf_standards=ARCHIVABLE,
            timestamp=0,
        )
    except typst.TypstError as error:
        return set(named(error))
    return set()


def _unescaped(text: str) -> str:
    """What Typst writes as Rust does: `\\u{301}` for a sign that would not stand alone."""
    return _ESCAPE.sub(lambda found: chr(int(found[1], 16)) if found[1] else found[2], text)
