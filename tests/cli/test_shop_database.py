"""`fototui db` and `fototui lanes` on an existing shop's database; copies of a database."""

from __future__ import annotations

import asyncio
import os
import pty
import re
import sys
from pathlib import Path

import pytest

from tests.cli.conftest import Command
from tests.conftest import PostgresServer
from tests.db.old_shop import connect, make_shop, rows_of, schema_of


def test_a_shop_is_adopted_and_its_old_jobs_released(
    bare: Command, empty_database_url: str, tmp_path: Path
) -> None:
    asyncio.run(make_shop(empty_database_url))
    url = {"DATABASE_URL": empty_database_url, "STORAGE_PATH": str(tmp_path / "files")}
    before = asyncio.run(schema_of(empty_database_url))

    told = bare("db", "upgrade", "--dry-run", **url)
    assert told.code == 0
    assert re.fullmatch("[0-9a-f]{12} ", told.out[:13])
    assert "3 orders, 8 colourings, 5 SVGs" in told.err
    assert "Choices that stay, as an operator's: 2." in told.err
    assert asyncio.run(schema_of(empty_database_url)) == before

    upgraded = bare("db", "upgrade", **url)
    assert upgraded.code == 0
    assert "3 orders, 8 colourings, 5 SVGs" in upgraded.err
    assert "nothing to do" in bare("db", "upgrade", "--dry-run", **url).err
    assert bare("db", "check", **url).code == 0

    held = "Colouring 8 (as many paid RunPod jobs), SVG 5"
    assert held in bare("lanes", "release", "--dry-run", **url).err
    assert held in bare("lanes", "list", **url).err
    assert held in bare("doctor", **url).out
    lanes = {lane["lane"]: lane for lane in bare("lanes", "list", "--json", **url).json["lanes"]}
    assert {name: lane["held"] for name, lane in lanes.items()} == {
        "ingest": 2, "download": 1, "coloring": 8, "svg": 5, "book": 0,
    }  # fmt: skip
    assert lanes["coloring"]["waiting"] == 2  # the young ones

    assert "coloring: 8 released" in bare("lanes", "release", "coloring", **url).err
    still_held = bare("lanes", "list", **url).err
    assert "SVG 5" in still_held
    assert "Colouring" not in still_held
    assert "svg: 5 released" in bare("lanes", "release", **url).err
    assert "No old jobs are held." in bare("lanes", "release", "--dry-run", **url).err
    waiting = {
        lane["lane"]: lane["waiting"]
        for lane in bare("lanes", "list", "--json", **url).json["lanes"]
    }
    assert waiting == {"ingest": 2, "download": 1, "coloring": 10, "svg": 6, "book": 0}


def test_a_copy_is_made_checked_and_read_back(
    bare: Command, pg: PostgresServer, empty_database_url: str, tmp_path: Path
) -> None:
    asyncio.run(make_shop(empty_database_url))
    url = {"DATABASE_URL": empty_database_url}
    file = tmp_path / "shop.dump"

    made = bare("db", "backup", str(file), **url)
    assert made.code == 0, made.err
    assert "7 tables, read through" in made.err
    assert file.stat().st_mode & 0o077 == 0
    assert [path.name for path in tmp_path.iterdir() if "dump" in path.name] == ["shop.dump"]
    assert bare("db", "backup", str(file), **url).code == 1  # nothing is written over

    with pg.database() as other:
        done = bare("db", "restore", str(file), DATABASE_URL=other)
        assert done.code == 0, done.err
        assert asyncio.run(rows_of(other)) == asyncio.run(rows_of(empty_database_url))
        assert asyncio.run(schema_of(other)) == asyncio.run(schema_of(empty_database_url))
        assert bare("db", "upgrade", DATABASE_URL=other).code == 0
        again = bare("db", "restore", str(file), DATABASE_URL=other)
        assert again.code == 1
        assert "holds a shop already" in again.err


def test_a_damaged_copy_changes_nothing(
    bare: Command, pg: PostgresServer, database_url: str, tmp_path: Path
) -> None:
    file = tmp_path / "shop.dump"
    assert bare("db", "backup", str(file), DATABASE_URL=database_url).code == 0
    whole = file.read_bytes()
    with pg.database() as other:
        for damaged in (whole[: len(whole) // 2], b"no copy at all", b""):
            file.write_bytes(damaged)
            failed = bare("db", "restore", str(file), DATABASE_URL=other)
            assert failed.code == 1
            assert "pg_restore failed" in failed.err
            assert asyncio.run(schema_of(other)) == set()


def test_a_copy_needs_tools_as_new_as_the_server(
    bare: Command, database_url: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from fototui.db.schema import backup

    old = tmp_path / "pg_dump"
    old.write_text("#!/bin/sh\necho 'pg_dump (PostgreSQL) 9.6.1'\n")
    old.chmod(0o755)
    monkeypatch.setattr(backup, "_places", lambda name: [str(old)])
    failed = bare("db", "backup", str(tmp_path / "x"), DATABASE_URL=database_url)
    assert failed.code == 2
    assert "postgresql-client-" in failed.err
    assert "9.6.1" in failed.err


@pytest.mark.parametrize(
    ("answer", "sets_up"), [("y\n", True), ("Ano\n", True), ("n\n", False), ("\n", False)]
)
def test_a_terminal_is_asked_before_an_empty_database_is_set_up(
    bare: Command,
    empty_database_url: str,
    monkeypatch: pytest.MonkeyPatch,
    answer: str,
    *,
    sets_up: bool,
) -> None:
    ours, theirs = pty.openpty()
    try:
        with open(theirs, encoding="utf-8") as terminal:
            monkeypatch.setattr(sys, "stdin", terminal)
            os.write(ours, answer.encode())
            done = bare("db", "upgrade", DATABASE_URL=empty_database_url)
    finally:
        os.close(ours)
    assert "Set it up for fototui?" in done.err
    assert (done.code == 0) is sets_up

    async def tables() -> int:
        connection = await connect(empty_database_url)
        try:
            return int(await connection.fetchval("SELECT count(*) FROM pg_tables WHERE "
                                                 "schemaname = 'public'"))  # fmt: skip
        finally:
            await connection.close()

    assert (asyncio.run(tables()) > 0) is sets_up
