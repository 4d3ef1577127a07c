"""Files of the corpus, spoiled: what reads from outside is fed with these."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TypeAlias

from hypothesis import strategies as st
from hypothesis.strategies import DrawFn, SearchStrategy

CORPUS = Path(__file__).parent.parent / "corpus"

Json: TypeAlias = "bool | int | float | str | list[Json] | dict[str, Json] | None"

_ODD: SearchStrategy[Json] = st.sampled_from(
    [
        *(None, True, 0, -1, 10**30, 1.5, float("nan"), float("inf"), "", "x", "\0", "\ud800"),
        *("9" * 400, "../../etc/passwd", "\u202e", "2026-11-20T10:00:00Z", "0001-01-01T00:00:00"),
        *([], {}, [None], [[]], {"a": []}, ["x", 1], {"id": "gid://shopify/Order/7"}),
    ]
)


def files(folder: str) -> list[Path]:
    """The corpus of one kind."""
    found = sorted((CORPUS / folder).iterdir())
    assert found
    return found


def lines(name: str) -> list[str]:
    """The lines of a file of the corpus."""
    return (CORPUS / name).read_text("utf-8").splitlines()


@st.composite
def spoiled(draw: DrawFn, data: bytes) -> bytes:
    """A file with some of its bytes replaced, repeated, taken out or cut off."""
    spoilt = bytearray(data)
    for _ in range(draw(st.integers(0, 4))):
        start = draw(st.integers(0, len(spoilt)))
        end = min(len(spoilt), start + draw(st.integers(0, 24)))
        match draw(st.sampled_from(["noise", "repeat", "out", "cut", "flip"])):
            case "noise":
                spoilt[start:end] = draw(st.binary(max_size=24))
            case "repeat":
                spoilt[start:start] = spoilt[start:end] * draw(st.integers(1, 50))
            case "out":
                del spoilt[start:end]
            case "cut":
                del spoilt[start:]
            case _ if start < len(spoilt):
                spoilt[start] ^= 1 << draw(st.integers(0, 7))
    return bytes(spoilt)


@st.composite
def spoiled_json(draw: DrawFn, text: bytes) -> bytes:
    """JSON with one to three of its values replaced, or spoiled as bytes."""
    if draw(st.integers(0, 4)) == 0:
        return draw(spoiled(text))
    value: Json = json.loads(text)
    for _ in range(draw(st.integers(1, 3))):
        places = list(_places(value))
        value = _replaced(value, draw(st.sampled_from(places)), draw(_ODD))
    return json.dumps(value).encode()


def _places(value: Json, path: tuple[str | int, ...] = ()) -> list[tuple[str | int, ...]]:
    found = [path]
    if isinstance(value, dict):
        for key, part in value.items():
            found += _places(part, (*path, key))
    elif isinstance(value, list):
        for place, part in enumerate(value):
            found += _places(part, (*path, place))
    return found


def _replaced(value: Json, path: tuple[str | int, ...], by: Json) -> Json:
    if not path:
        return by
    first, *rest = path
    if isinstance(value, dict) and isinstance(first, str):
        return {**value, first: _replaced(value[first], tuple(rest), by)}
    if isinstance(value, list) and isinstance(first, int):
        return [
            _replaced(part, tuple(rest), by) if place == first else part
            for place, part in enumerate(value)
        ]
    return value


def any_of(folder: str) -> SearchStrategy[bytes]:
    """A spoiled file of one kind."""
    choices = [path.read_bytes() for path in files(folder)]
    return st.sampled_from(choices).flatmap(spoiled)


def any_json_of(folder: str) -> SearchStrategy[bytes]:
    """A spoiled JSON file of one kind."""
    choices = [path.read_bytes() for path in files(folder)]
    return st.sampled_from(choices).flatmap(spoiled_json)


def any_line_of(name: str) -> SearchStrategy[str]:
    """A spoiled line of a file."""
    choices = [line.encode() for line in lines(name)]
    return (
        st.sampled_from(choices).flatmap(spoiled).map(lambda data: data.decode("utf-8", "replace"))
    )
