"""What the terminal is that snapshots are drawn in."""

from __future__ import annotations

import pytest


@pytest.fixture(autouse=True)
def steady_terminal(monkeypatch: pytest.MonkeyPatch) -> None:
    """Nothing of the terminal that tests run in shows."""
    for name in ("NO_COLOR", "TMUX", "COLORTERM", "TERM"):
        monkeypatch.delenv(name, raising=False)
