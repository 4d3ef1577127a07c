"""A new lane takes no line of the program's other files: one that only tests declare is whole."""

import subprocess
import sys
from pathlib import Path

_HERE = Path(__file__).parent / "echo_lane"
_LANE = "tests.engine.echo_lane"


def test_a_lane_that_only_tests_declare_is_run_listed_and_steered() -> None:
    # In a process of its own: there it is declared before anything asks which lanes there are.
    plugins = (
        "-p",
        f"{_LANE}.declared",
        "-p",
        f"{_LANE}.model",
        "-p",
        "no:xdist",
        "-p",
        "no:cacheprovider",
    )
    command = (sys.executable, "-m", "pytest", "-q", *plugins, str(_HERE / "scenes.py"))
    ran = subprocess.run(command, capture_output=True, text=True, check=False)
    assert ran.returncode == 0, ran.stdout + ran.stderr
    assert "5 passed" in ran.stdout
