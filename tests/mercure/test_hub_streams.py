"""What a reader gets: the wire format, replay, heartbeats, and the end of a stream."""

import asyncio
import contextlib
import dataclasses
import math
import re
import time

import httpx
import pytest

from fototui.mercure.address import HUB_PATH
from fototui.mercure.hub import HubSettings, create_hub, serving_hub
from fototui.mercure.hub.broker import Broker, Update
from fototui.mercure.tokens import subscribe_token
from fototui.net.asgi import serving
from tests.mercure.conftest import (
    PUBLISHER_KEY,
    SUBSCRIBER_KEY,
    TLS,
    Listener,
    RunningHub,
    StartHub,
    topic,
)
from tests.waiting import PATIENCE, in_time, until


async def first_bytes(listener: Listener, count: int) -> str:
    """What came first over the wire, `count` characters of it."""
    text = ""
    async with in_time():
        async for chunk in listener.response.aiter_text():
            text += chunk
            if len(text) >= count:
                break
    return text


# --- the wire format ---------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("fields", "frame"),
    [
        ({"data": "x"}, "id: 1\ndata: x\n\n"),
        ({"data": ""}, "id: 1\ndata: \n\n"),
        ({"data": " x "}, "id: 1\ndata:  x \n\n"),
        ({"data": "a\nb"}, "id: 1\ndata: a\ndata: b\n\n"),
        ({"data": "a\r\nb\rc\n\n"}, "id: 1\ndata: a\ndata: b\ndata: c\ndata: \ndata: \n\n"),
        ({"data": "žluť 🎨"}, "id: 1\ndata: žluť 🎨\n\n"),
        ({"data": "x", "type": "order"}, "event: order\nid: 1\ndata: x\n\n"),
        ({"data": "x", "retry": "250"}, "retry: 250\nid: 1\ndata: x\n\n"),
        ({"data": "x", "retry": "0"}, "id: 1\ndata: x\n\n"),
        ({"type": "t", "retry": "007"}, "event: t\nretry: 7\nid: 1\ndata: \n\n"),
        ({"data": "x\x00y\u2028z"}, "id: 1\ndata: x\x00y\u2028z\n\n"),
    ],
)
async def test_an_update_on_the_wire(hub: RunningHub, fields: dict[str, str], frame: str) -> None:
    about = topic()
    async with hub.listen(about) as listener:
        await hub.publish(about, id="1", **fields)
        assert await first_bytes(listener, 2 + len(frame)) == ":\n" + frame


async def test_a_stream_begins_before_anything_happens(hub: RunningHub) -> None:
    async with hub.listen(topic()) as listener:
        headers = listener.response.headers
        assert await first_bytes(listener, 2) == ":\n"
    assert headers["content-type"] == "text/event-stream"
    assert headers["cache-control"] == "private, no-cache, no-store, must-revalidate, max-age=0"
    assert headers["x-accel-buffering"] == "no"
    assert "last-event-id" not in headers


async def test_an_update_with_many_topics_comes_once(hub: RunningHub) -> None:
    first, second, end = topic(), topic(), topic()
    async with hub.listen(first, second, "orders/{id}", end) as listener:
        await hub.publish(first, second, "elsewhere", data="once")
        await hub.publish(end, data="end")
        assert await listener.until("end") == ["once"]


async def test_readers_get_what_they_asked_for_in_order(hub: RunningHub) -> None:
    mine, other = topic(), topic()
    async with hub.listen(mine) as one, hub.listen(mine, other) as both:
        for number in range(20):
            await hub.publish(mine if number % 2 else other, data=str(number))
        assert [event.data for event in await one.take(10)] == [str(n) for n in range(1, 20, 2)]
        assert [event.data for event in await both.take(20)] == [str(n) for n in range(20)]


# --- replay ------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("asked", "expected"),
    [
        (1, ["2", "3", "5"]),
        (4, ["5"]),  # one that the reader did not ask for is a place in the line, too
        (5, []),
    ],
)
async def test_replay_goes_on_after_the_event_asked_for(
    hub: RunningHub, asked: int, expected: list[str]
) -> None:
    about, other = topic(), topic()
    topics = [about, about, about, about, other, about]
    ids = [(await hub.publish(one, data=str(n))).text for n, one in enumerate(topics)]
    async with hub.listen(about, last_event_id=ids[asked]) as listener:
        assert listener.response.headers["last-event-id"] == ids[asked]
        await hub.publish(about, data="live")
        assert await listener.until("live") == expected


async def test_replay_is_followed_by_live_events_without_a_gap(hub: RunningHub) -> None:
    about = topic()
    start = (await hub.publish(about, data="start")).text
    numbers = [str(n) for n in range(300)]

    async def publish() -> None:
        for number in numbers:
            await hub.publish(about, data=number)

    publishing = asyncio.create_task(publish())
    async with hub.listen(about, last_event_id=start) as early:
        head = [event.data for event in await early.take(100)]
        async with hub.listen(about, last_event_id=start) as late:
            assert [event.data for event in await late.take(300)] == numbers
        assert head + [event.data for event in await early.take(200)] == numbers
    await publishing


@pytest.mark.parametrize(
    ("header", "query", "answered"),
    [
        ("{id}", {}, "{id}"),
        ("", {"lastEventID": "{id}"}, "{id}"),
        ("{id}", {"lastEventID": "nothing"}, "{id}"),
        ("", {"Last-Event-ID": "{id}"}, None),  # the spelling of protocol 7
        ("", {"lasteventid": "{id}"}, None),
        ("", {"lastEventID": ""}, None),
        ("", {}, None),
    ],
)
async def test_where_the_last_event_id_is_looked_for(
    hub: RunningHub, header: str, query: dict[str, str], answered: str | None
) -> None:
    about = topic()
    first = (await hub.publish(about, data="before")).text
    await hub.publish(about, data="missed")
    asked = {name: value.format(id=first) for name, value in query.items()}
    async with hub.listen(about, last_event_id=header.format(id=first), query=asked) as listener:
        told = listener.response.headers.get("last-event-id")
        await hub.publish(about, data="live")
        missed = await listener.until("live")
    assert told == (answered and answered.format(id=first))
    assert missed == (["missed"] if answered else [])


async def test_an_unknown_event_replays_nothing(hub: RunningHub) -> None:
    about = topic()
    async with hub.listen(about, last_event_id="unknown") as listener:
        assert listener.response.headers["last-event-id"] == "earliest"
    last = (await hub.publish(about, data="missed")).text
    async with hub.listen(about, last_event_id="unknown") as listener:
        assert listener.response.headers["last-event-id"] == last
        await hub.publish(about, data="live")
        assert await listener.until("live") == []


async def test_only_ids_that_the_reader_may_know_are_told(hub: RunningHub) -> None:
    about = topic()
    nobody = subscribe_token(SUBSCRIBER_KEY, ())
    public = (await hub.publish(about)).text
    secret = (await hub.publish(about, private="on")).text
    await hub.publish(topic())
    for token, told in ((None, secret), (nobody, public)):
        async with hub.listen(about, last_event_id="unknown", token=token) as listener:
            assert listener.response.headers["last-event-id"] == told


async def test_earliest_replays_everything_allowed(hub: RunningHub) -> None:
    about = topic()
    for number in range(3):
        await hub.publish(about, data=str(number))
    await hub.publish(about, data="secret", private="on")
    await hub.publish(topic(), data="not mine")
    await hub.publish(about, data="end")
    nobody = subscribe_token(SUBSCRIBER_KEY, ())
    async with hub.listen(about, last_event_id="earliest") as all_of_it:
        assert all_of_it.response.headers["last-event-id"] == "earliest"
        assert await all_of_it.until("end") == ["0", "1", "2", "secret"]
    async with hub.listen(about, last_event_id="earliest", token=nobody) as public:
        assert await public.until("end") == ["0", "1", "2"]


async def test_history_is_bounded(start_hub: StartHub) -> None:
    about = topic()
    with start_hub(history_size=3) as hub:
        ids = [(await hub.publish(about, data=str(n))).text for n in range(5)]
        async with hub.listen(about, last_event_id="earliest") as listener:
            assert [event.data for event in await listener.take(3)] == ["2", "3", "4"]
        async with hub.listen(about, last_event_id=ids[1]) as listener:  # forgotten
            assert listener.response.headers["last-event-id"] == ids[4]


async def test_a_hub_without_history_says_earliest(start_hub: StartHub) -> None:
    about = topic()
    with start_hub(history_size=0) as hub:
        first = (await hub.publish(about, data="missed")).text
        for asked in (first, "earliest"):
            async with hub.listen(about, last_event_id=asked) as listener:
                assert listener.response.headers["last-event-id"] == "earliest"
                await hub.publish(about, data="live")
                assert await listener.until("live") == []


async def test_an_id_may_be_any_text(hub: RunningHub) -> None:
    about = topic()
    await hub.publish(about, data="1", id="příliš žluťoučký")
    await hub.publish(about, data="2")
    async with hub.listen(about, last_event_id="příliš žluťoučký") as listener:
        assert listener.response.headers["last-event-id"] == "příliš žluťoučký"
        assert (await listener.next()).data == "2"


async def test_the_same_id_twice_replays_from_the_first(hub: RunningHub) -> None:
    about, twice = topic(), topic()
    for data in ("1", "2"):
        await hub.publish(about, data=data, id=twice)
    async with hub.listen(about, last_event_id=twice) as listener:
        assert (await listener.next()).data == "2"


async def test_a_replay_longer_than_the_backlog_comes_in_bites(start_hub: StartHub) -> None:
    about = topic()
    with start_hub() as hub:
        await hub.burst(about, 1_050)
        async with hub.listen(about, last_event_id="earliest") as listener:
            first = await listener.rest()
        async with hub.listen(about, last_event_id=first[-1].id) as listener:
            assert listener.response.headers["last-event-id"] == first[-1].id
            rest = await listener.take(50)
    assert len(first) == 1_000
    assert [event.data for event in first + rest] == [str(n) for n in range(1_050)]


# --- silence, and the end ----------------------------------------------------------------------


async def test_heartbeats_fill_silence_only(start_hub: StartHub) -> None:
    about = topic()
    with start_hub(heartbeat_seconds=0.12) as hub:
        began = time.monotonic()
        async with hub.listen(about) as listener:
            assert await first_bytes(listener, 6) == ":\n" * 3
        assert time.monotonic() - began >= 0.2


async def test_an_event_puts_the_heartbeat_off(start_hub: StartHub) -> None:
    about = topic()
    with start_hub(heartbeat_seconds=0.4) as hub:
        async with hub.listen(about) as listener:
            chunks = listener.response.aiter_text()
            assert set(await anext(chunks)) == {":", "\n"}
            await asyncio.sleep(0.25)  # not for synchronisation: the silence that is measured
            began = time.monotonic()
            await hub.publish(about, data="x")
            while "data: x" not in await anext(chunks):
                pass  # a busy machine was silent for longer
            assert set(await anext(chunks)) == {":", "\n"}
            assert time.monotonic() - began > 0.3


async def test_streams_end_cleanly_and_not_all_at_once(
    start_hub: StartHub,
) -> None:
    async def lived(hub: RunningHub) -> float:
        began = time.monotonic()
        async with hub.listen(topic()) as listener:
            assert await listener.rest() == []
            return time.monotonic() - began

    async def ends_are_spread() -> bool:
        times = await asyncio.gather(*(lived(hub) for _ in range(20)), return_exceptions=True)
        lives = [life for life in times if isinstance(life, float)]
        assert all(life > 0.4 for life in lives)
        return len(lives) == 20 and max(lives) - min(lives) > 0.02

    with start_hub(write_timeout_seconds=0.6, dispatch_timeout_seconds=0.02) as hub:
        # Again where a busy machine stood still over an end: it came too late, or with all others.
        await until(ends_are_spread)


async def test_a_stream_ends_with_its_token(start_hub: StartHub) -> None:
    with start_hub(dispatch_timeout_seconds=0.02) as hub:
        for spare in (1, 4, 16):  # on a busy machine it may end too early, or too late to be clean
            now = time.time()
            seconds = math.ceil(now + spare) - now  # tokens end at whole seconds
            token = subscribe_token(SUBSCRIBER_KEY, seconds=seconds + 0.01)
            async with hub.listen(topic(), token=token) as listener:
                if listener.response.status_code == 401:
                    continue
                try:
                    assert await listener.rest() == []
                except httpx.RemoteProtocolError:
                    continue
            assert time.time() - now > 0.7 * seconds
            return
    pytest.fail("No token was taken.")


async def test_600_events_reach_a_reader_complete_and_in_order(hub: RunningHub) -> None:
    about = topic()
    async with hub.listen(about) as listener:
        text, chunks = "", listener.response.aiter_text()
        # No further ahead than the hub keeps for a reader: one that falls behind is given up.
        for start in range(0, 600, 200):
            publishing = asyncio.create_task(hub.burst(about, 200, start=start))
            async with in_time():
                while not text.endswith(f"data: {start + 199}\n\n"):
                    text += await anext(chunks)
            await publishing
    assert re.findall(r"^data: (.*)$", text, re.MULTILINE) == [str(n) for n in range(600)]
    assert len(set(re.findall(r"^id: (.*)$", text, re.MULTILINE))) == 600


# --- the embedded hub alone --------------------------------------------------------------------

SETTINGS = HubSettings(publisher_key=PUBLISHER_KEY, subscriber_key=SUBSCRIBER_KEY)
LISTENER = {"Authorization": f"Bearer {subscribe_token(SUBSCRIBER_KEY)}"}


async def test_a_reader_that_reads_nothing_is_given_up_and_others_are_not_held_up() -> None:
    settings = dataclasses.replace(SETTINGS, backlog=20, dispatch_timeout_seconds=2)
    app = create_hub(settings)
    broker: Broker = app.state.broker
    async with (
        serving(app) as base_url,
        httpx.AsyncClient(base_url=base_url, timeout=PATIENCE, verify=TLS) as client,
        client.stream("GET", HUB_PATH, params={"topic": "a"}, headers=LISTENER) as stuck,
        client.stream("GET", HUB_PATH, params={"topic": "a"}, headers=LISTENER) as reading,
    ):
        listener = Listener(reading)
        for number in range(60):
            broker.publish(Update(topics=("a",), data="x" * 500_000, id=str(number)))
            assert (await listener.next()).id == str(number)
        await until(lambda: broker.readers == 1)
        received = b""
        with contextlib.suppress(httpx.RemoteProtocolError):  # cut off in the middle
            async for chunk in stuck.aiter_raw():
                received += chunk
        assert received.count(b"id: ") < 60


async def test_leaving_the_block_ends_open_streams_at_once() -> None:
    async with httpx.AsyncClient(timeout=PATIENCE, verify=TLS) as client:
        async with serving_hub(SETTINGS) as url:
            stream = client.stream("GET", url, params={"topic": "a"}, headers=LISTENER)
            response = await stream.__aenter__()
        assert await Listener(response).rest() == []
        await stream.__aexit__(None, None, None)


async def test_a_reader_that_hangs_up_is_forgotten() -> None:
    app = create_hub(SETTINGS)
    broker: Broker = app.state.broker
    async with serving(app) as base_url, httpx.AsyncClient(timeout=PATIENCE, verify=TLS) as client:
        url = base_url + HUB_PATH
        async with client.stream("GET", url, params={"topic": "a"}, headers=LISTENER):
            assert broker.readers == 1
        await until(lambda: broker.readers == 0)


def test_a_reader_is_cut_off_when_it_is_too_far_behind() -> None:
    broker = Broker(history_size=10, backlog=3)
    slow, quick = (broker.subscribe(["a"], ["*"], last_event_id="") for _ in range(2))
    for number in range(4):
        broker.publish(Update(topics=("a",), id=str(number)))
        assert quick.take(10)
    assert slow.closed
    assert slow.take(10).count(b"id: ") == 3
    assert not quick.closed
