"""The HTTP API, from the server's own OpenAPI description."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from docs.reference.markdown import code, table
from fototui.config.settings import Settings
from fototui.server.app import create_server
from fototui.server.context import ServerContext

# Any: JSON Schema.
Schema = Mapping[str, Any]


def described() -> Schema:
    """The description, as `/api/v1/openapi.json` gives it."""
    return create_server(ServerContext(Settings())).openapi()


def page() -> str:
    """All paths with what they take and give, then what that is made of."""
    api = described()
    parts = ["## Calls\n", *_calls(api), "## What they are made of\n", *_shapes(api)]
    return "\n".join(parts)


def _calls(api: Schema) -> Iterator[str]:
    for path, methods in api["paths"].items():
        for method, call in methods.items():
            yield f"### `{method.upper()} {path}`\n"
            yield call["description"].strip() + "\n"
            needs = "a token" if call.get("security") else "no token"
            yield f"Needs {needs}. {_takes(call)}{_gives(call)}\n"
            if parameters := call.get("parameters"):
                yield table(("parameter", "in", "type", "meaning"), map(_parameter, parameters))


def _takes(call: Schema) -> str:
    if "requestBody" not in call:
        return ""
    (content,) = call["requestBody"]["content"].values()
    return f"Takes {_type(content['schema'])}. "


def _gives(call: Schema) -> str:
    given = [
        f"{status}: {_type(content['schema'])}"
        for status, answer in call["responses"].items()
        if status != "default"
        for content in answer.get("content", {}).values()
    ]
    return f"Answers {', '.join(given)}." if given else ""


def _parameter(parameter: Schema) -> tuple[str, ...]:
    schema = parameter["schema"]
    default = f"{code(schema['default'])} if not given" if "default" in schema else ""
    words = ". ".join(filter(None, (parameter.get("description", "").rstrip("."), default)))
    return code(parameter["name"]), parameter["in"], _type(schema), words


def _shapes(api: Schema) -> Iterator[str]:
    for name, shape in sorted(api["components"]["schemas"].items()):
        yield f"### {name}\n"
        if words := shape.get("description"):
            yield words.partition("\n\n")[0].strip() + "\n"
        if "enum" in shape:
            yield "One of " + ", ".join(map(code, shape["enum"])) + ".\n"
        elif properties := shape.get("properties"):
            needed = shape.get("required", ())
            yield table(
                ("field", "type", "", "meaning"),
                [
                    (
                        code(field),
                        _type(of),
                        "" if field in needed else "may be left out",
                        _words(of),
                    )
                    for field, of in properties.items()
                ],
            )
        else:
            yield _type(shape) + "\n"


def _words(shape: Schema) -> str:
    return str(shape.get("description", ""))


def _type(shape: Schema) -> str:
    match shape:
        case {"$ref": str(target)}:
            name = target.rpartition("/")[2]
            return f"[{name}](#{name.lower()})"
        case {"anyOf": list(choices)} | {"oneOf": list(choices)}:
            return " or ".join(map(_type, choices))
        case {"allOf": [only]}:
            return _type(only)
        case {"const": value}:
            return code(value)
        case {"enum": list(values)}:
            return " or ".join(map(code, values))
        case {"type": "array", "items": of}:
            return f"list of {_type(of)}"
        case {"type": str(name)}:
            limits = [
                f"{words} {shape[key]}"
                for key, words in (("minimum", "from"), ("maximum", "to"))
                if key in shape
            ]
            return " ".join((shape.get("format", name), *limits))
        case _:
            return "anything"
