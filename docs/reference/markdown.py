"""Tables in Markdown."""

from __future__ import annotations

from collections.abc import Iterable, Sequence


def table(heads: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    """A table; a cell is Markdown on one line."""
    lines = [_line(heads), "|" + "---|" * len(heads), *map(_line, rows)]
    return "\n".join(lines) + "\n"


def code(text: object) -> str:
    """A value as it is typed; nothing where there is none."""
    return f"`{text}`" if str(text) else ""


def _line(cells: Sequence[str]) -> str:
    # A bar in a cell ends it, also inside code.
    return "| " + " | ".join(" ".join(cell.split()).replace("|", "\\|") for cell in cells) + " |"
