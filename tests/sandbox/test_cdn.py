"""The place of the photos, asked over HTTP."""

import asyncio
import io
from collections.abc import Awaitable, Callable

import httpx
import pytest
from PIL import Image, UnidentifiedImageError
from starlette.types import ASGIApp

from fototui.sandbox.samples import sample_photos
from fototui.sandbox.shopify.cdn import Cdn, Manner, create_cdn, photo_url

Serve = Callable[[ASGIApp], Awaitable[httpx.AsyncClient]]

BROWSER = {
    "User-Agent": "Mozilla/5.0 (X11; Linux x86_64) Firefox/140.0",
    "Referer": "https://fotomalovanky.myshopify.com/",
}


def cat() -> bytes:
    return next(photo.data for photo in sample_photos() if photo.name == "cat.jpg")


async def get(
    client: httpx.AsyncClient, manner: Manner, **query: str | float | None
) -> httpx.Response:
    return await client.get(photo_url("", "cat.jpg", manner, **query), headers=BROWSER)


async def test_every_sample_photo_is_served(serve: Serve) -> None:
    cdn = Cdn()
    client = await serve(create_cdn(cdn))
    for photo in sample_photos():
        answer = await client.get(photo_url("", photo.name), headers=BROWSER)
        assert answer.content == photo.data
        assert answer.headers["Content-Type"] == "image/jpeg"
    assert (await client.get("/photos/dog.jpg", headers=BROWSER)).status_code == 404
    assert (await client.get("/elsewhere/cat.jpg", headers=BROWSER)).status_code == 404
    assert cdn.asked["/photos/cat.jpg"] == 1


@pytest.mark.parametrize("missing", ["User-Agent", "Referer"])
async def test_robots_are_refused(serve: Serve, missing: str) -> None:
    cdn = Cdn()
    client = await serve(create_cdn(cdn))
    headers = {name: value for name, value in BROWSER.items() if name != missing}
    answer = await client.get("/photos/cat.jpg", headers=headers)
    assert answer.status_code == 403
    assert (await client.get("/counts")).json() == {
        "asked": {"/photos/cat.jpg": 1},
        "refused": 1,
        "most_at_once": 1,
    }


async def test_photos_may_come_and_go(serve: Serve) -> None:
    cdn = Cdn({})
    client = await serve(create_cdn(cdn))
    assert (await get(client, Manner.PHOTOS)).status_code == 404
    cdn.pictures["cat.jpg"] = b"a cat"
    assert (await get(client, Manner.PHOTOS)).content == b"a cat"
    unnamed = await get(client, Manner.UNNAMED)
    assert (unnamed.content, unnamed.headers["Content-Type"]) == (
        b"a cat",
        "application/octet-stream",
    )


async def test_a_slow_photo_comes_drop_by_drop_and_whole(serve: Serve) -> None:
    client = await serve(create_cdn(Cdn()))
    loop = asyncio.get_running_loop()
    began = loop.time()
    async with client.stream(
        "GET", photo_url("", "cat.jpg", Manner.SLOW, seconds=0.4), headers=BROWSER
    ) as answer:
        drops = [drop async for drop in answer.aiter_raw()]
    assert loop.time() - began > 0.3
    assert len(drops) > 10
    assert b"".join(drops) == cat()


async def test_a_broken_photo_begins_like_one_and_cannot_be_decoded(serve: Serve) -> None:
    client = await serve(create_cdn(Cdn()))
    answer = await get(client, Manner.BROKEN)
    assert answer.status_code == 200
    picture = Image.open(io.BytesIO(answer.content))
    with pytest.raises(OSError, match="truncated"):
        picture.load()
    for manner in (Manner.PAGE, Manner.EMPTY):
        nothing = await get(client, manner)
        assert nothing.status_code == 200
        with pytest.raises(UnidentifiedImageError):
            Image.open(io.BytesIO(nothing.content))


async def test_a_huge_photo_is_streamed_and_may_hide_its_length(serve: Serve) -> None:
    client = await serve(create_cdn(Cdn()))
    async with client.stream("GET", photo_url("", "cat.jpg", Manner.HUGE), headers=BROWSER) as told:
        assert told.headers["Content-Length"] == "5000000000"
    hidden = await get(client, Manner.HUGE, bytes=1_000_000, told=0)
    assert "Content-Length" not in hidden.headers
    assert len(hidden.content) == 1_000_000
    assert hidden.content.startswith(cat())
    assert len((await get(client, Manner.HUGE, bytes=100)).content) == 100


async def test_statuses_are_given_as_asked_for(
    serve: Serve, caplog: pytest.LogCaptureFixture
) -> None:
    client = await serve(create_cdn(Cdn()))
    assert (await get(client, Manner.STATUS)).status_code == 404
    assert (await get(client, Manner.STATUS, code=204)).status_code == 204
    assert "Exception" not in caplog.text  # such an answer may have no body
    limited = await get(client, Manner.STATUS, code=429, retry_after=3)
    assert (limited.status_code, limited.headers["Retry-After"]) == (429, "3")
    with pytest.raises(httpx.RemoteProtocolError):
        await get(client, Manner.CUT)
    assert (await get(client, Manner.SLOW, seconds="soon")).status_code == 400


async def test_a_flaky_photo_gets_well(serve: Serve) -> None:
    client = await serve(create_cdn(Cdn()))
    answers = [await get(client, Manner.FLAKY, times=2, code=530) for _ in range(4)]
    assert [answer.status_code for answer in answers] == [530, 530, 200, 200]
    assert answers[-1].content == cat()


async def test_redirects_go_anywhere(serve: Serve) -> None:
    client = await serve(create_cdn(Cdn()))
    answer = await get(client, Manner.AWAY, to="http://169.254.169.254/latest/meta-data", code=307)
    assert answer.status_code == 307
    assert answer.headers["Location"] == "http://169.254.169.254/latest/meta-data"
    followed = await client.get(
        photo_url("", "cat.jpg", Manner.AWAY, to="/photos/cat.jpg"),
        headers=BROWSER,
        follow_redirects=True,
    )
    assert followed.content == cat()


async def test_how_many_ask_at_once_is_seen(serve: Serve) -> None:
    cdn = Cdn()
    client = await serve(create_cdn(cdn))
    await asyncio.gather(*(get(client, Manner.SLOW, seconds=0.5) for _ in range(4)))
    assert cdn.most_at_once == 4
    await get(client, Manner.PHOTOS)
    assert cdn.most_at_once == 4
