"""The first run: the demo, or a shop connected step by step."""

from fototui.screens.setup.app import SetupApp
from fototui.screens.setup.steps import Checked, Known, SetupWork

__all__ = ["Checked", "Known", "SetupApp", "SetupWork"]
