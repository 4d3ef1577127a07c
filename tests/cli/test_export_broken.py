"""`fototui export` where something breaks: storage, the disk, the process itself."""

from __future__ import annotations

import asyncio
import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from tests.cli.conftest import Command
from tests.cli.export_shop import Shop
from tests.waiting import PATIENCE, until


def names(folder: Path) -> set[str]:
    """All that is in a folder, also what is hidden."""
    return {path.relative_to(folder).as_posix() for path in folder.rglob("*")}


FILES = ("1-1-01.png", "1-1-01.svg", "1-1.pdf")
WHOLE = {"1", "manifest.csv", "manifest.json", *(f"1/{name}" for name in FILES)}


@pytest.mark.parametrize("content", [None, b"%PD", b"%PDF 9", b""])
def test_a_file_that_is_not_what_was_stored_keeps_its_order_back(
    fototui: Command, shop: Shop, tmp_path: Path, content: bytes | None
) -> None:
    shop.make("#1")
    shop.make("#2")
    stored = tmp_path / "files" / "books" / "1.pdf"
    if content is None:
        stored.unlink()
    else:
        stored.write_bytes(content)
    done = fototui("export", "1", "2", "--to", "out", "--finish", "--json")
    assert done.code == 1
    (refused,) = done.json["refused"]
    assert (refused["number"], "books/1.pdf" in refused["reason"]) == ("#1", True)
    if content is not None:
        assert "is not the one that was stored there" in refused["reason"]
    assert done.json["finished"] == ["#2"]
    assert {name for name in names(tmp_path / "out") if "1" in Path(name).parts} == set()
    saved = fototui("books", "save", "1", "--to", "saved")
    assert (saved.code, "books/1.pdf" in saved.err) == (1, True)
    assert not (tmp_path / "saved").exists()


def test_what_an_earlier_export_left_stays_as_it_is(
    fototui: Command, shop: Shop, tmp_path: Path
) -> None:
    shop.make("#1")
    fototui("export", "1", "--to", "out")
    before = {name: (tmp_path / "out" / "1" / name).read_bytes() for name in FILES}
    shop.dedicate("#1", "Pro Evu")
    shop.make_books("#1")
    (tmp_path / "files" / "books" / "2.pdf").write_bytes(b"%PDF")
    (tmp_path / "out" / "notes.txt").write_text("mine")
    assert fototui("export", "1", "--to", "out").code == 1
    assert names(tmp_path / "out") == WHOLE | {"notes.txt"}
    assert {name: (tmp_path / "out" / "1" / name).read_bytes() for name in FILES} == before
    # It still is what the manifest tells of.
    assert "1/1-1.pdf" in (tmp_path / "out" / "manifest.csv").read_text()


_LIMIT = "import resource as r; r.setrlimit(r.RLIMIT_FSIZE, ({most}, {most})); "


@contextmanager
def exporting(
    tmp_path: Path, database_url: str, *, most_bytes: int | None = None
) -> Iterator[subprocess.Popen[bytes]]:
    """An export of order #1 in a process of its own."""

    limit = "" if most_bytes is None else _LIMIT.format(most=most_bytes)
    arguments = ["fototui", "export", "1", "--to", "out", "--finish"]
    program = f"import sys; sys.argv = {arguments!r}; {limit}import fototui.cli as c; c.main()"
    with subprocess.Popen(
        [sys.executable, "-P", "-c", program],
        cwd=tmp_path,
        env={
            **os.environ,
            "DATABASE_URL": database_url,
            "STORAGE_PATH": str(tmp_path / "files"),
            "HOME": str(tmp_path),
            "XDG_CONFIG_HOME": str(tmp_path / "config"),
        },
        stdout=subprocess.DEVNULL,
        stderr=subprocess.PIPE,
    ) as process:
        try:
            yield process
        finally:
            process.kill()


def test_one_that_is_killed_leaves_nothing_that_the_next_one_does_not_mend(
    fototui: Command, shop: Shop, tmp_path: Path, database_url: str
) -> None:
    shop.make("#1")
    out, stuck = tmp_path / "out", tmp_path / "files" / "png" / "1.png"
    content = stuck.read_bytes()
    stuck.unlink()
    os.mkfifo(stuck)  # whoever reads it waits
    with exporting(tmp_path, database_url) as process:

        async def waits() -> None:
            await until(lambda: list(out.glob(".*.part/*.svg")))

        asyncio.run(waits())
        other = fototui("export", "1", "--to", "out")
        assert (other.code, "Another export writes to out;" in other.err) == (1, True)
        process.send_signal(signal.SIGKILL)
        assert process.wait(PATIENCE) == -signal.SIGKILL
    assert "1" not in names(out)
    assert not (out / "manifest.json").exists()
    (out / "1").mkdir()
    (out / "1" / f".{'0' * 16}.part").write_bytes(b"half")  # of one that replaced files

    stuck.unlink()
    stuck.write_bytes(content)
    done = fototui("export", "1", "--to", "out", "--finish")
    assert (done.code, "Order #1 is done." in done.err) == (0, True)
    assert names(out) == WHOLE


def test_a_full_disk_leaves_no_half_order(shop: Shop, tmp_path: Path, database_url: str) -> None:
    shop.make("#1")
    big = b"%PDF" + bytes(300_000)
    shop.replace_book("#1", big)
    with exporting(tmp_path, database_url, most_bytes=200_000) as process:
        _, told = process.communicate(timeout=PATIENCE)
    assert process.returncode == 2
    assert b"cannot be written: File too large. Choose another folder with --to." in told
    assert b"Traceback" not in told
    assert names(tmp_path / "out") == set()
