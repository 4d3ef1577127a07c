"""The picture widget: shown at its size, by each way a terminal knows, and never a stale one."""

from __future__ import annotations

import asyncio
import io
import random
import re
import subprocess
import sys
from collections import Counter
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from functools import partial
from pathlib import Path
from typing import Any

import pytest
from PIL import Image, ImageDraw
from rich.cells import cell_len
from textual.app import App, ComposeResult
from textual.geometry import Region
from textual.strip import Strip

from fototui.domain.files import S3ObjectRefData
from fototui.i18n import set_language
from fototui.pictures.loader import PictureLoader
from fototui.pictures.terminal import Graphics, Renderer
from fototui.pictures.viewport import Viewport
from fototui.screens.picture import PictureScreen
from fototui.storage.directory import DirectoryStorage
from fototui.widgets.picture import widget
from fototui.widgets.picture.sixel import Sixels, sixels
from fototui.widgets.picture.symbols import Grid, Symbols, draw, grid
from fototui.widgets.picture.widget import Picture, PictureState
from tests.ui.conftest import AppPilot, OpenApp
from tests.ui.pages import lines, messages
from tests.waiting import PATIENCE, until_shown

SYMBOLS = [Graphics.HALFCELL, Graphics.QUADRANT, Graphics.SEXTANT, Graphics.OCTANT]
MISSING = S3ObjectRefData(key="a/none.png", bucket="files", etag="x")


class SlowStorage(DirectoryStorage):
    """Gives some files only when it is let."""

    def __init__(self, root: Path) -> None:
        super().__init__(root)
        self.gates: dict[str, asyncio.Event] = {}
        self.held: set[str] = set()

    async def get(self, key: str, *, max_bytes: int | None = None) -> bytes:
        if gate := self.gates.get(key):
            self.held.add(key)
            await gate.wait()
        return await super().get(key, max_bytes=max_bytes)


class PictureApp(App[None]):
    """One picture and a loader."""

    def __init__(self, pictures: PictureLoader) -> None:
        super().__init__()
        self.pictures = pictures

    def compose(self) -> ComposeResult:
        yield Picture(self.pictures)


@pytest.fixture
def storage(tmp_path: Path) -> SlowStorage:
    return SlowStorage(tmp_path / "files")


def renderer_of(graphics: Graphics) -> Renderer:
    return Renderer.of(graphics) if graphics in SYMBOLS else Renderer(graphics, 10, 20)


@asynccontextmanager
async def shown(
    storage: SlowStorage, tmp_path: Path, graphics: Graphics = Graphics.HALFCELL
) -> AsyncIterator[tuple[Picture, AppPilot]]:
    set_language("en")
    loader = PictureLoader(storage, cache_folder=tmp_path / "cache", renderer=renderer_of(graphics))
    async with loader:
        app = PictureApp(loader)
        async with app.run_test(size=(40, 21)) as pilot:
            yield app.query_one(Picture), pilot


async def put(
    storage: SlowStorage, key: str, colour: str, size: tuple[int, int] = (80, 40)
) -> S3ObjectRefData:
    file = io.BytesIO()
    Image.new("RGB", size, colour).save(file, "PNG")
    return await storage.put(key, file.getvalue(), content_type="image/png")


def pictures_of(picture: Picture) -> PictureLoader:
    assert isinstance(picture.app, PictureApp)
    return picture.app.pictures


def colour_of(picture: Picture) -> tuple[int, ...] | None:
    """The first pixel on the screen."""
    segment = next(iter(picture.query_one(Symbols).render_line(0)))
    if segment.style is None or segment.style.bgcolor is None or not segment.style.bgcolor.triplet:
        return None
    return tuple(round(part, -1) for part in segment.style.bgcolor.triplet)


def painted(strips: Sequence[Strip], grid: Grid) -> Image.Image:
    """What a terminal makes of it: each character's dark and light pixels."""
    image = Image.new("RGB", (strips[0].cell_length * grid.across, len(strips) * grid.down))
    for y, strip in enumerate(strips):
        x = 0
        for segment in strip:
            assert segment.style is not None
            light, dark = segment.style.bgcolor, segment.style.color
            for character in segment.text:
                pattern = grid.characters.index(character)
                for bit in range(grid.across * grid.down):
                    colour = dark if pattern >> bit & 1 else light
                    assert colour is not None, character
                    assert colour.triplet is not None
                    place = (
                        x * grid.across + bit % grid.across,
                        y * grid.down + bit // grid.across,
                    )
                    image.putpixel(place, (*colour.triplet,))
                x += 1
    return image


@pytest.mark.parametrize("graphics", SYMBOLS)
def test_two_colours_a_character_are_kept_exactly(graphics: Graphics) -> None:
    cells = grid(graphics)
    chance = random.Random(1)
    image = Image.new("RGB", (20 * cells.across, 12 * cells.down), "white")
    for x in range(image.width):
        for y in range(image.height):
            if chance.random() < 0.5:
                image.putpixel((x, y), (40, 0, 0))
    strips = list(draw(image, cells, 20, 12))
    assert [strip.cell_length for strip in strips] == [20] * 12
    assert painted(strips, cells).tobytes() == image.tobytes()


def test_lines_on_white_are_few_pieces() -> None:
    image = Image.new("RGB", (200, 80), "white")
    ImageDraw.Draw(image).line([(0, 0), (199, 79)], fill="black")
    for strip in draw(image, grid(Graphics.OCTANT), 100, 20):
        assert len(list(strip)) == 1, "white is the ground, and a line stands on it"


@pytest.mark.parametrize("graphics", SYMBOLS)
def test_every_pattern_has_a_character_of_its_own_one_column_wide(graphics: Graphics) -> None:
    cells = grid(graphics)
    assert len(set(cells.characters)) == len(cells.characters) == 1 << cells.across * cells.down
    assert {cell_len(character) for character in cells.characters} == {1}


async def test_it_keeps_its_proportions(storage: SlowStorage, tmp_path: Path) -> None:
    async with shown(storage, tmp_path) as (picture, pilot):
        picture.show(await put(storage, "a/1.png", "red"), caption="[/foo] \x1b[2J photo")
        await until_shown(pilot, lambda: picture.state is PictureState.SHOWN)
        await pilot.pause()
        assert picture.query_one(Symbols).size == (40, 10)
        assert str(picture.query_one(".caption").render()) == "[/foo] [2J photo"
        await pilot.resize_terminal(20, 21)
        await until_shown(pilot, lambda: picture.query_one(Symbols).size == (20, 5))
        picture.viewport = Viewport(2.0)
        await until_shown(pilot, lambda: picture.query_one(Symbols).size == (20, 10))


async def test_a_newer_picture_wins(storage: SlowStorage, tmp_path: Path) -> None:
    slow, quick = await put(storage, "a/1.png", "red"), await put(storage, "a/2.png", "blue")
    gate = storage.gates[slow.key] = asyncio.Event()
    async with shown(storage, tmp_path) as (picture, pilot):
        picture.show(slow)
        await until_shown(pilot, lambda: slow.key in storage.held)
        picture.show(quick)
        await until_shown(pilot, lambda: picture.state is PictureState.SHOWN)
        before = colour_of(picture)
        gate.set()
        await pictures_of(picture).load(slow, width_px=9, height_px=9)  # it is there by now
        await pilot.pause(0.2)
        assert colour_of(picture) == before == (0, 0, 260)


async def test_the_one_before_does_not_stand_under_the_next_ones_name(
    storage: SlowStorage, tmp_path: Path
) -> None:
    first, slow = await put(storage, "a/1.png", "red"), await put(storage, "a/2.png", "blue")
    gate = storage.gates[slow.key] = asyncio.Event()
    async with shown(storage, tmp_path) as (picture, pilot):
        picture.show(first, caption="one")
        await until_shown(pilot, lambda: picture.state is PictureState.SHOWN)
        picture.show(slow, caption="two")
        await pilot.pause()
        assert not picture.query_one(Symbols).display
        gate.set()
        await until_shown(pilot, lambda: picture.state is PictureState.SHOWN)
        assert picture.query_one(Symbols).display


async def test_reasons_and_nothing(storage: SlowStorage, tmp_path: Path) -> None:
    async with shown(storage, tmp_path) as (picture, pilot):
        picture.show(MISSING)
        await until_shown(pilot, lambda: picture.state is PictureState.FAILED)
        assert "not in storage" in str(picture.query_one(".words").render())
        picture.show(None, empty="Nothing here.")
        assert picture.state is PictureState.EMPTY
        assert str(picture.query_one(".words").render()) == "Nothing here."


async def test_off_shows_the_address(storage: SlowStorage, tmp_path: Path) -> None:
    async with shown(storage, tmp_path, Graphics.OFF) as (picture, pilot):
        picture.show(await put(storage, "a/1.png", "red"))
        await until_shown(pilot, lambda: "a/1.png" in str(picture.query_one(".words").render()))


_GRAPHICS = """
import asyncio, sys
from pathlib import Path
from textual.geometry import Region
from textual.strip import Strip
from fototui.pictures.loader import PictureLoader
from fototui.pictures.terminal import detect
from tests.ui.test_picture import PictureApp, SlowStorage, put
from fototui.widgets.picture.widget import Picture
from tests.waiting import until_shown

async def main(folder, choice):
    storage = SlowStorage(folder / "files")
    ref = await put(storage, "a/1.png", "red")
    async with PictureLoader(
        storage, cache_folder=folder / "cache", renderer=detect(choice)
    ) as loader:
        app = PictureApp(loader)
        async with app.run_test(size=(40, 20)) as pilot:
            picture = app.query_one(Picture)
            picture.show(ref)
            await until_shown(pilot, lambda: picture.state == "shown")
            await pilot.pause(0.2)
            surface = picture.query_one(".surface")
            print(surface.size)
            for strip in surface.render_lines(Region(0, 0, *surface.size)):
                print(repr(strip.render(app.console)))

asyncio.run(main(Path(sys.argv[1]), sys.argv[2]))
"""


@pytest.mark.parametrize(
    ("choice", "sign"), [("kitty", "\x1b_G"), ("sixel", "\\x1bP")], ids=["kitty", "sixel"]
)
def test_graphics_reach_the_terminal(tmp_path: Path, choice: str, sign: str) -> None:
    done = subprocess.run(
        [sys.executable, "-c", _GRAPHICS, str(tmp_path), choice],
        capture_output=True, text=True, timeout=PATIENCE, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr[-2000:]
    assert "Size(width=40, height=10)" in done.stdout
    assert sign in done.stdout
    # Kitty keeps a picture until it is told to forget it.
    assert ("\x1b_Ga=d" in done.stdout) is (choice == "kitty")


def test_sixels_choose_their_colours_and_leave_the_last_row_of_pixels() -> None:
    image = Image.new("RGB", (9, 20), (255, 0, 0))
    image.paste((0, 0, 255), (0, 0, 9, 3))
    data = sixels(image, 20)
    assert re.search(r'"1;1;9;18', data)
    colours = re.findall(r"#(\d+);2;\d+;\d+;\d+#(\d+)", data)
    assert len(colours) == data.count(";2;") == 2
    assert all(defined == chosen for defined, chosen in colours)
    # A new line of graphics at the end would scroll the screen.
    assert re.search(r"[^-]\x1b\\$", data)


async def test_sixels_and_what_stands_in_front(storage: SlowStorage, tmp_path: Path) -> None:
    ref = await put(storage, "a/1.png", "red", (40, 20))
    renderer = Renderer(Graphics.SIXEL, 1, 1)
    async with PictureLoader(storage, cache_folder=tmp_path / "cache", renderer=renderer) as loader:
        app = PictureApp(loader)
        async with app.run_test(size=(40, 21), notifications=True) as pilot:
            picture = app.query_one(Picture)
            picture.show(ref)
            await until_shown(pilot, lambda: picture.state is PictureState.SHOWN)
            surface = picture.query_one(Sixels)
            await until_shown(pilot, lambda: surface.size == (40, 20))
            first, *others = (
                line.render(app.console) for line in surface.render_lines(Region(0, 0, 40, 20))
            )
            assert first.count("\x1bP") == 1
            assert set(others) == {"\x1b[40C"}
            drawn = Counter[bool]()
            refresh = surface.refresh

            def count(*regions: Region, **how: bool) -> Sixels:
                drawn[bool(app.screen.query("Toast"))] += 1
                return refresh(*regions, **how)

            surface.refresh = count  # type: ignore[method-assign]  # seen, and done all the same
            app.notify("Notice", timeout=0.3)
            await until_shown(pilot, lambda: drawn[True])
            await until_shown(pilot, lambda: drawn[False])
            # Behind a dialog and where there is no room for all of it, it is not drawn.
            assert "\x1bP" not in surface.render_lines(Region(0, 0, 40, 9))[0].render(app.console)
            assert "\x1bP" not in "".join(lines(app))


async def test_a_picture_is_loaded_and_painted_once_and_waits_for_nothing(
    open_app: OpenApp, storage: SlowStorage, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    monkeypatch.setattr(widget, "_SETTLED", 3600)  # as long as somebody goes on zooming
    painted = Counter[str]()
    paint, load = Symbols.paint, PictureLoader.load

    async def count_paint(surface: Symbols, *what: Any) -> None:
        painted["paint"] += 1
        await paint(surface, *what)

    async def count_load(loader: PictureLoader, *what: Any, **how: Any) -> Image.Image:
        painted["load"] += 1
        return await load(loader, *what, **how)

    monkeypatch.setattr(Symbols, "paint", count_paint)
    monkeypatch.setattr(PictureLoader, "load", count_load)
    ref = await put(storage, "a/1.png", "red")

    async def look(screen: object, pilot: AppPilot) -> None:
        assert isinstance(screen, PictureScreen)
        await until_shown(pilot, lambda: screen.picture.state is PictureState.SHOWN)
        await pilot.pause()

    async with open_app(partial(PictureScreen, ref=ref, named=lambda: "1"), size=(60, 20)) as (
        app,
        pilot,
    ):
        await look(app.screen, pilot)
        assert painted == {"load": 1, "paint": 1}
        again = PictureScreen(app.context, ref, named=lambda: "again")
        app.push_screen(again)
        await look(again, pilot)
        assert painted == {"load": 2, "paint": 2}


async def test_the_whole_screen(
    open_app: OpenApp, storage: SlowStorage, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    ref = await put(storage, "a/1.png", "red")
    home = partial(PictureScreen, ref=ref, named=lambda: "[/foo] Photo 1")
    async with open_app(home, size=(60, 20)) as (app, pilot):
        screen = app.screen
        assert isinstance(screen, PictureScreen)
        picture = screen.picture
        await until_shown(pilot, lambda: picture.state is PictureState.SHOWN)
        await pilot.press("minus")
        assert "The whole picture" in messages(app)
        await pilot.press("plus", "plus", "right", "down")
        assert picture.viewport.zoom == pytest.approx(2.25)
        assert picture.viewport.pan > (0.5, 0.5)
        assert screen.heading().endswith("2.2×")
        await pilot.press("l", "l", "l", "l", "l", "l", "l", "l")
        assert picture.viewport.pan[0] == pytest.approx(1 - 0.5 / 2.25)
        await pilot.press("left")
        assert picture.viewport.pan[0] < 1 - 0.5 / 2.25
        for _ in range(9):
            await pilot.press("plus")
        assert picture.viewport.zoom == 16
        assert "enlarged any further" in messages(app)
        await pilot.press("0")
        assert (picture.viewport.zoom, picture.viewport.pan) == (1, (0.5, 0.5))
