"""Every text that a command tells can be translated: none is said as it stands in the code."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from pathlib import Path

import pytest

import fototui

PACKAGE = Path(fototui.__file__).parent
ROOMS = ("cli", "demo", "runtime")
# Help and the library's own sentences are looked up where they are shown. The demo's customers
# write as customers do.
ELSEWHERE = {
    *(PACKAGE / "cli" / name for name in ("commands.py", "mistakes.py", "spoken.py")),
    PACKAGE / "demo" / "orders.py",
}

MARKS = frozenset({"_", "N_", "ngettext", "make"})
"""What makes a text one of the catalogue's."""
NOT_TOLD = frozenset(
    [
        *("Option", "Argument", "Typer"),
        *("debug", "info", "warning", "error", "exception"),
        *("notify", "cast", "create_task", "Duty"),
    ]
)
"""Help, which has tests of its own; logs, which are English; and what only programs read."""
TELL = frozenset({"say", "_say", "echo", "confirm", "prompt"})

NAMES = frozenset(
    [
        *("base", "fototui {}", "demo {}", "FOTOTUI_CONFIG={} OPERATOR=eva fototui"),
        "Příliš žluťoučký kůň úpěl ďábelské ódy.",
        '{"event": "the log is opened", "level": "info", "logger": "fototui"}\n',
    ]
)
"""No sentences: names, what one types, what is written into a file."""

WORD = re.compile(r"[^\W\d_]{2}")
WORDS = re.compile(r"[^\W\d_]{2}\s|\s[^\W\d_]{2}")


def called(call: ast.Call) -> str:
    match call.func:
        case ast.Name(id=name) | ast.Attribute(attr=name):
            return name
        case _:
            return ""


def text_of(node: ast.AST) -> str | None:
    """The text of a literal, with a pair of braces for each value."""
    match node:
        case ast.Constant(value=str(text)):
            return text
        case ast.JoinedStr(values=parts):
            return "".join(text_of(part) or "{}" for part in parts)
        case _:
            return None


def parts(node: ast.AST) -> Iterator[ast.AST]:
    """What a piece of code is made of, without its types, its keys and its docstring."""
    types = ("annotation", "returns", "slice")
    skipped = [getattr(node, name, None) for name in types]
    for part in ast.iter_child_nodes(node):
        is_docstring = isinstance(part, ast.Expr) and isinstance(part.value, ast.Constant)
        if part not in skipped and not is_docstring:
            yield part


def untold(node: ast.AST, *, words: re.Pattern[str] = WORDS) -> Iterator[tuple[int, str]]:
    """Texts that could not be translated, with their lines.

    Args:
        node: The code.
        words: What of texts is taken for words: of one that is told or returned, any letters.
    """
    if isinstance(node, ast.Call):
        if called(node) in MARKS | NOT_TOLD or called(node).endswith("Error"):
            return
        if called(node) in TELL:
            words = WORD
    if (text := text_of(node)) is not None:
        if words.search(text) and text not in NAMES:
            assert isinstance(node, ast.Constant | ast.JoinedStr)
            yield node.lineno, text
        return
    # A path or an address has no spaces, and is no word either.
    is_word = isinstance(node, ast.Return) and "/" not in (text_of(node.value or node) or "")
    for part in parts(node):
        yield from untold(part, words=WORD if is_word and text_of(part) else words)


def test_no_command_tells_a_text_as_it_stands_in_the_code() -> None:
    found = [
        f"{path.relative_to(PACKAGE)}:{line}: {text}"
        for room in ROOMS
        for path in sorted((PACKAGE / room).rglob("*.py"))
        if path not in ELSEWHERE
        for line, text in untold(ast.parse(path.read_text(encoding="utf-8")))
    ]
    assert found == [], "put it into _(…), ngettext(…) or Sentence.make(…)"


@pytest.mark.parametrize(
    ("code", "expected"),
    [
        ('say("Done.")', ["Done."]),
        ('say(f"The hub listens on {url}")', ["The hub listens on {}"]),
        ('say(_("The hub listens on {url}").format(url=url))', []),
        ('say("Done" if done else _("Not yet"))', ["Done"]),
        ('words = "Nothing to do"', ["Nothing to do"]),
        ('cell = f"{some} of {all}"', ["{} of {}"]),
        ('def state():\n    return "open"', ["open"]),
        ('def page():\n    return f"{shop}/orders/{number}"', []),
        ('def told():\n    "A docstring."\n    return f"{name}: {_(text)}"', []),
        ('log.info("the settings were read again")', []),
        ('raise NotFoundError("There is no order {number}.", number=number)', []),
        ('print_json({"lanes": lanes})', []),
    ],
)
def test_what_counts_as_a_text(code: str, expected: list[str]) -> None:
    assert [text for _line, text in untold(ast.parse(code))] == expected
