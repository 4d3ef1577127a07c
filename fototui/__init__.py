"""fototui: orders, jobs and pictures of a colouring-book shop, in a terminal or headless."""

# The package's version too (pyproject.toml): to ask for it there takes longer than most imports.
__version__ = "0.1.0"
