"""SVGs are drawn, and reach for nothing outside."""

from __future__ import annotations

from pathlib import Path

import pytest
from PIL import Image
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import PlainTextResponse
from starlette.routing import Route

from fototui.net.asgi import serving
from fototui.pictures import svg
from fototui.pictures.decoding import decode
from fototui.pictures.errors import PictureBrokenError, PictureTooBigError
from fototui.pictures.loader import PictureLoader
from tests.pictures.conftest import CountingStorage, encoded

HEAD = (
    '<svg xmlns="http://www.w3.org/2000/svg" xmlns:xlink="http://www.w3.org/1999/xlink" '
    'viewBox="0 0 40 20">'
)
RED = '<rect width="40" height="20" fill="#ff0000"/>'


def drawn(body: str) -> Image.Image:
    return decode(f"{HEAD}{body}</svg>".encode())


def test_drawn_in_its_proportions_on_white() -> None:
    image = drawn('<rect width="20" height="20" fill="#ff0000"/>')
    assert image.size == (svg.SIDE, svg.SIDE // 2)
    assert image.getpixel((10, 10)) == (255, 0, 0)
    assert image.getpixel((svg.SIDE - 10, 10)) == (255, 255, 255)
    sized = b'<?xml version="1.0"?><!-- x --><svg xmlns="http://www.w3.org/2000/svg" '
    assert decode(sized + b'width="10px" height="30px"/>').size == (683, svg.SIDE)


def test_references_inside_the_file_stay() -> None:
    body = '<defs><linearGradient id="g"><stop stop-color="#00ff00"/></linearGradient></defs>'
    image = drawn(f'{body}<rect width="40" height="20" fill="url(#g)"/>')
    assert image.getpixel((100, 100)) == (0, 255, 0)


@pytest.mark.parametrize(
    "body",
    [
        '<image href="{url}/a.png" width="40" height="20"/>',
        '<image xlink:href="{url}/a.png" width="40" height="20"/>',
        '<use href="{url}/a.svg#x"/>',
        "<style>@import url({url}/a.css);</style>",
        '<rect width="9" height="9" fill="url({url}/a.svg#g)"/>',
        "<style>rect {{ fill: url({url}/a.svg#g) }}</style>",
        '<script href="{url}/a.js"/>',
        '<foreignObject><iframe xmlns="http://www.w3.org/1999/xhtml" src="{url}"/></foreignObject>',
        '<filter id="f"><feImage href="{url}/a.png"/></filter>',
    ],
)
async def test_nothing_outside_is_asked(
    body: str, storage: CountingStorage, loader: PictureLoader
) -> None:
    asked: list[str] = []

    async def answer(request: Request) -> PlainTextResponse:
        asked.append(request.url.path)
        return PlainTextResponse("")

    async with serving(Starlette(routes=[Route("/{path:path}", answer)])) as url:
        text = HEAD + RED + body.format(url=url) + "</svg>"
        ref = await storage.put("a/1.svg", text.encode(), content_type="image/svg+xml")
        image = await loader.load(ref, width_px=40, height_px=20)
        assert image.size == (40, 20)
        assert image.getpixel((35, 15)) == pytest.approx((255, 0, 0), abs=8)
        assert asked == []


@pytest.mark.parametrize("attribute", ["href", "xlink:href"])
@pytest.mark.parametrize("prefix", ["", "file://"])
def test_files_of_this_machine_are_not_opened(tmp_path: Path, attribute: str, prefix: str) -> None:
    secret = tmp_path / "secret.png"
    secret.write_bytes(encoded(Image.new("RGB", (8, 8), "black")))
    body = f'<image {attribute}="{prefix}{secret}" width="40" height="20"/>'
    image = drawn(body)
    assert image.getextrema() == ((255, 255),) * 3


@pytest.mark.parametrize(
    "text",
    [
        '<!DOCTYPE svg [<!ENTITY x SYSTEM "file:///etc/passwd">]>' + HEAD + "&x;</svg>",
        '<!DOCTYPE svg [<!ENTITY a "aa"><!ENTITY b "&a;&a;">]>' + HEAD + "&b;</svg>",
        HEAD,
        "<svg/>",
        '<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 0 5"/>',
        '<svg xmlns="http://www.w3.org/2000/svg" viewBox="a b c d"/>',
        '<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 nan inf"/>',
        "<html><svg/></html>",
    ],
)
def test_damaged_or_refused(text: str) -> None:
    with pytest.raises(PictureBrokenError):
        decode(text.encode())


def test_other_encodings_hide_nothing() -> None:
    text = f'<?xml version="1.0" encoding="UTF-16"?><!DOCTYPE svg [<!ENTITY x "y">]>{HEAD}&x;</svg>'
    with pytest.raises(PictureBrokenError):
        decode(text.encode("utf-16"))


def test_too_deep_and_too_big(monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(PictureTooBigError):
        drawn("<g>" * 5000 + "</g>" * 5000)
    doubling = "".join(
        f'<g id="l{n}">' + f'<use href="#l{n - 1}"/>' * 200 + "</g>" for n in range(1, 9)
    )
    with pytest.raises(PictureTooBigError):
        drawn(f'<g id="l0">{RED}</g>{doubling}')
    monkeypatch.setattr(svg, "MAX_BYTES", 100)
    with pytest.raises(PictureTooBigError):
        drawn(RED * 10)
