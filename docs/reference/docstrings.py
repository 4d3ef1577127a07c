"""What the code says of the attributes of a class: the string that follows each."""

from __future__ import annotations

import ast
import inspect
import re
import textwrap


def of_attributes(kind: type) -> dict[str, str]:
    """What is said of the attributes of a class and its bases, by their names."""
    said: dict[str, str] = {}
    for each in reversed(kind.__mro__):
        if each.__module__.startswith("fototui."):
            said |= _own(each)
    return said


def _own(kind: type) -> dict[str, str]:
    (tree,) = ast.parse(textwrap.dedent(inspect.getsource(kind))).body
    assert isinstance(tree, ast.ClassDef)
    said = {}
    for attribute, text in zip(tree.body, tree.body[1:], strict=False):
        match attribute, text:
            case (
                ast.AnnAssign(target=ast.Name(id=name)) | ast.Assign(targets=[ast.Name(id=name)]),
                ast.Expr(value=ast.Constant(value=str(words))),
            ):
                said[name] = " ".join(words.split())
    return said


def of_arguments(kind: type) -> dict[str, str]:
    """What a class's docstring says of its arguments, by their names."""
    _, _, arguments = inspect.cleandoc(kind.__doc__ or "").partition("Args:\n")
    found = re.findall(r"^ +(\w+): (.+(?:\n {6,}.+)*)", arguments, re.MULTILINE)
    return {name: " ".join(words.split()) for name, words in found}


def of_class(kind: type) -> str:
    """What a class is, without its arguments."""
    words = inspect.cleandoc(kind.__doc__ or "")
    return re.split(r"^(?:Args|Attributes|Raises):", words, flags=re.MULTILINE)[0].strip()
