"""The PostgreSQL of Debian's package, for as long as a block runs, where it is installed."""

from __future__ import annotations

import asyncio
import os
import shutil
import signal
import subprocess
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path

import pytest

from fototui.net.asgi import bind
from tests.waiting import in_time

_PROGRAMS = Path("/usr/lib/postgresql/15/bin")
_PASSWORD = "password-of-the-tests"
#: Debian's own user: the server refuses to be root.
_USER = "postgres"


@dataclass(frozen=True)
class DebianPostgres:
    """A running server.

    Args:
        port: Where it listens.
        pid: Its process id.
    """

    port: int
    pid: int

    def url(self, database: str = "postgres") -> str:
        """URL of a database."""
        return f"postgresql+asyncpg://fototui:{_PASSWORD}@127.0.0.1:{self.port}/{database}"


@asynccontextmanager
async def debian_postgres(folder: Path) -> AsyncIterator[DebianPostgres]:
    """Run one while the block runs.

    Args:
        folder: Where its files are put; others must be able to pass through it.
    """
    if not (_PROGRAMS / "postgres").exists():
        pytest.skip("PostgreSQL 15 is not installed (Debian: apt-get install postgresql-15)")
    cluster, secret = folder / "debian", folder / "secret"
    cluster.mkdir()
    secret.write_text(_PASSWORD)
    if os.geteuid() == 0:
        shutil.chown(cluster, _USER)
        shutil.chown(secret, _USER)
    ended = await _run(
        "initdb",
        *["--pgdata", str(cluster), "--username=fototui", "--pwfile", str(secret), "--no-sync"],
        *["--auth=scram-sha-256", "--encoding=UTF8", "--locale=C.UTF-8"],
    )
    assert await ended.wait() == 0
    sock = bind()
    port: int = sock.getsockname()[1]
    sock.close()
    settings = {
        "listen_addresses": "127.0.0.1",
        "port": port,
        "unix_socket_directories": "",
        "max_connections": 200,
        "fsync": "off",
        "timezone": "UTC",
    }
    server = await _run(
        "postgres", "-D", str(cluster), *[f"-c{name}={value}" for name, value in settings.items()]
    )
    try:
        async with in_time():
            while await (await _run("pg_isready", "-q", "-h127.0.0.1", f"-p{port}")).wait():
                assert server.returncode is None, "PostgreSQL 15 does not start"
        yield DebianPostgres(port, server.pid)
    finally:
        server.send_signal(signal.SIGQUIT)
        await server.wait()


async def _run(program: str, *arguments: str) -> asyncio.subprocess.Process:
    return await asyncio.create_subprocess_exec(
        _PROGRAMS / program,
        *arguments,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        user=_USER if os.geteuid() == 0 else None,
        cwd="/",
    )
