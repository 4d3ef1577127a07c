"""Parts of other packages that these keep to themselves, and that the program uses all the same.

A new version may change them without a word. So such a package has an upper bound, and whoever
raises it sees here what to look after.
"""

from __future__ import annotations

import ast
import inspect
import os
import re
import tomllib
from collections.abc import Iterator
from importlib import import_module
from pathlib import Path

import pytest
from pydantic_settings import BaseSettings, EnvSettingsSource, TomlConfigSettingsSource
from textual.app import App
from textual.binding import BindingsMap
from textual.driver import Driver
from textual.drivers.linux_driver import LinuxDriver
from textual.screen import Screen
from uvicorn import Server
from uvicorn.protocols.http.h11_impl import RequestResponseCycle
from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol

import fototui

# By package: modules, and what is used of classes.
PRIVATE = {
    "textual": {"_handle_exception", "_shutdown", "_driver", "_bindings"},
    "textual_image": {"textual_image._sixel", "textual_image._terminal"},
}
SOURCES = sorted(Path(fototui.__file__).parent.rglob("*.py"))


def _private_modules(tree: ast.Module) -> Iterator[str]:
    for node in ast.walk(tree):
        match node:
            case ast.ImportFrom(module=str(module), level=0) if not module.startswith("fototui"):
                yield from (part for part in [module] if "._" in part)
            case ast.Call(
                func=ast.Name(id="import_module"), args=[ast.Constant(value=str(module))]
            ):
                yield from (part for part in [module] if "._" in part)
            case ast.Attribute(value=ast.Call(func=ast.Name(id="super")), attr=name):
                yield from (part for part in [name] if re.match(r"_[a-z]", part))


def test_no_other_private_part_is_imported_or_called_on_a_base() -> None:
    found = {name for path in SOURCES for name in _private_modules(ast.parse(path.read_text()))}
    assert found == PRIVATE["textual_image"] | {"_handle_exception", "_shutdown"}


def test_textuals_parts_are_there() -> None:
    app: App[None] = App()
    assert app._driver is None
    assert list(inspect.signature(App._handle_exception).parameters) == ["self", "error"]
    assert isinstance(app._bindings, BindingsMap)
    assert isinstance(Screen()._bindings, BindingsMap)
    assert set(vars(app)) | set(vars(App)) >= PRIVATE["textual"]
    # Our driver has its output go another way, and the app drawn anew.
    assert {"_app", "_loop"} <= set(Driver.__init__.__code__.co_names)
    assert {"_file", "_writer_thread"} <= set(LinuxDriver.__init__.__code__.co_names)


def test_textual_images_parts_are_there() -> None:
    sixel, terminal = map(import_module, sorted(PRIVATE["textual_image"]))
    assert list(inspect.signature(sixel.image_to_sixels).parameters)[:1] == ["image"]
    assert not inspect.signature(terminal.get_cell_size).parameters
    assert len(inspect.signature(terminal.capture_terminal_response).parameters) == 3
    assert issubclass(terminal.TerminalError, Exception)


def test_pydantic_settings_parts_are_there() -> None:
    parameter = inspect.signature(BaseSettings.__init__).parameters["_build_sources"]
    assert parameter.annotation == (
        "tuple[tuple[PydanticBaseSettingsSource, ...], dict[str, Any]] | None"
    )
    assert EnvSettingsSource(BaseSettings, case_sensitive=True).env_vars == os.environ
    assert TomlConfigSettingsSource(BaseSettings, None).toml_data == {}


def test_uvicorns_parts_are_there() -> None:
    # Overridden by ours; the sandbox hangs up by the transport behind `receive`.
    assert list(inspect.signature(Server.capture_signals).parameters) == ["self"]
    assert list(inspect.signature(Server.startup).parameters) == ["self", "sockets"]
    assert "transport" in inspect.signature(RequestResponseCycle.__init__).parameters
    assert inspect.isfunction(RequestResponseCycle.receive)
    # What our own reading of HTTP stands on.
    callbacks = ["on_header", "on_headers_complete", "on_body", "on_message_complete"]
    for name in ("data_received", "send_400_response", *callbacks):
        assert inspect.isfunction(getattr(HttpToolsProtocol, name)), name


@pytest.mark.parametrize("package", ["pydantic-settings", "textual", "textual-image", "uvicorn"])
def test_such_a_package_has_an_upper_bound_and_one_version(package: str) -> None:
    root = Path(__file__).parents[1]
    project = tomllib.loads((root / "pyproject.toml").read_text())["project"]
    [wanted] = [w for w in project["dependencies"] if re.match(rf"{package}[<>=]", w)]
    assert ",<" in wanted
    locked = (root / "requirements.lock").read_text()
    assert len(re.findall(rf"^{package}==", locked, re.MULTILINE)) == 1
