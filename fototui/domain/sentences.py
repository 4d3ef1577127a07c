"""Sentences for operators, kept apart from the values in them, so that they can be translated.

A sentence is written in English where it arises, travels with its values through errors and the
database, and is put into the operator's language where it is shown.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Self, TypeAlias, Union

from pydantic import (
    BaseModel,
    ConfigDict,
    SerializationInfo,
    SerializerFunctionWrapHandler,
    model_serializer,
)

from fototui.domain.text import clean

IN_ENGLISH = "sentences in English"
"""Context for pydantic's writers to JSON: of a sentence they write its English words alone."""

# In this form, because the class is named before it is there.
Value: TypeAlias = Union[str, int, float, "Sentence", tuple["Sentence", ...]]
"""What may stand in a sentence; several sentences in a row are joined by spaces."""


class Sentence(BaseModel):
    """One sentence or two, with named places for values.

    Args:
        text: The English text, with places such as `{number}`.
        values: What stands in the places.
        plural: The English text for all counts but one; the value `count` decides then.
    """

    model_config = ConfigDict(frozen=True)

    text: str
    values: Mapping[str, Value] = {}
    plural: str | None = None

    @model_serializer(mode="wrap")
    def _write(self, write: SerializerFunctionWrapHandler, info: SerializationInfo) -> object:
        return str(self) if info.context == IN_ENGLISH else write(self)

    @classmethod
    def make(cls, text: str, plural: str | None = None, /, **values: Value) -> Self:
        """Make a sentence.

        Args:
            text: The English text.
            plural: Its form for all counts but one.
            **values: What stands in its places.
        """
        return cls(text=text, plural=plural, values=values)

    @classmethod
    def plain(cls, text: str) -> Self:
        """Take over a text that has no translation: an older program's, or a stranger's.

        Args:
            text: The text as it stands.
        """
        return cls(text="{text}", values={"text": clean(text)})

    @classmethod
    def joined(cls, parts: Sequence[Sentence], by: str = " ") -> Self:
        """Put several sentences, or parts of one, in a row.

        Args:
            parts: The sentences.
            by: What stands between them.
        """
        places = {f"part{place}": part for place, part in enumerate(parts)}
        return cls(text=by.join(f"{{{name}}}" for name in places), values=places)

    def told(
        self,
        translate: Callable[[str, str | None, int], str],
        number: Callable[[int | float], str],
    ) -> str:
        """Put the sentence into words.

        Args:
            translate: Finds the text in a language, by text, plural form and count.
            number: Writes a number.

        Returns:
            The text, safe to show and log.
        """

        def word(value: Value) -> str:
            if isinstance(value, Sentence):
                return value.told(translate, number)
            if isinstance(value, tuple):
                return " ".join(sentence.told(translate, number) for sentence in value)
            return value if isinstance(value, str) else number(value)

        count = self.values.get("count", 1)
        text = translate(self.text, self.plural, count if isinstance(count, int) else 1)
        if not self.values:
            return clean(text)
        words = {name: word(value) for name, value in self.values.items()}
        try:
            return clean(text.format(**words))
        # Whatever a slip in a text comes to: it must not hide what the text tells.
        except (LookupError, ValueError, AttributeError, TypeError):
            return clean(text)

    def __str__(self) -> str:
        """The sentence in English."""
        return self.told(
            lambda text, plural, count: text if plural is None or count == 1 else plural,
            lambda value: f"{value:g}" if isinstance(value, float) else str(value),
        )


Sentence.model_rebuild()
