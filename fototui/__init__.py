"""fototui: orders, jobs and pictures of a colouring-book shop, in a terminal or headless."""

import os
import sys

# httpx has a command line of its own, which it imports wherever rich and click happen to be
# installed: a third of its time. Told that it is not there, it goes without.
sys.modules.setdefault("httpx._main", None)  # type: ignore[arg-type]  # how Python writes that

# pydantic looks through all that is installed for plugins of its own, of which there are none here:
# it takes as long as building the settings.
os.environ.setdefault("PYDANTIC_DISABLE_PLUGINS", "__all__")

# The package's version too (pyproject.toml): to ask for it there takes longer than most imports.
__version__ = "0.1.0"
