"""fototui: orders, jobs and pictures of a colouring-book shop, in a terminal or headless."""

from importlib.metadata import PackageNotFoundError, version

try:
    __version__ = version("fototui")
except PackageNotFoundError:  # run from a source tree that was never installed
    __version__ = "0+unknown"
