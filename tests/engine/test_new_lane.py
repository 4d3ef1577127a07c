"""A new lane takes no line of the program's other files: one that only tests declare is whole."""

import os
import subprocess
import sys
from pathlib import Path

_HERE = Path(__file__).parent / "echo_lane"
_LANE = "tests.engine.echo_lane"


def test_a_lane_that_only_tests_declare_is_run_listed_and_steered() -> None:
    # In a process of its own: there it is declared before anything asks which lanes there are.
    plugins = ("pytest_asyncio.plugin", "pytest_timeout", f"{_LANE}.declared", f"{_LANE}.model")
    named = [word for plugin in plugins for word in ("-p", plugin)]
    # Without the plugins that these tests make no use of, some of which take long to import.
    ini = ("-o", "addopts=--import-mode=importlib -p no:cacheprovider")
    command = (sys.executable, "-m", "pytest", "-q", *named, *ini, str(_HERE / "scenes.py"))
    alone = {**os.environ, "PYTEST_DISABLE_PLUGIN_AUTOLOAD": "1"}
    ran = subprocess.run(command, capture_output=True, text=True, check=False, env=alone)
    assert ran.returncode == 0, ran.stdout + ran.stderr
    assert "5 passed" in ran.stdout
