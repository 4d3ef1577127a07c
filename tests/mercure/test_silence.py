"""A stream says that it is live only where it is: hubs that hang, are cut off, and come back."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path

import httpx
import pytest

from fototui.mercure.silence import SilentError, heard
from fototui.mercure.subscriber import LinkState, MercureSubscriber
from tests.mercure.conftest import (
    SUBSCRIBER_KEY,
    HubKind,
    Options,
    RunningHub,
    StartHub,
    in_front,
    running,
    topic,
)
from tests.mercure.test_subscriber import (
    after_the_mark,
    data,
    following,
    is_live,
    last,
    lost,
    mark_the_place,
    states,
    unmarked,
)
from tests.waiting import PATIENCE, until

#: The reference's own: far longer than any test lasts.
SELDOM = 40.0
QUIET = 0.3


def subscriber(url: str, about: str) -> MercureSubscriber[str]:
    return MercureSubscriber(
        url,
        SUBSCRIBER_KEY,
        lambda data: data or None,
        topics=(about,),
        answer_seconds=PATIENCE,
        quiet_seconds=QUIET,
        silence_seconds=1e6,
        first_wait_seconds=0.02,
        longest_wait_seconds=0.1,
    )


@pytest.mark.parametrize("heartbeat", [SELDOM, QUIET / 4])
async def test_a_hub_that_hangs_is_not_live_and_is_again_when_it_answers(
    start_hub: StartHub, heartbeat: float
) -> None:
    about = topic()
    with start_hub(heartbeat_seconds=heartbeat) as hub:
        async with (
            in_front(hub) as (proxy, url),
            following(source := subscriber(url, about)) as items,
        ):
            await mark_the_place(hub, about, items)
            # Where it is there, a busy machine may take its time to answer.
            source._answer_seconds = QUIET
            proxy.freeze()
            await until(lambda: last(items).state is LinkState.DOWN)
            assert "cannot be reached" in str(last(items).reason)
            await hub.publish(about, data="meanwhile")
            source._answer_seconds = PATIENCE
            proxy.thaw()
            await until(lambda: is_live(items))
            await hub.publish(about, data="after")
            await until(lambda: len(unmarked(items)) == 2)
    assert unmarked(items) == ["meanwhile", "after"]
    assert not lost(after_the_mark(items))


async def test_a_silent_hub_that_answers_stays_live(start_hub: StartHub) -> None:
    about = topic()
    with start_hub(heartbeat_seconds=SELDOM) as hub:
        async with (
            in_front(hub) as (proxy, url),
            following(subscriber(url, about)) as items,
        ):
            await until(lambda: is_live(items))
            asked = proxy.answers
            await until(lambda: proxy.answers > asked + 3)  # several questions, all answered
            await hub.publish(about, data="after")
            await until(lambda: data(items) == ["after"])
    assert states(items) == [LinkState.CONNECTING, LinkState.LIVE]


async def test_promised_heartbeats_tell_of_a_line_that_is_cut_for_one_stream(
    tmp_path: Path, client: httpx.AsyncClient
) -> None:
    # The hub answers all who ask anew: only the missing heartbeats can tell. The reference
    # promises none.
    about = topic()
    with running(HubKind.EMBEDDED, Options(heartbeat_seconds=QUIET / 4), tmp_path) as hub_url:
        hub = RunningHub(hub_url, client)
        async with (
            in_front(hub) as (proxy, url),
            following(subscriber(url, about)) as items,
        ):
            await mark_the_place(hub, about, items)
            proxy.strand()
            await hub.publish(about, data="meanwhile")
            await until(lambda: unmarked(items) == ["meanwhile"])
    assert LinkState.CATCHING_UP in states(items)
    assert not lost(after_the_mark(items))


# --- the watch over one stream -----------------------------------------------------------------


async def _silent() -> AsyncIterator[bytes]:
    yield b"a"
    await asyncio.Event().wait()


async def test_what_comes_while_the_question_is_open_counts() -> None:
    asked = asyncio.Event()

    async def source() -> AsyncIterator[bytes]:
        await asked.wait()
        yield b"late"

    async def never() -> bool:
        asked.set()
        await asyncio.Event().wait()
        return False

    got = [chunk async for chunk in heard(source(), quiet_seconds=0.01, is_alive=never)]
    assert got == [b"late"]


async def test_a_stream_is_given_up_when_nobody_answers_for_it() -> None:
    answers = iter([True, True, False])

    async def is_alive() -> bool:
        return next(answers)

    stream = heard(_silent(), quiet_seconds=0.01, is_alive=is_alive)
    assert await anext(stream) == b"a"
    with pytest.raises(SilentError):
        await anext(stream)
    assert next(answers, None) is None
