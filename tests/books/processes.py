"""The processes that work for this one."""

from __future__ import annotations

import contextlib

import psutil


def working() -> set[int]:
    """The pids of all; some may be left of an earlier test, and wait for its kind of work."""
    found = set()
    for child in psutil.Process().children():
        with contextlib.suppress(psutil.Error):
            if "fototui.decoding.worker" in child.cmdline():
                found.add(child.pid)
    return found
