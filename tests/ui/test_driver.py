"""Output to a terminal that takes nothing for a while, or is gone."""

from __future__ import annotations

import os
import pty
import sys
import threading
import tty

import pytest
from textual.app import App

from fototui.ui.driver import TerminalDriver, TerminalOutput
from tests.waiting import PATIENCE, until

BIG = "x" * (1 << 20)
"""More than a terminal holds."""


def _terminal() -> tuple[int, int]:
    """A terminal's end that is read, and the one that is written to."""
    reading, writing = pty.openpty()
    tty.setraw(writing)
    return reading, writing


async def test_nobody_waits_for_one_that_takes_nothing_and_what_it_missed_is_told() -> None:
    reading, writing = _terminal()
    missed = threading.Event()
    output = TerminalOutput(writing, missed.set, patience=0.01)
    output.write(BIG)
    for _ in range(100):
        output.write("left out")
    assert not missed.is_set()

    os.set_blocking(reading, False)
    taken = b""

    def has_taken_all() -> bool:
        nonlocal taken
        try:
            taken += os.read(reading, 1 << 16)
        except BlockingIOError:
            return missed.is_set()
        return False

    await until(has_taken_all)
    assert taken == BIG.encode()

    output.write("and on")
    await until(lambda: os.read(reading, 100) == b"and on")


async def test_what_comes_in_time_is_written_whole_and_in_order() -> None:
    reading, writing = _terminal()
    missed = threading.Event()
    output = TerminalOutput(writing, missed.set)
    for n in range(100):
        output.write(f"line {n}\n")
        assert os.read(reading, 100) == f"line {n}\n".encode()
    assert not missed.is_set()


async def test_one_that_is_gone_harms_nobody() -> None:
    reading, writing = _terminal()
    missed = threading.Event()
    output = TerminalOutput(writing, missed.set)
    os.close(reading)
    for _ in range(100):
        output.write("to nobody")
    assert not missed.is_set()


async def test_what_a_terminal_takes_at_once_waits_for_no_thread(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    reading, writing = _terminal()
    with os.fdopen(writing, "w") as terminal:
        monkeypatch.setattr(sys, "__stderr__", terminal)
        driver = TerminalDriver(App())
        driver.write("drawn")  # no thread that writes runs: it is begun with the app
        assert os.read(reading, 100) == b"drawn"


async def test_what_is_put_off_keeps_its_place() -> None:
    reading, writing = _terminal()
    output = TerminalOutput(writing, lambda: None)
    texts = [BIG, "second", "third"]
    assert [output.write_now(text) for text in texts] == [False, False, False]
    taken = b""

    def takes() -> None:
        nonlocal taken
        while len(taken) < sum(map(len, texts)):
            taken += os.read(reading, 1 << 16)

    reader = threading.Thread(target=takes, daemon=True)
    reader.start()
    for text in texts:
        output.write(text)
    reader.join(PATIENCE)
    assert taken == "".join(texts).encode()
    assert output.write_now("and on")
