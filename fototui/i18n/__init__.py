"""Czech and English.

English texts are the source of the program's own words, Czech ones of the status labels, which are
a contract with the shop. A text is translated when it is shown, so that the language can change.
"""

import gettext as _gettext
import io
import os
from datetime import datetime, tzinfo
from functools import cache
from pathlib import Path

from fototui.domain import language as languages
from fototui.domain.errors import FototuiError
from fototui.domain.sentences import Sentence

LANGUAGES = ("cs", "en")

_FOLDER = Path(__file__).parent
_MONTHS = ("Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec")

_translations: _gettext.NullTranslations = _gettext.NullTranslations()
_language = "en"
_is_chosen = False


def preferred_language() -> str:
    """The language of the environment: Czech where the locale is Czech, else English."""
    return languages.preferred_language(os.environ)


def set_language(language: str) -> None:
    """Show everything in a language from now on.

    Args:
        language: "cs" or "en".

    Raises:
        ValueError: There is no such catalogue.
    """
    global _translations, _language, _is_chosen  # noqa: PLW0603 - one language for the process
    if language not in LANGUAGES:
        raise ValueError(f"there is no language {language!r}")
    _translations = _catalogue(language)
    _language = language
    _is_chosen = True


@cache
def _catalogue(language: str) -> _gettext.NullTranslations:
    """Read a compiled catalogue; in a checkout, one that was changed since is compiled for now."""
    source, compiled = (_FOLDER / f"{language}.{kind}" for kind in ("po", "mo"))
    if not source.exists() or _is_newer(compiled, source):
        with compiled.open("rb") as file:
            return _gettext.GNUTranslations(file)
    # Only translators need it, and it takes a while.
    from babel.messages.mofile import write_mo
    from babel.messages.pofile import read_po

    made = io.BytesIO()
    with source.open("rb") as file:
        write_mo(made, read_po(file, locale=language))
    made.seek(0)
    return _gettext.GNUTranslations(made)


def _is_newer(file: Path, than: Path) -> bool:
    return file.exists() and file.stat().st_mtime_ns >= than.stat().st_mtime_ns


def speak_at_least() -> None:
    """Speak the environment's language where none was chosen yet."""
    if not _is_chosen:
        set_language(preferred_language())


def language() -> str:
    """The present language."""
    return _language


def _(text: str) -> str:
    """Translate a text."""
    return _translations.gettext(text) if text else text


def ngettext(singular: str, plural: str, count: int) -> str:
    """Translate a text that depends on a number."""
    return _translations.ngettext(singular, plural, count)


def N_(text: str) -> str:  # noqa: N802 - gettext's name for "to be translated later"
    """Mark a text for the catalogue, to be translated where it is shown."""
    return text


def translate(what: Sentence | FototuiError) -> str:
    """A sentence, or an error's, in the present language."""
    sentence = what.sentence if isinstance(what, FototuiError) else what
    return sentence.told(_translated, number)


_ENGINE = " (engine)"


def who(actor: str) -> str:
    """Whom the activity log names, in the present language: an operator, or somebody's engine.

    Args:
        actor: As it is stored.
    """
    if not actor.endswith(_ENGINE):
        return actor
    return _("{operator} (engine)").format(operator=actor.removesuffix(_ENGINE))


def _translated(text: str, plural: str | None, count: int) -> str:
    return _(text) if plural is None else ngettext(text, plural, count)


def number(value: int | float) -> str:
    """A number as the language writes it, without grouping, for instance "0,5"."""
    text = f"{value:.6f}".rstrip("0").rstrip(".")
    return text.replace(".", ",") if _language == "cs" else text


def short_time(moment: datetime, zone: tzinfo) -> str:
    """A moment as a list shows it, for instance "20.11. 14:02"."""
    at = moment.astimezone(zone)
    day = f"{at.day}.{at.month}." if _language == "cs" else f"{at.day} {_MONTHS[at.month - 1]}"
    return f"{day} {at:%H:%M}"


def full_time(moment: datetime, zone: tzinfo) -> str:
    """A moment with its year, in the language's own form."""
    at = moment.astimezone(zone)
    if _language == "cs":
        return f"{at.day}. {at.month}. {at.year} {at.hour}:{at:%M:%S}"
    half = "AM" if at.hour < 12 else "PM"
    # A narrow space that breaks no line.
    return (
        f"{_MONTHS[at.month - 1]} {at.day}, {at.year}, {at.hour % 12 or 12}:{at:%M:%S}\u202f{half}"
    )
