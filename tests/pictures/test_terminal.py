"""Finding out what the terminal can show."""

from __future__ import annotations

import subprocess
import sys

import pytest

from fototui.pictures.terminal import CHOICES, Graphics, Renderer, detect


def run(code: str) -> str:
    done = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, timeout=30, check=True
    )
    return done.stdout


@pytest.mark.parametrize("choice", ["halfcell", "off"])
def test_the_terminal_is_asked_only_where_needed(choice: str) -> None:
    code = (
        "import sys; from fototui.pictures.terminal import detect;"
        f"print(detect({choice!r}).graphics, 'textual_image' in sys.modules)"
    )
    assert run(code).split() == [choice, "False"]


def test_without_a_terminal_there_are_half_blocks() -> None:
    code = "from fototui.pictures.terminal import detect; print(detect('auto'))"
    assert run(code).strip() == repr(Renderer())


@pytest.mark.parametrize("choice", ["tgp", "sixel"])
def test_an_operator_is_taken_at_their_word(choice: str) -> None:
    code = f"from fototui.pictures.terminal import detect; print(detect({choice!r}))"
    assert run(code).strip() == repr(Renderer(Graphics(choice), 10, 20))


def test_choices() -> None:
    assert CHOICES == ("auto", "tgp", "sixel", "halfcell", "off")
    with pytest.raises(ValueError, match="kitty"):
        detect("kitty")
