"""Engines in processes of their own, which can be killed and frozen."""

import asyncio
import os
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from pathlib import Path

import pytest

from fototui.db.database import Database
from tests.engine.conftest import World, open_world
from tests.forks import Fork, fork
from tests.waiting import PATIENCE

LONG = "60"
"""A lease that no engine loses which lives on a busy machine."""
LEASE_IS_OVER = "UPDATE engines SET last_seen_at = now() - interval '1 hour'"
"""Of engines that are dead: as if they had been so for as long as their leases last."""


@pytest.fixture
async def world(database: Database, tmp_path: Path) -> AsyncIterator[World]:
    async with open_world(database, tmp_path / "files") as world:
        yield world


@asynccontextmanager
async def engine_process(world: World, *arguments: str, **variables: str) -> AsyncIterator[Fork]:
    """Run `fototui engine` in a process of its own while the block runs."""
    async with command_process(world, "engine", *arguments, **variables) as process:
        yield process


@asynccontextmanager
async def command_process(world: World, *arguments: str, **variables: str) -> AsyncIterator[Fork]:
    """Run a command of fototui in a process of its own while the block runs."""
    environment: Mapping[str, str] = {
        **{name: os.environ[name] for name in ("PATH", "HOME") if name in os.environ},
        **world.environment,
        "ENGINE_LEASE": "3",
        "OPERATOR": "chaos",
        **variables,
    }
    process = fork(*arguments, environment=environment, folder=world.folder.parent)
    try:
        yield process
    finally:
        if process.returncode is None:
            process.kill()
        await asyncio.wait_for(process.wait(), PATIENCE)
