"""Event streams as the standard reads them, however they are cut into chunks."""

from __future__ import annotations

import itertools

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from fototui.mercure.event_stream import EventStream, EventTooLongError, ServerEvent


def _read(*chunks: bytes) -> list[ServerEvent]:
    stream = EventStream()
    return list(itertools.chain.from_iterable(stream.feed(chunk) for chunk in chunks))


@pytest.mark.parametrize(
    ("text", "events"),
    [
        (b"\xef\xbb\xbfid: 1\ndata: x\n\n", [("1", "x")]),
        (b"\xef\xbb\xbf\xef\xbb\xbfid: 1\ndata: x\n\n", [("", "x")]),
        (b"id: 1\r\ndata: x\r\n\r\n", [("1", "x")]),
        (b"id: 1\rdata: x\r\r", [("1", "x")]),
        (b"data:x\ndata: y\ndata\n\n", [("", "x\ny\n")]),
        (b"data:  two\n\n", [("", " two")]),
        (b": a comment\n\n", []),
        (b"id: 1\n\n", [("1", "")]),
        (b"id: 1\ndata: x\n\ndata: y\n\n", [("1", "x"), ("1", "y")]),
        (b"id: 1\ndata: x\n\nid\ndata: y\n\n", [("1", "x"), ("", "y")]),
        (b"id: a\0b\ndata: x\n\n", [("", "x")]),
        (b"data: x\n", []),
        (b"data: x\xe2\x80\xa8y\x0bz\n\n", [("", "x\u2028y\x0bz")]),
        (b"data: \xff\n\n", [("", "\ufffd")]),
        (b"event: e\nnonsense\nretry: x\ndata: x\n\n", [("", "x")]),
    ],
)
def test_as_the_standard_says(text: bytes, events: list[tuple[str, str]]) -> None:
    wanted = [ServerEvent(*event) for event in events]
    assert _read(text) == wanted
    assert _read(*(text[n : n + 1] for n in range(len(text)))) == wanted


@pytest.mark.parametrize(
    ("value", "seconds"), [("1500", 1.5), ("0", 0), ("-5", None), ("1_0", None), ("٣", None)]
)
def test_the_wait_is_digits(value: str, seconds: float | None) -> None:
    stream = EventStream()
    list(stream.feed(f"retry: {value}\n".encode()))
    assert stream.retry_seconds == seconds


def test_an_event_without_an_end_is_refused() -> None:
    stream = EventStream()
    lines = [b"data: " + b"x" * 100_000 + b"\n"] * 100
    with pytest.raises(EventTooLongError):
        list(itertools.chain.from_iterable(map(stream.feed, lines)))
    with pytest.raises(EventTooLongError):
        list(EventStream().feed(b"x" * 5_000_000))


PIECES = st.sampled_from(
    [b"id: 1", b"data", b"data: x", b":", b"\n", b"\r", b"\r\n", b"\xef\xbb\xbf", b"\xff", b"\0"]
)


@settings(max_examples=100, deadline=None)
@given(pieces=st.lists(PIECES, max_size=30), cuts=st.lists(st.integers(0, 60), max_size=6))
def test_how_it_is_cut_makes_no_difference(pieces: list[bytes], cuts: list[int]) -> None:
    text = b"".join(pieces)
    places = [0, *sorted(min(cut, len(text)) for cut in cuts), len(text)]
    assert _read(*(text[a:b] for a, b in itertools.pairwise(places))) == _read(text)
