"""Commands that need the demo's parts say so when they start."""

from collections.abc import Iterator
from contextlib import contextmanager
from importlib import import_module

from fototui.domain.errors import ConfigurationError

# Some of these are used only when the first picture is drawn, which is late to miss them.
_PARTS = ("numpy", "cv2", "vtracer", "python_multipart")


@contextmanager
def explaining_extra() -> Iterator[None]:
    """Import the demo's parts, and say what to install where that or the block's imports fail.

    Raises:
        ConfigurationError: They are not installed.
    """
    try:
        for name in _PARTS:
            import_module(name)
        yield
    except ImportError as error:
        raise ConfigurationError(
            "This needs {package}, which is not installed. "
            "Install fototui with its demo parts: fototui[demo]",
            package=str(error.name),
        ) from error
