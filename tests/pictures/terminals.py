"""A terminal's app as a process forked from one that has imported the program."""

from __future__ import annotations

import os
import sys
from pathlib import Path


def find_out(terminal: str, choice: str, told: Path) -> None:
    """Write down what is found out at a terminal; for a process of its own.

    Args:
        terminal: The terminal's device.
        choice: What the operator has chosen.
        told: A file for the answer, and for what goes wrong.
    """
    os.setsid()
    with told.open("w") as file:
        os.dup2(file.fileno(), 2)
    line = os.open(terminal, os.O_RDWR | os.O_NOCTTY)
    for number in (0, 1):
        os.dup2(line, number)
    os.close(line)
    # A forked process's own input is closed.
    vars(sys).update(dict.fromkeys(("stdin", "__stdin__"), os.fdopen(0, closefd=False)))
    from fototui.pictures.terminal import detect

    found = detect(choice)
    os.write(2, repr(found).encode())
