"""The settings file that a shop begins with: every setting, with what it means, to be filled in."""

from __future__ import annotations

import ast
import inspect
import textwrap
from itertools import pairwise

import tomlkit
from pydantic_core import PydanticUndefined

from fototui.config.export import written
from fototui.config.settings import Settings
from fototui.config.sources import NESTED

_HEAD = """\
# Settings of fototui. Names are those of the environment variables, in lower case; the environment
# and .env win over this file. Lines that begin with # are not read: take it away from what you set.
# Where a value stands here, it is the one that holds without it.
"""
_TAIL = """\
# Proxies for photos that refuse this machine, in the order of their numbers.
# proxy_1_host = "proxy.example.com"
# proxy_1_port = 8080
# proxy_1_username = ""
# proxy_1_password = ""

# Options of colourings that the app offers by names of your own.
# [presets.cover]
# label = "Cover"
# megapixels = 6
# steps = 12

# Other keys for actions; `?` in the app shows the actions.
# [keys]
# "order.choose" = "c"
"""
_EXAMPLES = {
    "database_url": "postgresql://user:password@host/database",
    "mercure_url": "https://hub.example.com/.well-known/mercure",
    "storage_path": "/srv/fototui/files",
}


def template() -> str:
    """The file, of comments alone."""
    meanings = _meanings()
    parts = [_HEAD]
    for name, field in Settings.model_fields.items():
        if name in NESTED:
            continue
        values = {} if field.default is PydanticUndefined else dict(written(name, field.default))
        value = values.get(name, _EXAMPLES.get(name, ""))
        lines = textwrap.wrap(meanings.get(name, ""), 97)
        parts.append("".join(f"# {line}\n" for line in lines))
        parts[-1] += f"# {name} = {tomlkit.item(value).as_string()}\n"
    return "\n".join([*parts, _TAIL])


def _meanings() -> dict[str, str]:
    """What the class says of each setting: the text that follows it."""
    (tree,) = ast.parse(textwrap.dedent(inspect.getsource(Settings))).body
    body = tree.body if isinstance(tree, ast.ClassDef) else []
    said = {}
    for attribute, text in pairwise(body):
        match attribute, text:
            case (
                ast.AnnAssign(target=ast.Name(id=name)),
                ast.Expr(value=ast.Constant(value=str(words))),
            ):
                said[name] = " ".join(words.split())
    return said
