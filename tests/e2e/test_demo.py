"""The demo as a newcomer runs it: a process of its own, and nothing left behind."""

import asyncio
import contextlib
import hashlib
import json
import os
import signal
import sys
import tempfile
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import httpx
import psutil
import pytest

from tests.forks import Fork, fork
from tests.waiting import PATIENCE, in_time, until

ONE_PHOTO_EACH = ("--seed", "4")
"""By this chance the first two orders have a photo each: real pictures take a second."""


@pytest.fixture
def home(tmp_path: Path) -> Iterator[Path]:
    """A folder that PostgreSQL's own user can reach too, which pytest's are not under root."""
    with tempfile.TemporaryDirectory(prefix="fototui-test-") as name:
        folder = Path(name)
        folder.chmod(0o711)
        yield folder


@asynccontextmanager
async def demo(home: Path, *arguments: str) -> AsyncIterator[asyncio.subprocess.Process]:
    """`fototui demo --headless` in a process whose temporary folder is the test's."""
    process = await asyncio.create_subprocess_exec(
        sys.executable,
        "-m",
        "fototui",
        "demo",
        "--headless",
        *arguments,
        env={"PATH": os.environ["PATH"], "HOME": str(home), "TMPDIR": str(home)},
        cwd=home,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE,
    )
    try:
        yield process
    finally:
        with contextlib.suppress(ProcessLookupError):
            process.kill()
        await process.wait()


Told = Callable[[], str]
ForkDemo = Callable[..., tuple[Fork, Told, Told]]


@pytest.fixture
async def forked(home: Path, tmp_path: Path, fork_server: None) -> AsyncIterator[ForkDemo]:
    """Runs a demo as `demo` does, of which the start is not looked at; what it prints and says."""
    processes: list[Fork] = []

    def start(*arguments: str) -> tuple[Fork, Told, Told]:
        environment = {"PATH": os.environ["PATH"], "HOME": str(home), "TMPDIR": str(home)}
        output, errors = (tmp_path / f"{name}-{len(processes)}" for name in ("output", "errors"))
        output.touch()
        errors.touch()
        process = fork(
            *("demo", "--headless", *arguments),
            environment=environment,
            folder=home,
            output=output,
            errors=errors,
        )
        processes.append(process)
        return process, output.read_text, errors.read_text

    yield start
    for process in processes:
        process.kill()
        await process.wait()


def left_running(home: Path) -> list[str]:
    """Processes that have anything to do with a folder."""
    found = []
    for process in psutil.process_iter():
        with contextlib.suppress(psutil.Error):
            if any(str(home) in part for part in (process.cwd(), *process.cmdline())):
                found.append(" ".join(process.cmdline()))
    return found


async def gone(home: Path) -> bool:
    """Wait for what is left of a demo to end."""
    with contextlib.suppress(TimeoutError):
        async with in_time():
            while left_running(home):  # noqa: ASYNC110 - other processes
                await asyncio.sleep(0.05)
    return not left_running(home)


async def test_an_interrupted_demo_cleans_up(home: Path, forked: ForkDemo) -> None:
    process, _, told = forked("--orders", "6")
    await until(lambda: "An engine works" in told())
    process.send_signal(signal.SIGINT)
    async with in_time():
        assert await process.wait() == 130
    assert "Traceback" not in told()
    assert list(home.iterdir()) == []
    assert await gone(home)  # at its end a fork leaves decoders to their broken lines


async def test_a_demo_in_a_scripts_background_is_ended_too(home: Path) -> None:
    # What a shell does to `command &` in a script; children inherit it.
    before = signal.signal(signal.SIGINT, signal.SIG_IGN)
    try:
        async with demo(home, "--orders", "6") as process:
            await _until_it_works(process)
            process.send_signal(signal.SIGTERM)
            _, err = await asyncio.wait_for(process.communicate(), PATIENCE)
    finally:
        signal.signal(signal.SIGINT, before)
    assert process.returncode == 130
    assert b"Traceback" not in err
    assert list(home.iterdir()) == []
    assert left_running(home) == []


async def test_one_command_makes_everything_and_a_later_one_goes_on_from_a_killed_one(
    home: Path, forked: ForkDemo
) -> None:
    state = home / "state"
    arguments = ("--dir", str(state), *ONE_PHOTO_EACH)
    async with demo(home, "--orders", "1", *arguments) as started:
        await _until_it_works(started)
        started.kill()
        await started.wait()
    assert await gone(home)
    reports = []
    for orders in (1, 2):
        process, out, told = forked("--json", "--orders", str(orders), *arguments)
        async with in_time():
            assert await process.wait() == 0, told()
        assert "PostgreSQL" in told()
        assert "Traceback" not in told()
        reports.append(json.loads(out().splitlines()[-1]))
        _is_whole(reports[-1], orders)
    first, second = reports
    kept = {f["key"]: f["sha256"] for f in second["files"]}
    assert kept.items() >= {f["key"]: f["sha256"] for f in first["files"]}.items()
    for key, digest in kept.items():
        assert hashlib.sha256((state / "files" / key).read_bytes()).hexdigest() == digest
    assert await gone(home)  # at its end a fork leaves decoders to their broken lines


def _is_whole(report: dict[str, Any], orders: int) -> None:
    """All is made of all orders, and each event was seen."""
    images = report["images"]
    assert report["orders"] == orders
    assert images >= orders
    assert report["coloring"]["completed"] == report["svg"]["completed"] == images
    assert report["coloring"]["error"] == report["svg"]["error"] == 0
    assert report["events"]["lost"] == 0
    assert report["events"]["received"] == report["events"]["published"] > 10
    books = sum(report["books"].values())
    assert (report["books"]["completed"], report["finished"]) == (books, orders)
    assert len(report["files"]) == 3 * images + books
    assert {f["content_type"] for f in report["files"]} == {
        "image/jpeg",
        "image/png",
        "image/svg+xml",
        "application/pdf",
    }


async def test_a_served_demo_takes_orders_until_it_is_stopped(home: Path, forked: ForkDemo) -> None:
    process, out, told = forked("--serve", "--orders", "1", *ONE_PHOTO_EACH)

    def said() -> list[str]:
        return out().splitlines(keepends=True)

    await until(lambda: said() and said()[0].endswith("\n"))
    where: dict[str, str] = json.loads(said()[0])
    assert {
        "url",
        "token",
        "webhook_secret",
        "shopify_url",
        "mercure_url",
        "database_url",
    } <= set(where)
    key = {"Authorization": f"Bearer {where['token']}"}
    async with httpx.AsyncClient(base_url=where["url"], headers=key, timeout=PATIENCE) as client:
        assert (await client.get("/readyz")).status_code == 200
        photo = where["shopify_url"].removesuffix("/shopify") + "/cdn/photos/cat.jpg"
        placed = await client.post(
            f"{where['shopify_url']}/orders", json={"photos": [photo], "last_name": "Malá"}
        )
        assert placed.json()["webhooks"] == [200]
        async with in_time():
            while True:
                listed = (await client.get("/api/v1/orders")).json()
                if [o["status"] for o in listed["orders"]] == ["ready_for_review"] * 2:
                    break
                await asyncio.sleep(0.05)
        assert {o["order_number"] for o in listed["orders"]} == {"#1001", "#1002"}
    process.send_signal(signal.SIGTERM)
    async with in_time():
        assert await process.wait() == 0, told()
    assert "Traceback" not in told()
    assert list(home.iterdir()) == []
    assert await gone(home)  # at its end a fork leaves decoders to their broken lines


async def _until_it_works(process: asyncio.subprocess.Process) -> None:
    assert process.stderr is not None
    async with in_time():
        async for line in process.stderr:
            if b"An engine works" in line:
                return
    raise AssertionError("the demo ended before its engine worked")
