"""Tests know what an operator sees, and not how a screen keeps it."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from pathlib import Path

_HERE = Path(__file__).parent
# What changes in the store has to come to the screens at one very moment.
_ALLOWED = {"test_left_screens.py": {"_on_store_changed"}}


def _private(tree: ast.AST) -> Iterator[str]:
    for node in ast.walk(tree):
        match node:
            case ast.Attribute(value=ast.Name(id="self" | "cls")):
                pass
            case ast.Attribute(attr=name) if name.startswith("_") and not name.startswith("__"):
                yield name


def test_only_pages_know_private_parts() -> None:
    for path in _HERE.rglob("*.py"):
        if path.name != "pages.py":
            found = set(_private(ast.parse(path.read_text("utf-8"))))
            assert found <= _ALLOWED.get(path.name, set()), path.name
