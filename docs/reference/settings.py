"""The settings with their kinds, defaults and meanings, as the class declares them."""

from __future__ import annotations

import types
from collections.abc import Mapping
from decimal import Decimal
from typing import Annotated, Literal, Union, get_args, get_origin

from pydantic import BaseModel, SecretStr
from pydantic.fields import FieldInfo

from docs.reference.docstrings import of_arguments, of_attributes
from docs.reference.markdown import code, table
from fototui.config.settings import Proxy, Settings

_NAMED = {"proxy": "PROXY_<number>_…", "keys": "[keys]", "presets": "[presets.<name>]"}
_COMPUTED = {"operator": "the login name"}


def page() -> str:
    """All settings as a table."""
    meanings = of_attributes(Settings)
    rows = [_row(name, field, meanings) for name, field in Settings.model_fields.items()]
    return table(("variable", "kind", "default", "meaning"), rows)


def proxies() -> str:
    """What is said of one proxy."""
    meanings = of_arguments(Proxy)
    rows = [
        (code(f"PROXY_1_{name.upper()}"), _kind(field.annotation), meanings[name])
        for name, field in Proxy.model_fields.items()
    ]
    return table(("variable", "kind", "meaning"), rows)


def _row(name: str, field: FieldInfo, meanings: Mapping[str, str]) -> tuple[str, ...]:
    kind = " ".join(filter(None, (_kind(field.annotation), _limits(field))))
    return code(_NAMED.get(name, name.upper())), kind, _default(name, field), meanings.get(name, "")


def _kind(annotation: object) -> str:
    origin, arguments = get_origin(annotation), get_args(annotation)
    if origin is Annotated:
        return _kind(arguments[0])
    if origin in (types.UnionType, Union):
        return _kind(next(each for each in arguments if each is not type(None)))
    if origin is Literal:
        return " or ".join(code(each) for each in arguments)
    simple = {
        bool: "true or false",
        int: "whole number",
        float: "number",
        Decimal: "number",
        SecretStr: "secret",
    }
    if isinstance(annotation, type):
        return simple.get(annotation, "text")
    return "table" if origin is dict else "text"


def _limits(field: FieldInfo) -> str:
    """Least and largest value, where they are limited."""
    found = {
        name: getattr(each, name)
        for each in field.metadata
        for name in ("gt", "ge", "le")
        if getattr(each, name, None) is not None
    }
    words = {"gt": "above", "ge": "from", "le": "to"}
    return " ".join(f"{words[name]} {limit:g}" for name, limit in found.items())


def _default(name: str, field: FieldInfo) -> str:
    if name in _COMPUTED:
        return _COMPUTED[name]
    match field.default:
        case None:
            return ""
        case bool() as value:
            return code(str(value).lower())
        case Mapping() as value:
            return code(",".join(f"{key}={each}" for key, each in value.items()))
        case BaseModel() | frozenset():
            return ""
        case float() as value:
            return code(f"{value:g}")
        case value:
            return code(value)
