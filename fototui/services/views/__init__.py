"""What services give to their readers: values read once, detached from any session.

`as_json` turns any of them into plain JSON data: times in ISO 8601, statuses and ids as text.
"""

from pydantic_core import to_jsonable_python

from fototui.domain.sentences import IN_ENGLISH, Sentence


def as_json(view: object) -> object:
    """Turn views into JSON data.

    Args:
        view: A view, or a list or dictionary of views.

    Returns:
        Dictionaries, lists, texts, numbers; sentences in English.
    """
    return to_jsonable_python(view, context=IN_ENGLISH)


def stored(text: str | None, words: Sentence | None) -> Sentence | None:
    """Read a sentence that is stored twice: in English, and so that it can be translated.

    Args:
        text: The English column, which decides: an older program writes it alone.
        words: The other one.

    Returns:
        The sentence; None where there is none.
    """
    if not text:  # who pauses a lane need not say why
        return None
    return words if words is not None and str(words) == text else Sentence.plain(text)
