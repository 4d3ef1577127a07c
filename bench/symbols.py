"""How long a full screen of block characters takes: `python -m bench.symbols`, milliseconds."""

import random
import statistics
import time

from PIL import Image, ImageDraw

from fototui.pictures.terminal import Graphics, Renderer
from fototui.widgets.picture.symbols import draw, grid

WIDTH, HEIGHT = 200, 60
ROUNDS = 9


def pictures(renderer: Renderer) -> dict[str, Image.Image]:
    """A drawing, and the worst case: noise, in which no two characters are alike."""
    size = (WIDTH * renderer.cell_width, HEIGHT * renderer.cell_height)
    lines, chance = Image.new("RGB", size, "white"), random.Random(1)
    pen = ImageDraw.Draw(lines)
    for _ in range(150):
        pen.line(
            [(chance.random() * size[0], chance.random() * size[1]) for _ in range(3)], "black"
        )
    return {"lines": lines, "noise": Image.effect_noise(size, 60).convert("RGB")}


def main() -> None:
    """Print a line for each kind of picture and characters."""
    for graphics in (Graphics.HALFCELL, Graphics.QUADRANT, Graphics.SEXTANT, Graphics.OCTANT):
        for name, image in pictures(Renderer.of(graphics)).items():
            took = []
            for _ in range(ROUNDS):
                began = time.perf_counter()
                list(draw(image, grid(graphics), WIDTH, HEIGHT))
                took.append((time.perf_counter() - began) * 1000)
            print(f"{graphics:10} {name:6} {statistics.median(took):6.1f} ({min(took):.1f})")


if __name__ == "__main__":
    main()
