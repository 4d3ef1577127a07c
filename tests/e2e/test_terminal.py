"""The app in a real terminal, as an operator drives it: keys in, a screen out."""

import asyncio
import json
import os
import shutil
import sys
import tempfile
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path

import pytest

from tests.waiting import PATIENCE, in_time

pytestmark = pytest.mark.skipif(
    shutil.which("tmux") is None, reason="tmux is not installed, and it plays the terminal"
)


@pytest.fixture
def home() -> Iterator[Path]:
    """A folder that PostgreSQL's own user can reach too, which pytest's are not under root."""
    with tempfile.TemporaryDirectory(prefix="fototui-test-") as name:
        folder = Path(name)
        folder.chmod(0o711)
        yield folder


@dataclass(frozen=True)
class Terminal:
    """A terminal of its own, by a tmux server of its own."""

    socket: str

    async def tmux(self, *arguments: str) -> str:
        process = await asyncio.create_subprocess_exec(
            "tmux",
            "-L",
            self.socket,
            "-f",
            "/dev/null",
            *arguments,
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.PIPE,
        )
        out, _ = await asyncio.wait_for(process.communicate(), PATIENCE)
        return out.decode()

    async def press(self, *keys: str) -> None:
        await self.tmux("send-keys", *keys)

    async def screen(self) -> str:
        return await self.tmux("capture-pane", "-p")

    async def shows(self, *words: str, seconds: float = 40) -> str:
        """Wait until all the words are on the screen; the screen."""
        seen = ""
        try:
            async with in_time():
                while not all(word in seen for word in words):
                    await asyncio.sleep(0.1)
                    seen = await self.screen()
        except TimeoutError:
            raise AssertionError(f"never saw {words} on:\n{seen}") from None
        return seen

    async def is_drawn_down_to(self, height: int) -> None:
        """Wait until the footer stands in the last of so many lines."""
        seen: list[str] = []
        try:
            async with in_time():
                while len(seen) != height or not seen[-1].strip():
                    await asyncio.sleep(0.1)
                    seen = (await self.screen()).splitlines()
        except TimeoutError:
            raise AssertionError("\n".join(["no footer at the end of:", *seen])) from None

    async def copies(self, text: str) -> None:
        """Wait until the app has put a text on the clipboard, which tmux keeps as its buffer."""
        copied = ""
        try:
            async with in_time():
                while copied != text:
                    await asyncio.sleep(0.1)
                    copied = await self.tmux("show-buffer")
        except TimeoutError:
            seen = await self.screen()
            raise AssertionError(f"copied {copied!r} instead of {text!r}:\n{seen}") from None

    async def gets_a_version(self) -> None:
        """Wait for the version to be made and chosen; one that fails, as some do, is retried."""
        async with in_time():
            while "★" not in (seen := await self.shows("v1")):
                if "✗ Error" in seen:
                    await self.press("r")
                await asyncio.sleep(0.5)

    async def leaves(self) -> None:
        """Leave the app; jobs that run are handed over."""
        await self.press("C-q")
        seen = ""
        async with in_time():
            while "ended 0" not in seen:
                await asyncio.sleep(0.1)
                seen = await self.screen()
                if "Hand over" in seen:
                    await self.press("Enter")


@asynccontextmanager
async def terminal(home: Path, command: str, *, size: tuple[int, int]) -> AsyncIterator[Terminal]:
    """Run a command in a terminal; "ended" and its exit code are shown after it."""
    opened = Terminal(f"fototui-{os.getpid()}-{home.name}")
    environment = f"env -i PATH={os.environ['PATH']} HOME={home} TMPDIR={home} LANG=C.UTF-8"
    line = f"cd {home} && {environment} TERM=screen-256color {command}; echo ended $?; sleep 600"
    width, height = size
    await opened.tmux("new-session", "-d", "-x", str(width), "-y", str(height), line)
    try:
        yield opened
    finally:
        await opened.tmux("kill-server")


async def test_every_size_shows_orders_and_help(home: Path) -> None:
    command = f"{sys.executable} -m fototui --lang en demo --fast --orders 2"
    sizes = [(60, 20), (80, 24), (200, 60)]
    async with terminal(home, command, size=sizes[0]) as operator:
        for width, height in sizes:
            await operator.tmux("resize-window", "-x", str(width), "-y", str(height))
            await operator.is_drawn_down_to(height)
            await operator.shows("#1001", "#1002")
            await operator.press("?")
            await operator.shows("Open the order.")
            await operator.press("Escape")
            await operator.press("F3")
            await operator.shows("Lanes")
            await operator.press("F1")
        await operator.leaves()


async def test_a_demo_remembers_in_its_own_folder(home: Path) -> None:
    users = home / ".local/state/fototui/preferences.json"
    users.parent.mkdir(parents=True)
    users.write_text('{"language": "cs", "search": "nobody", "screen": "engines"}')
    before = users.read_bytes()
    kept = home / "demo"
    command = f"{sys.executable} -m fototui demo --fast --orders 2 --dir {kept}"
    async with terminal(home, command, size=(100, 30)) as operator:
        await operator.shows("#1001", "#1002", "Orders")
        await operator.press("F3")
        await operator.shows("Lanes")
        await operator.leaves()
    assert users.read_bytes() == before
    assert json.loads((kept / "app/preferences.json").read_bytes())["screen"] == "engines"
    assert not (home / ".cache").exists()
