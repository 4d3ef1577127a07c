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
atexit.register(lambda: print(*sys.modules, file=open({file!r}, "w")))
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


@pytest.mark.parametrize(
    ("arguments", "variables"),
    [(["--version"], {}), (["--help"], {}), ([], _COMPLETED)],
    ids=["version", "help", "completion"],
)
def test_what_needs_nothing_imports_nothing(
    tmp_path: Path, arguments: list[str], variables: dict[str, str]
) -> None:
    modules = imported(tmp_path, *arguments, **variables)
    assert packages(modules) - sys.stdlib_module_names - {"__main__"} <= {
        "fototui",
        "typer",
        "shellingham",
        "annotated_doc",
    }
    assert "asyncio" not in modules
    assert {name for name in modules if name.startswith("fototui.")} == {
        "fototui.cli",
        "fototui.cli.commands",
        "fototui.runtime",
        "fototui.runtime.options",
    }


@pytest.mark.parametrize("name", COMMANDS)
def test_the_list_says_of_a_command_what_it_says_itself(name: str) -> None:
    command = COMMANDS[name].load(name)
    told = (command.help or "").split("\n\n")[0]
    assert " ".join(told.split()) == COMMANDS[name].help
