"""Finding out what the terminal can show."""

from __future__ import annotations

import fcntl
import os
import pty
import re
import struct
import subprocess
import sys
import termios
import threading
from collections.abc import Callable, Mapping
from pathlib import Path

import pytest

from fototui.pictures.terminal import Graphics, Renderer, detect
from tests.forks import CONTEXT
from tests.pictures.terminals import find_out
from tests.waiting import PATIENCE

Asked = Callable[..., str]


def run(code: str) -> str:
    done = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, timeout=PATIENCE, check=True
    )
    return done.stdout


def test_the_terminal_is_asked_only_where_needed() -> None:
    choices = ["octant", "sextant", "quadrant", "halfcell", "off"]
    code = (
        "import sys; from fototui.pictures.terminal import detect;"
        f"print(*(detect(choice).graphics for choice in {choices}), 'textual_image' in sys.modules)"
    )
    assert run(code).split() == [*choices, "False"]


def test_without_a_terminal_there_are_quadrants() -> None:
    code = "from fototui.pictures.terminal import detect; print(detect('auto'))"
    assert run(code).strip() == repr(Renderer())


def test_an_operator_is_taken_at_their_word() -> None:
    choices = ["kitty", "tgp", "sixel"]
    code = (
        "from fototui.pictures.terminal import detect;"
        f"print(*(detect(choice) for choice in {choices}), sep='\\n')"
    )
    taken = [repr(Renderer(Graphics(choice), 10, 20)) for choice in choices]
    assert run(code).splitlines() == taken


@pytest.fixture
def asked(tmp_path: Path, fork_server: None) -> Asked:
    """Gives what is found out at a terminal that answers to some questions."""

    def asked(answers: Mapping[str, str], choice: str = "auto") -> str:
        outer, inner = pty.openpty()
        fcntl.ioctl(inner, termios.TIOCSWINSZ, struct.pack("HHHH", 40, 100, 1000, 720))

        def play() -> None:
            heard = ""
            while True:
                try:
                    heard += os.read(outer, 4096).decode()
                except OSError:  # the app has gone
                    return
                while found := [match for q in answers if (match := re.search(q, heard))]:
                    first = min(found, key=lambda match: match.end())
                    heard = heard[first.end() :]
                    os.write(outer, answers[first.re.pattern].encode())

        terminal = threading.Thread(target=play)
        terminal.start()
        told = tmp_path / "told"
        process = CONTEXT.Process(target=find_out, args=(os.ttyname(inner), choice, told))
        try:
            process.start()
            process.join(PATIENCE)
        finally:
            process.kill()
            os.close(inner)
            terminal.join(10)
            os.close(outer)
        assert process.exitcode == 0, told.read_text()
        return told.read_text().strip()

    return asked


STATE = {r"\x1b\[5n": "\x1b[0n"}
XTERM = {r"\x1b\[c": "\x1b[?63;1;2;4;6c"} | STATE
KITTY = {r"\x1b\[c": "\x1b[?62;c", r"\x1b_Gi=\d+,[^\x1b]*\x1b\\": "\x1b_Gi=1;OK\x1b\\"} | STATE


SEXTANTS = Renderer(Graphics.SEXTANT, 6, 12)
OCTANTS = Renderer(Graphics.OCTANT, 2, 4)


@pytest.mark.parametrize(
    ("name", "renderer"),
    [
        ("foot(1.20.2)", OCTANTS),
        ("foot(1.16.2)", SEXTANTS),
        ("VTE(7802)", OCTANTS),
        ("VTE(7006)", SEXTANTS),
        ("VTE(5202)", Renderer()),
        ("iTerm2 3.5.4", SEXTANTS),
        ("tmux 3.5a", Renderer()),
        ("XTerm(379)", Renderer()),
    ],
)
def test_characters_are_as_fine_as_the_terminal_draws_them(
    name: str, renderer: Renderer, asked: Asked
) -> None:
    answers = {r"\x1b\[c": "\x1b[?62;c"} | STATE | {r"\x1b\[>q": f"\x1bP>|{name}\x1b\\"}
    assert asked(answers) == repr(renderer)


def test_sixel_and_how_big_it_may_be(asked: Asked) -> None:
    limit = {r"\x1b\[\?2;4;0S": "\x1b[?2;0;1000;800S"}
    assert asked(XTERM | limit) == repr(Renderer(Graphics.SIXEL, 10, 18, 1000, 800))
    assert asked(XTERM) == repr(Renderer(Graphics.SIXEL, 10, 18))
    refused = {r"\x1b\[\?2;4;0S": "\x1b[?2;3;0S"}
    assert asked(XTERM | refused, "sixel") == repr(Renderer(Graphics.SIXEL, 10, 18))


@pytest.mark.parametrize(
    ("name", "renderer"),
    [
        ("kitty(0.41.1)", Renderer(Graphics.KITTY, 10, 18)),
        ("ghostty 1.2.0", Renderer(Graphics.KITTY, 10, 18)),
        ("kitty(0.26.5)", SEXTANTS),  # shows boxes, as seen
        ("WezTerm 20240203", SEXTANTS),
        (None, Renderer()),
    ],
)
def test_not_all_that_say_so_show_placeholders(
    name: str | None, renderer: Renderer, asked: Asked
) -> None:
    version = {r"\x1b\[>q": f"\x1bP>|{name}\x1b\\"} if name else {}
    assert asked(KITTY | version) == repr(renderer)


def test_an_unknown_choice_is_refused() -> None:
    with pytest.raises(ValueError, match="kitten"):
        detect("kitten")
