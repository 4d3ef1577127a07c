"""The publisher is never in the way, and says what became of the events."""

import asyncio
import json
import time
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from functools import partial

import jwt
import pytest
from pydantic import SecretStr
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import PlainTextResponse, Response
from starlette.routing import Route

from fototui.domain.errors import ConfigurationError
from fototui.mercure.address import HUB_PATH
from fototui.mercure.publisher import MercurePublishService, PublisherStats
from fototui.net.asgi import bind, serving
from tests.logs import capture_logs
from tests.mercure.conftest import (
    PUBLISHER_KEY,
    SUBSCRIBER_KEY,
    RunningHub,
    StartHub,
    topic,
)
from tests.waiting import PATIENCE, in_time, until


@dataclass(frozen=True)
class Event:
    """An event as the publisher sees it."""

    about: str
    number: int = 0
    version: str = ""

    def get_topics(self) -> list[str]:
        return [self.about]

    def model_dump_json(self) -> str:
        return json.dumps({"number": self.number})

    def subject(self) -> str | None:
        return self.version or None


ANYTHING_CHANGED = Event("orders", -1)

patient = partial(
    MercurePublishService,
    timeout_seconds=PATIENCE,
    max_age_seconds=PATIENCE,
    close_seconds=PATIENCE,
)
"""A publisher that waits for a hub on a busy machine."""


def free_url() -> tuple[str, int]:
    """An address where nothing listens."""
    sock = bind()
    port: int = sock.getsockname()[1]
    sock.close()
    return f"http://127.0.0.1:{port}", port


async def done(service: MercurePublishService) -> PublisherStats:
    await until(lambda: service.stats.queued == 0)
    return service.stats


# --- with a hub --------------------------------------------------------------------------------


async def test_events_arrive_private_and_in_order(hub: RunningHub) -> None:
    lanes = [topic() for _ in range(6)]
    async with hub.listen(*lanes) as listener, patient(hub.url, PUBLISHER_KEY) as it:
        for number in range(20):
            for lane in lanes:
                it.publish(Event(lane, number))
        got = [json.loads(event.data)["number"] for event in await listener.take(120)]
        assert await done(it) == PublisherStats(published=120)
    assert sorted(got) == sorted(list(range(20)) * 6)
    async with hub.listen(*lanes, last_event_id="earliest") as listener:
        events = await listener.take(120)
        assert {event.event for event in events} == {"message"}
        assert {event.retry for event in events} == {None}
    async with hub.listen(lanes[0], last_event_id="earliest") as listener:
        numbers = [json.loads(event.data)["number"] for event in await listener.take(20)]
        assert numbers == list(range(20))


async def test_only_token_holders_read_them(start_hub: StartHub) -> None:
    about = topic()
    with start_hub(anonymous=True) as hub:
        async with (
            hub.listen(about, token="") as anyone,
            patient(hub.url, PUBLISHER_KEY) as service,
        ):
            service.publish(Event(about))
            assert (await done(service)).published == 1
            await hub.publish(about, data="public")
            assert await anyone.until("public") == []


async def test_a_wrong_key_is_counted_and_logged_once(hub: RunningHub) -> None:
    with capture_logs() as logs:
        async with patient(hub.url, SUBSCRIBER_KEY) as service:
            for number in range(10):
                service.publish(Event(topic(), number))
            assert await done(service) == PublisherStats(failed=10)
    assert [entry["log_level"] for entry in logs] == ["error"]
    assert "MERCURE_PUBLISHER_JWT_KEY" in logs[0]["event"]
    assert SUBSCRIBER_KEY.get_secret_value() not in str(logs)


async def test_a_hub_that_is_down_costs_nothing_and_gets_the_events_when_it_is_back(
    start_hub: StartHub,
) -> None:
    url, port = free_url()
    about = topic()
    with capture_logs() as logs:
        async with patient(url, PUBLISHER_KEY, retry_seconds=0.02) as service:
            for number in range(200):
                service.publish(Event(about, number))
            await until(lambda: bool(logs))
            assert service.stats == PublisherStats(queued=200)
            with start_hub(port=port) as hub:
                await until(lambda: service.stats.queued == 0)
                async with hub.listen(about, last_event_id="earliest") as listener:
                    data = [json.loads(event.data) for event in await listener.take(200)]
            assert service.stats == PublisherStats(published=200)
    assert [item["number"] for item in data] == list(range(200))
    assert [entry["event"] for entry in logs] == [
        "the hub cannot be reached; events wait",
        "the hub takes events again",
    ]


# --- without one -------------------------------------------------------------------------------


async def test_without_an_address_it_does_nothing() -> None:
    async with patient(None, SecretStr("")) as service:
        service.publish(Event("orders"))
    assert service.stats == PublisherStats()


@pytest.mark.parametrize(("url", "key"), [("hub:3000", "k" * 32), ("http://hub", "")])
def test_a_bad_setting_is_said_at_once(url: str, key: str) -> None:
    with pytest.raises(ConfigurationError):
        patient(url, SecretStr(key))


async def test_old_events_are_given_up_and_readers_told_once_the_hub_is_back(
    start_hub: StartHub,
) -> None:
    url, port = free_url()
    service = patient(
        url,
        PUBLISHER_KEY,
        after_loss=ANYTHING_CHANGED,
        retry_seconds=0.02,
        max_age_seconds=0.1,
    )
    async with service:
        for number in range(3):
            service.publish(Event(topic(), number))
        await until(lambda: service.stats.failed == 3)
        with start_hub(port=port) as hub:
            stats = await done(service)
            assert (stats.failed, stats.dropped) == (3, 0)
            assert stats.published >= 1
            async with hub.listen("*", last_event_id="earliest") as listener:
                assert (await listener.next()).data == ANYTHING_CHANGED.model_dump_json()


async def test_a_full_queue_drops_the_oldest(start_hub: StartHub) -> None:
    url, port = free_url()
    about = topic()
    service = patient(
        url, PUBLISHER_KEY, after_loss=ANYTHING_CHANGED, retry_seconds=0.02, queue_size=5
    )
    async with service:
        for number in range(20):
            service.publish(Event(about, number))
        assert service.stats.dropped == 15
        with start_hub(port=port) as hub:
            assert (await done(service)).published == 6
            async with hub.listen(about, "orders", last_event_id="earliest") as listener:
                data = [json.loads(event.data)["number"] for event in await listener.take(6)]
    assert sorted(data) == [-1, *range(15, 20)]
    assert [number for number in data if number >= 0] == list(range(15, 20))


async def test_closing_does_not_wait_for_a_hub_that_is_down() -> None:
    url, _ = free_url()
    service = patient(url, PUBLISHER_KEY, retry_seconds=0.02, close_seconds=1e6)
    async with service:
        for number in range(10):
            service.publish(Event("orders", number))
        with capture_logs() as logs:
            await until(lambda: bool(logs))
            async with in_time():
                await service.close()
    assert service.stats == PublisherStats(dropped=10)
    assert logs[-1]["events"] == 10
    service.publish(Event("orders"))  # too late, and still no error
    assert service.stats == PublisherStats(dropped=11)


async def test_a_broken_event_breaks_nothing() -> None:
    class Broken(Event):
        def model_dump_json(self) -> str:
            raise ValueError("no JSON today")

    async with patient("http://127.0.0.1:9", PUBLISHER_KEY) as service:
        with capture_logs() as logs:
            service.publish(Broken("orders"))
        assert service.stats == PublisherStats(failed=1)
    assert logs[0]["event"] == "an event could not be written"


# --- a hub that misbehaves ---------------------------------------------------------------------

Answer = Callable[[Request], Awaitable[Response]]


def misbehaving(answer: Answer) -> Starlette:
    return Starlette(routes=[Route(HUB_PATH, answer, methods=["POST"])])


async def test_trouble_that_passes_is_tried_again() -> None:
    answers = iter([503, 429, 500, 200])

    async def answer(_request: Request) -> Response:
        return PlainTextResponse("", status_code=next(answers))

    async with (
        serving(misbehaving(answer)) as url,
        patient(url, PUBLISHER_KEY, retry_seconds=0.01) as service,
    ):
        service.publish(Event("orders"))
        assert await done(service) == PublisherStats(published=1)


async def test_a_hub_that_hangs_holds_up_its_own_orders_only() -> None:
    seen: list[str] = []
    release = asyncio.Event()

    async def answer(request: Request) -> Response:
        body = (await request.body()).decode()
        if "topic=slow" in body:
            await release.wait()
        seen.append(body)
        return PlainTextResponse("id")

    async with (
        serving(misbehaving(answer)) as url,
        patient(url, PUBLISHER_KEY, lanes=64) as service,
    ):
        service.publish(Event("slow", 1))
        service.publish(Event("slow", 2))
        for number in range(20):
            service.publish(Event(topic(), number))
        await until(lambda: len(seen) >= 15)  # a few may share the slow one's lane
        assert not any("slow" in body for body in seen)
        release.set()
        assert (await done(service)).published == 22
    slow = [body for body in seen if "slow" in body]
    assert ["1" in body.partition("data=")[2] for body in slow] == [True, False]


async def test_a_request_has_a_time_out() -> None:
    release = asyncio.Event()

    async def answer(_request: Request) -> Response:
        await release.wait()
        return PlainTextResponse("id")

    async with serving(misbehaving(answer)) as url:
        service = patient(
            url, PUBLISHER_KEY, timeout_seconds=0.1, retry_seconds=0.01, max_age_seconds=0.2
        )
        async with service:
            service.publish(Event("orders"))
            assert await done(service) == PublisherStats(failed=1)
        release.set()


async def test_what_waits_already_is_not_queued_twice() -> None:
    bodies: list[str] = []
    release = asyncio.Event()

    async def answer(request: Request) -> Response:
        bodies.append((await request.body()).decode())
        await release.wait()
        return PlainTextResponse("id")

    async with (
        serving(misbehaving(answer)) as url,
        patient(url, PUBLISHER_KEY, lanes=1) as service,
    ):
        service.publish(Event("a", 0))
        await until(lambda: len(bodies) == 1)  # under way, no longer waiting
        for event in (Event("a", 1), Event("a", 2), Event("a", 1), Event("a", 0)):
            service.publish(event)
        assert service.stats == PublisherStats(merged=1, queued=4)
        release.set()
        assert await done(service) == PublisherStats(published=4, merged=1)
    numbers = [body.partition("number%22%3A+")[2][0] for body in bodies]
    assert numbers == ["0", "2", "1", "0"]  # the later one counts, at its place


async def test_of_the_waiting_events_of_a_version_the_last_is_sent() -> None:
    bodies: list[str] = []
    release = asyncio.Event()

    async def answer(request: Request) -> Response:
        bodies.append((await request.body()).decode())
        await release.wait()
        return PlainTextResponse("id")

    async with (
        serving(misbehaving(answer)) as url,
        patient(url, PUBLISHER_KEY, lanes=1) as service,
    ):
        service.publish(Event("a", 0, version="v1"))
        await until(lambda: len(bodies) == 1)  # under way: what comes now is another event
        for number in range(1, 9):
            service.publish(Event("a", number, version="v1"))
            service.publish(Event("a", number, version="v2"))
            service.publish(Event("b", number, version="v1"))
        service.publish(Event("a", 9))
        release.set()
        assert await done(service) == PublisherStats(published=5, merged=21)
    sent = [(body.split("topic=")[1][0], body.split("%3A+")[1][0]) for body in bodies]
    assert sent == [("a", "0"), ("a", "8"), ("a", "8"), ("b", "8"), ("a", "9")]


async def test_what_a_connection_and_a_token_cost_is_paid_once(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    signed: list[object] = []
    sign = jwt.encode

    def counted(payload: dict[str, object], key: bytes, algorithm: str) -> str:
        signed.append(payload)
        return sign(payload, key, algorithm=algorithm)

    monkeypatch.setattr(jwt, "encode", counted)
    seen: list[tuple[object, str]] = []

    async def answer(request: Request) -> Response:
        seen.append((request.client, request.headers["Authorization"]))
        return PlainTextResponse("id")

    async with (
        serving(misbehaving(answer)) as url,
        patient(url, PUBLISHER_KEY, lanes=4) as service,
    ):
        for number in range(200):
            service.publish(Event(topic(), number))
        assert (await done(service)).published == 200
    assert len({client for client, _ in seen}) <= 4
    assert len({token for _, token in seen}) == len(signed) == 1


async def test_leaving_waits_for_what_is_queued() -> None:
    bodies: list[str] = []

    async def answer(request: Request) -> Response:
        bodies.append((await request.body()).decode())
        return PlainTextResponse("id")

    async with serving(misbehaving(answer)) as url:
        async with patient(url, PUBLISHER_KEY) as service:
            for number in range(50):
                service.publish(Event(topic(), number))
        assert service.stats == PublisherStats(published=50)
    assert len(bodies) == 50


async def test_leaving_waits_no_longer_than_it_may() -> None:
    release = asyncio.Event()

    async def answer(_request: Request) -> Response:
        await release.wait()
        return PlainTextResponse("id")

    async with serving(misbehaving(answer)) as url:
        began = time.perf_counter()
        async with patient(url, PUBLISHER_KEY, close_seconds=0.2) as service:
            service.publish(Event("orders"))
        assert time.perf_counter() - began >= 0.2
        assert service.stats == PublisherStats(dropped=1)
        release.set()
