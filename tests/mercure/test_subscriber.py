"""The subscriber comes back by itself, and says when something was missed."""

import asyncio
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import ExitStack, aclosing, asynccontextmanager
from itertools import dropwhile, groupby

import httpx
import pytest
from pydantic import SecretStr
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import HTMLResponse, PlainTextResponse, Response, StreamingResponse
from starlette.routing import Route

from fototui.domain.errors import ConfigurationError
from fototui.domain.events import Event, ListUpdateEvent, OrderUpdateEvent, parse_event
from fototui.mercure.address import HUB_PATH
from fototui.mercure.hub import HubSettings, create_hub
from fototui.mercure.publisher import MercurePublishService
from fototui.mercure.subscriber import LinkState, Lost, MercureSubscriber, Message, StateChange
from fototui.net.asgi import bind, serving
from tests.mercure.conftest import (
    PUBLISHER_KEY,
    SUBSCRIBER_KEY,
    RunningHub,
    StartHub,
    in_front,
    topic,
)
from tests.waiting import PATIENCE, in_time, until

Item = Message[str] | StateChange | Lost


def subscriber(
    url: str,
    *topics: str,
    first_wait_seconds: float = 0.02,
    longest_wait_seconds: float = 0.1,
    silence_seconds: float = 60.0,
    is_known: Callable[[str], bool] = lambda _event_id: False,
) -> MercureSubscriber[str]:
    return MercureSubscriber(
        url,
        SUBSCRIBER_KEY,
        lambda data: data or None,
        topics=topics or ("orders",),
        first_wait_seconds=first_wait_seconds,
        longest_wait_seconds=longest_wait_seconds,
        answer_seconds=PATIENCE,
        silence_seconds=silence_seconds,
        is_known=is_known,
    )


class Items(list[Item]):
    """What a subscriber yielded, and when."""

    def __init__(self) -> None:
        super().__init__()
        self.came_at: list[float] = []


@asynccontextmanager
async def following(source: MercureSubscriber[str]) -> AsyncIterator[Items]:
    """Everything the subscriber yields while the block runs."""
    items = Items()

    async def follow() -> None:
        async with aclosing(source.stream()) as stream:
            async for item in stream:
                items.came_at.append(time.monotonic())
                items.append(item)

    task = asyncio.create_task(follow())
    try:
        yield items
    finally:
        task.cancel()
        await asyncio.wait([task])
        assert task.cancelled()


def data(items: list[Item]) -> list[str]:
    return [item.data for item in items if isinstance(item, Message)]


def states(items: list[Item]) -> list[LinkState]:
    return [item.state for item in items if isinstance(item, StateChange)]


def lost(items: list[Item]) -> list[Lost]:
    return [item for item in items if isinstance(item, Lost)]


def last(items: list[Item]) -> StateChange:
    return [item for item in items if isinstance(item, StateChange)][-1]


def is_live(items: list[Item]) -> bool:
    return bool(items) and states(items)[-1] is LinkState.LIVE


async def mark_the_place(hub: RunningHub, about: str, items: list[Item]) -> None:
    """Publish until something is heard: a stream that ends before tells no place to go on from."""
    while not data(items):
        await until(lambda: is_live(items))
        count = len(items)
        await hub.publish(about, data="mark")
        await until(lambda: len(items) > count)  # noqa: B023


def unmarked(items: list[Item]) -> list[str]:
    return [text for text in data(items) if text != "mark"]


def after_the_mark(items: list[Item]) -> list[Item]:
    return list(dropwhile(lambda item: not isinstance(item, Message), items))


async def take(source: MercureSubscriber[str], messages: int) -> list[Item]:
    """Items until so many messages came; with 0 until the link is live."""
    async with following(source) as items:
        await until(lambda: is_live(items) and len(data(items)) >= messages)
        return items


# --- with a hub --------------------------------------------------------------------------------


async def test_it_connects_and_yields_what_can_be_read(hub: RunningHub) -> None:
    about = topic()
    async with following(subscriber(hub.url, about)) as items:
        await until(lambda: is_live(items))
        await hub.publish(about, data="")  # nothing that the parser knows
        answer = await hub.publish(about, data="a\nb", private="on")
        await until(lambda: bool(data(items)))
    assert items == [
        StateChange(LinkState.CONNECTING),
        StateChange(LinkState.LIVE),
        Message(answer.text, "a\nb", "a\nb"),
    ]


async def test_events_that_are_known_by_their_id_are_passed_over(hub: RunningHub) -> None:
    about = topic()
    order = OrderUpdateEvent(order_id=about.removeprefix("orders/"))
    async with (
        MercurePublishService(hub.url, PUBLISHER_KEY, timeout_seconds=PATIENCE) as here,
        MercurePublishService(hub.url, PUBLISHER_KEY, timeout_seconds=PATIENCE) as elsewhere,
        hub.listen(about) as listener,
        following(subscriber(hub.url, about, is_known=here.is_own)) as items,
    ):
        await until(lambda: is_live(items))
        here.publish(order)
        own = await listener.next()
        elsewhere.publish(order)
        foreign = await listener.next()
        await until(lambda: bool(data(items)))
    assert (here.is_own(own.id), here.is_own(foreign.id)) == (True, False)
    assert [item.id for item in items if isinstance(item, Message)] == [foreign.id]


async def test_the_place_in_the_stream_may_be_an_event_that_was_passed_over(
    hub: RunningHub,
) -> None:
    about = topic()
    source = subscriber(hub.url, about, is_known=lambda event_id: event_id.startswith("urn:own:"))
    own = f"urn:own:{about}"
    async with following(source) as items, hub.listen(about) as listener:
        await until(lambda: is_live(items))
        await hub.publish(about, data="before")
        await hub.publish(about, data="passed over", id=own)
        assert await listener.until("passed over") == ["before"]
        await until(lambda: source.cursor == own)
    await hub.publish(about, data="after")
    later = await take(source, 1)
    assert (data(later), lost(later)) == (["after"], [])


@pytest.mark.quick
async def test_events_travel_from_publisher_to_subscriber(hub: RunningHub) -> None:
    reader: MercureSubscriber[Event] = MercureSubscriber(hub.url, SUBSCRIBER_KEY, parse_event)
    sent = [OrderUpdateEvent(order_id="01JABC"), ListUpdateEvent(order_ids=("01JABC",))]
    received: list[Event] = []
    async with (
        MercurePublishService(hub.url, PUBLISHER_KEY) as service,
        aclosing(reader.stream()) as stream,
        in_time(),
    ):
        async for item in stream:
            if item == StateChange(LinkState.LIVE):
                for event in sent:
                    service.publish(event)
            if isinstance(item, Message):
                received.append(item.event)
            if len(received) == 2:
                break
    assert sorted(received, key=repr) == sorted(sent, key=repr)


async def test_without_a_key_it_listens_where_that_is_allowed(start_hub: StartHub) -> None:
    with start_hub(anonymous=True) as hub:
        source = MercureSubscriber(hub.url, None, str, topics=("a",))
        async with aclosing(source.stream()) as stream, in_time():
            assert await anext(stream) == StateChange(LinkState.CONNECTING)
            assert await anext(stream) == StateChange(LinkState.LIVE)


async def test_nothing_is_missed_nor_doubled_over_many_streams(start_hub: StartHub) -> None:
    about = topic()
    numbers = [str(number) for number in range(60)]
    with start_hub() as hub:
        async with in_front(hub) as (proxy, url), following(subscriber(url, about)) as items:
            await until(lambda: is_live(items))
            for place, number in enumerate(numbers):
                await hub.publish(about, data=number)
                if place % 20 == 10:
                    await until(lambda: data(items)[-1:] == [number])  # noqa: B023
                    proxy.cut()  # what follows is published while the next stream is opened
            await until(lambda: len(data(items)) >= len(numbers))
    assert data(items) == numbers
    assert not lost(items)
    assert states(items).count(LinkState.LIVE) == 4
    assert LinkState.DOWN not in states(items)


async def test_nothing_is_missed_nor_doubled_over_streams_that_the_hub_ends(
    start_hub: StartHub,
) -> None:
    about = topic()
    with start_hub(write_timeout_seconds=0.25, dispatch_timeout_seconds=0.02) as hub:
        async with following(subscriber(hub.url, about)) as items:
            await mark_the_place(hub, about, items)
            before = states(items).count(LinkState.LIVE)
            published: list[str] = []
            while states(items).count(LinkState.LIVE) < before + 3:
                published.append(str(len(published)))
                await hub.publish(about, data=published[-1])
            await until(lambda: data(items)[-1] == published[-1])
    assert unmarked(items) == published
    assert not lost(after_the_mark(items))


async def test_a_new_stream_goes_on_where_the_last_one_ended(hub: RunningHub) -> None:
    about = topic()
    source = subscriber(hub.url, about)
    async with following(source) as items:
        await until(lambda: is_live(items))
        await hub.publish(about, data="seen")
        await until(lambda: data(items) == ["seen"])
    await hub.burst(about, 1_100)  # more than a hub replays at a time
    rest = await take(source, 1_100)
    assert data(rest) == [str(number) for number in range(1_100)]
    assert not lost(rest)
    assert LinkState.DOWN not in states(rest)


@pytest.mark.parametrize("history_size", [0, 1_000])
async def test_a_restart_is_a_loss(start_hub: StartHub, history_size: int) -> None:
    # Also at the reference with a history in a file: hub v0.24.2 replays nothing of it before the
    # first new event, and says so.
    about = topic()
    with ExitStack() as first:
        hub = first.enter_context(start_hub(history_size=history_size))
        port = httpx.URL(hub.url).port
        async with following(subscriber(hub.url, about)) as items:
            await until(lambda: is_live(items))
            await hub.publish(about, data="before")
            await until(lambda: data(items) == ["before"])
            first.close()
            await until(lambda: last(items).state is LinkState.DOWN)
            with start_hub(history_size=history_size, port=port) as hub:
                await until(lambda: is_live(items))
                await hub.publish(about, data="after")
                await until(lambda: data(items) == ["before", "after"])
    # Down for one reason or several, as it goes down: refused, or hung up on.
    assert [state for state, _ in groupby(states(items))][:5] == [
        LinkState.CONNECTING,
        LinkState.LIVE,
        LinkState.CATCHING_UP,
        LinkState.DOWN,
        LinkState.LIVE,
    ]
    assert len(lost(items)) == 1
    assert data(items[items.index(lost(items)[0]) :]) == ["after"]


async def test_a_hub_without_history_loses_what_came_between_two_streams(
    start_hub: StartHub,
) -> None:
    about = topic()
    with start_hub(history_size=0) as hub:
        async with in_front(hub) as (proxy, url), following(subscriber(url, about)) as items:
            await until(lambda: is_live(items))
            await hub.publish(about, data="x")
            await until(lambda: data(items) == ["x"])
            proxy.cut()
            await until(lambda: bool(lost(items)) and is_live(items))
    assert "no history" in lost(items)[0].reason
    assert states(items)[:4] == [
        LinkState.CONNECTING,
        LinkState.LIVE,
        LinkState.CATCHING_UP,
        LinkState.LIVE,
    ]


async def test_a_loss_is_told_once(start_hub: StartHub) -> None:
    about = topic()
    with start_hub(history_size=3) as hub:
        source = subscriber(hub.url, about)
        async with following(source) as items:
            await until(lambda: is_live(items))
            await hub.publish(about, data="seen")
            await until(lambda: bool(data(items)))
        for number in range(5):
            await hub.publish(about, data=str(number))
        again = await take(source, 0)
        assert [item.reason for item in lost(again)] == [
            "The hub no longer has the event that was seen last."
        ]
        assert data(again) == []
        await hub.publish(about, data="after")
        third = await take(source, 1)
        assert lost(third) == []
        assert data(third) == ["after"]


async def test_a_place_never_marked_counts_as_lost(hub: RunningHub) -> None:
    source = subscriber(hub.url, topic())
    assert not lost(await take(source, 0))
    assert len(lost(await take(source, 0))) == 1


async def test_an_id_that_fits_no_header_costs_a_refetch_only(hub: RunningHub) -> None:
    about = topic()
    source = subscriber(hub.url, about)
    async with following(source) as items:
        await until(lambda: is_live(items))
        await hub.publish(about, data="odd", id="\x01\x1b[2J")
        await until(lambda: bool(data(items)))
    assert len(lost(await take(source, 0))) == 1


async def test_heartbeats_keep_a_silent_stream_alive(start_hub: StartHub) -> None:
    with start_hub(heartbeat_seconds=0.05) as hub:
        async with (
            in_front(hub) as (proxy, url),
            following(subscriber(url, topic(), silence_seconds=1.5)) as items,
        ):
            await until(lambda: is_live(items))
            began, answers = time.monotonic(), proxy.answers
            await until(lambda: proxy.answers > answers and time.monotonic() - began > 2)
    assert states(items) == [LinkState.CONNECTING, LinkState.LIVE]


async def test_a_dead_stream_is_noticed_by_its_silence(hub: RunningHub) -> None:
    about = topic()
    async with following(subscriber(hub.url, about, silence_seconds=0.3)) as items:
        await mark_the_place(hub, about, items)
        streams = states(items).count(LinkState.LIVE)
        await until(lambda: states(items).count(LinkState.LIVE) > streams)
        await hub.publish(about, data="y")
        await until(lambda: unmarked(items) == ["y"])
    assert not lost(after_the_mark(items))


async def test_the_hub_may_ask_for_patience(start_hub: StartHub) -> None:
    about = topic()
    with start_hub() as hub:
        async with in_front(hub) as (proxy, url), following(subscriber(url, about)) as items:
            await until(lambda: is_live(items))
            await hub.publish(about, data="x", retry="300")
            await until(lambda: data(items) == ["x"])
            proxy.cut()
            await until(lambda: states(items).count(LinkState.LIVE) == 2)
    came_at = [
        at for item, at in zip(items, items.came_at, strict=True) if isinstance(item, StateChange)
    ]
    _connecting, _live, lost_at, live_at, *_ = came_at
    assert live_at - lost_at > 0.25


async def test_a_wrong_key_is_said_in_a_sentence(hub: RunningHub) -> None:
    source = MercureSubscriber(hub.url, PUBLISHER_KEY, str)
    async with following(source) as items:
        await until(lambda: len(items) == 2)
    assert states(items) == [LinkState.CONNECTING, LinkState.DOWN]
    assert "MERCURE_SUBSCRIBER_JWT_KEY" in str(last(items).reason)
    assert PUBLISHER_KEY.get_secret_value() not in repr(items)
    assert source.state == last(items)


# --- a hub that is not there, or misbehaves ----------------------------------------------------


def misbehaving(answer: Callable[[Request], Awaitable[Response]]) -> Starlette:
    return Starlette(routes=[Route(HUB_PATH, answer)])


async def test_it_waits_for_a_hub_that_is_down_at_first(start_hub: StartHub) -> None:
    sock = bind()
    port = sock.getsockname()[1]
    sock.close()
    async with following(subscriber(f"http://127.0.0.1:{port}")) as items:
        await until(lambda: len(items) == 2)
        assert last(items).state is LinkState.DOWN
        assert "check MERCURE_URL" in str(last(items).reason)
        with start_hub(port=port):
            await until(lambda: is_live(items))
    # What was fetched before may be stale by now.
    assert len(lost(items)) == 1
    assert items[-2:] == [*lost(items), StateChange(LinkState.LIVE)]


@pytest.mark.parametrize(
    ("answer", "sentence"),
    [
        (PlainTextResponse("no", status_code=404), "No hub answers at MERCURE_URL (HTTP 404)"),
        (HTMLResponse("<h1>Welcome"), "No hub answers at MERCURE_URL (HTTP 200)"),
        (PlainTextResponse("no", status_code=403), "The hub refuses our token (HTTP 403)"),
        (PlainTextResponse("no", status_code=503), "The hub is in trouble (HTTP 503)"),
    ],
)
async def test_another_answer_is_said_in_a_sentence(answer: Response, sentence: str) -> None:
    async def respond(_request: Request) -> Response:
        return answer

    async with serving(misbehaving(respond)) as url, following(subscriber(url)) as items:
        await until(lambda: len(items) == 2)
    assert last(items).state is LinkState.DOWN
    assert str(last(items).reason).startswith(sentence)


async def test_a_refusal_is_tried_again_with_pauses() -> None:
    asked: list[float] = []

    async def respond(_request: Request) -> Response:
        asked.append(time.monotonic())
        return PlainTextResponse("", status_code=401)

    async with (
        serving(misbehaving(respond)) as url,
        following(subscriber(url, first_wait_seconds=0.3, longest_wait_seconds=0.3)) as items,
    ):
        await until(lambda: len(asked) == 3)
    assert asked[2] - asked[0] > 0.25
    # Said once, however often it is met.
    assert states(items) == [LinkState.CONNECTING, LinkState.DOWN]


async def test_a_hub_that_ends_streams_at_once_is_not_asked_without_pause() -> None:
    asked: list[float] = []

    async def respond(_request: Request) -> Response:
        asked.append(time.monotonic())
        return StreamingResponse(iter([b":\n"]), headers={"content-type": "text/event-stream"})

    async with (
        serving(misbehaving(respond)) as url,
        following(subscriber(url, first_wait_seconds=0.1, longest_wait_seconds=10)) as items,
    ):
        await until(lambda: len(asked) == 4)
    assert asked[3] - asked[0] > 0.05 + 0.1 + 0.2
    assert LinkState.DOWN in states(items)


async def test_cancelling_hangs_up() -> None:
    app = create_hub(HubSettings(publisher_key=PUBLISHER_KEY, subscriber_key=SUBSCRIBER_KEY))
    async with serving(app) as url:
        async with following(subscriber(url)) as items:
            await until(lambda: is_live(items))
            assert app.state.broker.readers == 1
        await until(lambda: app.state.broker.readers == 0)


async def test_leaving_the_loop_hangs_up() -> None:
    app = create_hub(HubSettings(publisher_key=PUBLISHER_KEY, subscriber_key=SUBSCRIBER_KEY))
    async with serving(app) as url:
        async with aclosing(subscriber(url).stream()) as stream:
            async for item in stream:
                if item == StateChange(LinkState.LIVE):
                    break
        await until(lambda: app.state.broker.readers == 0)


@pytest.mark.parametrize(("url", "key"), [("hub:3000", "k" * 32), ("http://hub", "")])
def test_a_bad_setting_is_said_at_once(url: str, key: str) -> None:
    with pytest.raises(ConfigurationError):
        MercureSubscriber(url, SecretStr(key), str)
