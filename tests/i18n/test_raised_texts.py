"""Every text that an error is raised with can be translated: none is put together in the code."""

from __future__ import annotations

import ast
import importlib
import pkgutil
from collections.abc import Iterator
from functools import cache
from pathlib import Path
from string import Formatter

import pytest
from babel.messages.pofile import read_po

import fototui
from fototui.domain.errors import FototuiError, OutsideError

PACKAGE = Path(fototui.__file__).parent
# It hands texts on, from one class to the next.
HANDS_ON = PACKAGE / "domain" / "errors.py"
MAKERS = frozenset({"make", "plain", "joined"})


def descend(found: type[FototuiError]) -> Iterator[type[FototuiError]]:
    yield found
    for below in found.__subclasses__():
        yield from descend(below)


@cache
def errors() -> dict[str, type[FototuiError]]:
    """All classes of errors, of all modules that there are."""
    for module in pkgutil.walk_packages(fototui.__path__, "fototui."):
        if not module.name.endswith("__main__"):
            importlib.import_module(module.name)
    return {found.__name__: found for found in descend(FototuiError) if is_ours(found)}


def is_ours(found: type) -> bool:
    return found.__module__.startswith("fototui.")


@cache
def trees() -> dict[Path, ast.Module]:
    paths = (path for path in PACKAGE.rglob("*.py") if path != HANDS_ON)
    return {path: ast.parse(path.read_text(encoding="utf-8")) for path in paths}


def called(call: ast.Call) -> str:
    match call.func:
        case ast.Name(id=name) | ast.Attribute(attr=name):
            return name
        case _:
            return ""


def makes_sentence(node: ast.expr) -> bool:
    """Whether this is `Sentence.make(…)` or one of its kind."""
    match node:
        case ast.Call(func=ast.Attribute(value=ast.Name(id="Sentence"), attr=name)):
            return name in MAKERS
        case _:
            return False


@cache
def nodes(path: Path) -> tuple[ast.AST, ...]:
    """All that a file's code consists of."""
    return tuple(ast.walk(trees()[path]))


def is_of_sentence(kind: ast.expr) -> bool:
    """Whether this is the type of a sentence, or of one that may be missing."""
    match kind:
        case ast.BinOp(left=ast.Name(id=name), op=ast.BitOr(), right=ast.Constant(value=None)):
            return name == "Sentence"
        case ast.Name(id=name):
            return name == "Sentence"
        case _:
            return False


@cache
def sentences() -> frozenset[str]:
    """Names of constants, attributes and functions that stand for sentences, of all files."""
    names = set()
    for statement in (statement for tree in trees().values() for statement in tree.body):
        match statement:
            case ast.Assign(targets=[ast.Name(id=name)], value=value) if makes_sentence(value):
                names.add(name)
    for node in (node for path in trees() for node in nodes(path)):
        match node:
            case (
                ast.FunctionDef(name=name, returns=ast.expr() as kind)
                | ast.AsyncFunctionDef(name=name, returns=ast.expr() as kind)
                | ast.AnnAssign(target=ast.Name(id=name), annotation=kind)
            ) if is_of_sentence(kind):
                names.add(name)
    return frozenset(names | {"sentence"})


@cache
def variables(path: Path) -> frozenset[str]:
    """Names of variables and arguments that stand for sentences in a file."""
    names = set()
    for node in nodes(path):
        match node:
            case ast.arg(arg=name, annotation=ast.expr() as kind) if is_of_sentence(kind):
                names.add(name)
            case ast.Assign(targets=[ast.Name(id=name)], value=value) if makes_sentence(value):
                names.add(name)
    return frozenset(names)


def is_sentence(node: ast.expr, known: frozenset[str] = frozenset()) -> bool:
    """Whether this is a sentence, and no text.

    Args:
        node: The code.
        known: Names of variables that stand for sentences.
    """
    match node:
        case ast.Await(value=value):
            return is_sentence(value, known)
        case ast.Call():
            return makes_sentence(node) or called(node) in sentences()
        case ast.Attribute(attr=name):
            return name in sentences()
        case ast.Name(id=name):
            return name in known or (name.isupper() and name in sentences())
        case _:
            return False


@cache
def raised() -> tuple[tuple[Path, ast.Call], ...]:
    """All calls that take a text for operators, with where they stand."""
    return tuple(
        (path, node)
        for path in trees()
        for node in nodes(path)
        if isinstance(node, ast.Call) and takes_text(node)
    )


def takes_text(call: ast.Call) -> bool:
    is_error = called(call) in errors() and bool(call.args)
    return is_error or (makes_sentence(call) and called(call) == "make")


def place(path: Path, call: ast.Call) -> str:
    return f"{path.relative_to(PACKAGE)}:{call.lineno}"


def literals(call: ast.Call) -> list[str]:
    """The text of a call, and its plural."""
    return [a.value for a in call.args if isinstance(a, ast.Constant) and isinstance(a.value, str)]


@cache
def translated() -> frozenset[str]:
    with (PACKAGE / "i18n" / "cs.po").open("rb") as file:
        ids = [message.id for message in read_po(file, locale="cs") if message.id]
    return frozenset(
        text for found in ids for text in ([found] if isinstance(found, str) else found)
    )


def test_every_class_of_error_is_known_to_the_catalogues() -> None:
    recipe = (PACKAGE.parent / "Makefile").read_text(encoding="utf-8")
    listed = recipe.partition("ERRORS :=")[2].partition("\n\n")[0].replace("\\", " ").split()
    assert sorted(errors()) == listed, "mend ERRORS in the Makefile"


def test_no_text_is_put_together_where_it_is_raised() -> None:
    """An f-string or a variable of words would reach a Czech operator in English."""
    takes_text = [
        (path, call)
        for path, call in raised()
        if called(call) not in ("FileMissingError", "UnexpectedStatusError")  # they take values
    ]
    assert len(takes_text) > 150
    untranslatable = [
        place(path, call)
        for path, call in takes_text
        if not literals(call) and not is_sentence(call.args[0], variables(path))
    ]
    assert untranslatable == []


def test_every_raised_text_is_in_the_catalogues() -> None:
    said = {text: place(path, call) for path, call in raised() for text in literals(call)}
    assert {where: text for text, where in said.items() if text not in translated()} == {}


def test_every_place_of_a_text_has_its_value() -> None:
    wrong = []
    for path, call in raised():
        error = errors().get(called(call))
        given = {word.arg for word in call.keywords}
        if error is not None and issubclass(error, OutsideError):
            given |= {"service", "status"}
        for text in literals(call):
            places = {name for _text, name, _spec, _conversion in Formatter().parse(text)}
            if not places - {None} <= given:
                wrong.append((place(path, call), places - given))
    assert wrong == []


@pytest.mark.parametrize(
    ("code", "expected"),
    [
        ('NotFoundError(f"There is no order {number}.")', False),
        ('NotFoundError("There is no order " + number)', False),
        ("NotFoundError(str(error))", False),
        ("NotFoundError(words)", False),
        ("NotFoundError(self._explain(error))", True),
        ("NotFoundError(error.sentence)", True),
        ('NotFoundError(Sentence.make("No."))', True),
    ],
)
def test_what_counts_as_a_sentence(code: str, expected: bool) -> None:
    call = ast.parse(code).body[0]
    assert isinstance(call, ast.Expr)
    assert isinstance(call.value, ast.Call)
    assert is_sentence(call.value.args[0]) is expected
