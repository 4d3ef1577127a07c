"""As much of GraphQL's language as a client's queries are written in.

Queries with fragments, variables with defaults, aliases, `@include` and `@skip`; no mutations, no
subscriptions and no introspection. Variables are put in while reading, so what comes out is plain.
"""

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass

# Commas are white space in GraphQL (specification of October 2021, 2.1.5).
_TOKEN = re.compile(
    r"""[\s,\ufeff]+ | \#[^\n]*
    | (?P<token> \.\.\. | [!$():=@\[\]{}|&] | -?\d+(?:\.\d+)?(?:[eE][+-]?\d+)? | [_A-Za-z]\w*
    | "(?:[^"\\\n]|\\.)*" )""",
    re.VERBOSE,
)
_ESCAPE = re.compile(r'\\(u[0-9A-Fa-f]{4}|["\\/bfnrt])')
_ESCAPED = {"b": "\b", "f": "\f", "n": "\n", "r": "\r", "t": "\t"}
_CONSTANTS: Mapping[str, object] = {"true": True, "false": False, "null": None}


class QueryError(Exception):
    """A query that the shop refuses.

    Args:
        message: What is wrong, as Shopify words it.
        code: `extensions.code`; None where Shopify gives none.
    """

    def __init__(self, message: str, code: str | None = None) -> None:
        super().__init__(message)
        self.code = code


@dataclass(frozen=True, slots=True)
class Field:
    """One field that is asked for.

    Args:
        name: Its name in the schema.
        key: Its name in the answer.
        arguments: Its arguments; those whose variable was not given are left out.
        selection: What is asked of the object it leads to; empty where nothing is.
    """

    name: str
    key: str
    arguments: Mapping[str, object]
    selection: tuple["Field", ...]


@dataclass(frozen=True, slots=True)
class Operation:
    """A query, ready to be answered.

    Args:
        name: Its name, where it has one.
        selection: What it asks of the root.
    """

    name: str | None
    selection: tuple[Field, ...]


def parse(
    document: str, variables: Mapping[str, object], operation_name: str | None = None
) -> Operation:
    """Read a document and choose its operation.

    Args:
        document: The text.
        variables: Values of its variables.
        operation_name: Which operation, where there are several.

    Returns:
        The operation.

    Raises:
        QueryError: The document, its variables or the name do not fit together.
    """
    definitions = list(_sections(_tokens(document)))
    fragments = {part[1]: part for part in definitions if part[0] == "fragment"}
    operations = [part for part in definitions if part[0] != "fragment"]
    chosen = [o for o in operations if operation_name is None or _name_of(o) == operation_name]
    if len(chosen) != 1:
        raise QueryError(
            f'No operation named "{operation_name}"'
            if operation_name
            else "An operation name is required"
        )
    reader = _Reader(chosen[0], variables, fragments)
    return reader.operation()


def _tokens(document: str) -> list[str]:
    found, place = [], 0
    while place < len(document):
        match = _TOKEN.match(document, place)
        if match is None:
            raise QueryError(f"syntax error, unexpected {document[place]!r}")
        if match["token"] is not None:
            found.append(match["token"])
        place = match.end()
    return found


def _sections(tokens: list[str]) -> Iterator[list[str]]:
    """Split a document into its definitions; each ends with the brace that closes its selection."""
    start = depth = parentheses = 0
    for place, token in enumerate(tokens):
        parentheses += (token == "(") - (token == ")")  # noqa: S105  # no password, a parenthesis
        if parentheses == 0:
            depth += (token == "{") - (token == "}")  # noqa: S105  # as above
            if token == "}" and depth == 0:  # noqa: S105  # as above
                yield tokens[start : place + 1]
                start = place + 1
    if start < len(tokens) or not tokens:
        raise QueryError("syntax error, unexpected end of file")


def _name_of(operation: list[str]) -> str | None:
    is_named = operation[0] == "query" and operation[1] not in ("{", "(")
    return operation[1] if is_named else None


class _Reader:
    """Reads one definition from its beginning to its end."""

    def __init__(
        self,
        tokens: list[str],
        variables: Mapping[str, object],
        fragments: Mapping[str, list[str]],
    ) -> None:
        self._tokens = tokens
        self._place = 0
        self._variables = dict(variables)
        self._fragments = fragments

    def operation(self) -> Operation:
        if self._tokens[0] in ("mutation", "subscription"):
            raise QueryError("only queries are answered here", "undefinedOperation")
        name = None
        if self._accept("query"):
            name = self._next() if self._peek() not in ("{", "(") else None
            if self._accept("("):
                self._declare_variables()
        return Operation(name, self._selection())

    def fragment(self) -> tuple[Field, ...]:
        for _ in ("fragment", "its name", "on", "its type"):
            self._next()
        return self._selection()

    def _declare_variables(self) -> None:
        declared = set()
        while not self._accept(")"):
            self._expect("$")
            name = self._next()
            declared.add(name)
            self._expect(":")
            kind = self._type()
            if self._accept("="):
                self._variables.setdefault(name, self._value())
            if kind.endswith("!") and self._variables.get(name) is None:
                raise QueryError(
                    f"Variable ${name} of type {kind} was provided invalid value",
                    "INVALID_VARIABLE",
                )
        # A variable that nobody declared is ignored, as the specification wants it.
        self._variables = {name: v for name, v in self._variables.items() if name in declared}

    def _type(self) -> str:
        kind = self._next()
        if kind == "[":
            kind += self._type()
            self._expect("]")
            kind += "]"
        return f"{kind}!" if self._accept("!") else kind

    def _selection(self) -> tuple[Field, ...]:
        self._expect("{")
        found: list[Field] = []
        while not self._accept("}"):
            found.extend(self._spread() if self._accept("...") else self._field())
        if not found:
            raise QueryError("syntax error, unexpected }")
        return tuple(found)

    def _spread(self) -> tuple[Field, ...]:
        if self._accept("on"):
            self._next()  # the type: there is only one that it can be here
            wanted = self._directives()
            selection = self._selection()
            return selection if wanted else ()
        name = self._next()
        wanted = self._directives()
        if name not in self._fragments:
            raise QueryError(f"Fragment {name} was used, but not defined", "undefinedFragment")
        others = {n: tokens for n, tokens in self._fragments.items() if n != name}
        inner = _Reader(self._fragments[name], self._variables, others).fragment()
        return inner if wanted else ()

    def _field(self) -> tuple[Field, ...]:
        key = name = self._next()
        if self._accept(":"):
            name = self._next()
        arguments = self._arguments() if self._accept("(") else {}
        wanted = self._directives()
        selection = self._selection() if self._peek() == "{" else ()
        return (Field(name, key, arguments, selection),) if wanted else ()

    def _directives(self) -> bool:
        wanted = True
        while self._accept("@"):
            name = self._next()
            if name not in ("include", "skip"):
                raise QueryError(f"Directive @{name} is not defined", "undefinedDirective")
            self._expect("(")
            wanted &= bool(self._arguments().get("if")) is (name == "include")
        return wanted

    def _arguments(self) -> dict[str, object]:
        found = {}
        while not self._accept(")"):
            name = self._next()
            self._expect(":")
            if self._peek() == "$" and self._tokens[self._place + 1] not in self._variables:
                self._place += 2
            else:
                found[name] = self._value()
        return found

    def _value(self) -> object:
        token = self._next()
        if token == "$":  # noqa: S105  # no password, a sign
            return self._variables.get(self._next())
        if token == "[":  # noqa: S105  # as above
            items = []
            while not self._accept("]"):
                items.append(self._value())
            return items
        if token.startswith('"'):
            return _ESCAPE.sub(_unescaped, token[1:-1])
        if re.fullmatch(r"-?\d+", token):
            return int(token)
        if re.match(r"-?\d", token):
            return float(token)
        if not re.match(r"[_A-Za-z]", token):
            raise QueryError(f"syntax error, unexpected {token!r}")
        return _CONSTANTS.get(token, token)  # else an enum's value

    def _peek(self) -> str:
        if self._place >= len(self._tokens):
            raise QueryError("syntax error, unexpected end of file")
        return self._tokens[self._place]

    def _next(self) -> str:
        token = self._peek()
        self._place += 1
        return token

    def _accept(self, token: str) -> bool:
        if self._peek() != token:
            return False
        self._place += 1
        return True

    def _expect(self, token: str) -> None:
        found = self._next()
        if found != token:
            raise QueryError(f"syntax error, unexpected {found!r}, expecting {token!r}")


def _unescaped(match: re.Match[str]) -> str:
    sign = match[1]
    return chr(int(sign[1:], 16)) if sign[0] == "u" else _ESCAPED.get(sign, sign)
