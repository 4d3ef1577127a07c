"""A real PgBouncer in front of a test's database, where it is installed."""

from __future__ import annotations

import asyncio
import os
import shutil
import socket
import tempfile
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest
from sqlalchemy import make_url

from tests.waiting import in_time


def find_pgbouncer() -> str:
    """Its program; the test is skipped where there is none."""
    program = shutil.which("pgbouncer", path=f"{os.environ.get('PATH', '')}:/usr/sbin")
    if program is None:
        pytest.skip("PgBouncer is not installed (Debian: apt-get install pgbouncer)")
    return program


@asynccontextmanager
async def pgbouncer(
    database_url: str, *, mode: str = "session", ignore: str = ""
) -> AsyncIterator[str]:
    """Run one while the block runs; gives the database's URL by way of it.

    Args:
        database_url: The database; `*` for each that is asked for.
        mode: Its `pool_mode`.
        ignore: Its `ignore_startup_parameters`.
    """
    program = find_pgbouncer()
    url = make_url(database_url)
    name = "*" if url.database == "*" else "shop"
    database = "" if name == "*" else f"dbname={url.database} "
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    with tempfile.TemporaryDirectory(prefix="fototui-") as temporary:
        folder = Path(temporary)
        folder.chmod(0o755)
        (folder / "users").write_text(f'"{url.username}" ""\n')
        (folder / "ini").write_text(
            "[databases]\n"
            f"{name} = host={url.host} port={url.port} {database}user={url.username} "
            f"password={url.password}\n"
            "[pgbouncer]\n"
            f"listen_addr = 127.0.0.1\nlisten_port = {port}\nunix_socket_dir =\n"
            f"auth_type = trust\nauth_file = {folder / 'users'}\npool_mode = {mode}\n"
            f"ignore_startup_parameters = {ignore}\n"
            "max_client_conn = 1000\ndefault_pool_size = 150\nserver_idle_timeout = 5\n"
        )
        as_another = ["-u", "nobody"] if os.geteuid() == 0 else []  # it refuses to be root
        process = await asyncio.create_subprocess_exec(
            program, "-q", *as_another, str(folder / "ini"), stderr=asyncio.subprocess.DEVNULL
        )
        try:
            async with in_time():
                while not await _listens(port):  # noqa: ASYNC110 - another process
                    await asyncio.sleep(0.02)
            there = url.set(host="127.0.0.1", port=port, database=name, password=None)
            yield there.render_as_string(hide_password=False)
        finally:
            process.terminate()
            await process.wait()


async def _listens(port: int) -> bool:
    try:
        _, writer = await asyncio.open_connection("127.0.0.1", port)
    except OSError:
        return False
    writer.close()
    return True
