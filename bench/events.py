"""What an event costs on its way to the hub, and whether it is late: 500 a second for ten seconds.

    python -m bench.events

Prints JSON: processor milliseconds of this process an event, from the event's making to the hub's
answer, and the longest that one waited for its answer. The hub is another process: the reference
hub where `make hub` made it, and the one that the program brings along.
"""

import asyncio
import json
import os
import subprocess
import sys
import time
from collections import deque
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import httpx
from pydantic import SecretStr

from fototui.domain.events import ImageStatusEvent
from fototui.domain.statuses import VersionType
from fototui.log import configure_logging
from fototui.mercure.address import HUB_PATH
from fototui.mercure.publisher import MercurePublishService
from fototui.net.asgi import bind

KEY = SecretStr("a-key-of-the-benchmark-0123456789abcdef")
A_SECOND, SECONDS, TICK = 500, 10, 0.01
REFERENCE = Path(__file__).parents[1] / ".tools" / "mercure"
HUBS = {"embedded hub": [sys.executable, "-m", "fototui", "hub", "--port"]}
if REFERENCE.exists():
    HUBS["reference hub"] = [str(REFERENCE)]


@contextmanager
def _hub(command: list[str]) -> Iterator[str]:
    sock = bind()
    port = sock.getsockname()[1]
    sock.close()
    secret = KEY.get_secret_value()
    environment = {
        **os.environ,
        "ADDR": f"127.0.0.1:{port}",
        "TRANSPORT_URL": "local://",
        "PUBLISHER_JWT_KEY": secret,
        "SUBSCRIBER_JWT_KEY": secret,
        "MERCURE_PUBLISHER_JWT_KEY": secret,
        "MERCURE_SUBSCRIBER_JWT_KEY": secret,
    }
    arguments = [*command, str(port)] if command[-1] == "--port" else command
    process = subprocess.Popen(
        arguments, env=environment, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
    )
    url = f"http://127.0.0.1:{port}{HUB_PATH}"
    try:
        while True:
            try:
                httpx.get(url)
            except httpx.TransportError:
                time.sleep(0.05)
            else:
                break
        yield url
    finally:
        process.terminate()
        process.wait()


def _event(number: int) -> ImageStatusEvent:
    return ImageStatusEvent(
        order_id=f"01JDSHOP{number % 40:018}",
        image_id=number,
        status_type=VersionType.COLORING,
        version_id=number,
        status="runpod_processing",
    )


async def paced(url: str) -> dict[str, float]:
    """Publish at the pace, and look at each tick what is not answered yet."""
    async with MercurePublishService(url, KEY, close_seconds=60) as publisher:
        for number in range(100):
            publisher.publish(_event(number))
        while publisher.stats.queued:  # noqa: ASYNC110 - nothing else tells
            await asyncio.sleep(TICK)
        known = publisher.stats.published
        made: deque[float] = deque()
        longest, sent = 0.0, 0
        spent, began = time.process_time(), time.perf_counter()
        while made or sent < A_SECOND * SECONDS:
            now = time.perf_counter()
            while publisher.stats.published > known:
                known += 1
                longest = max(longest, now - made.popleft())
            due = min(A_SECOND * SECONDS, int((now - began) * A_SECOND))
            while sent < due:
                publisher.publish(_event(1000 + sent))
                made.append(now)
                sent += 1
            await asyncio.sleep(TICK)
        spent = time.process_time() - spent
        seconds = time.perf_counter() - began
    assert publisher.stats.failed == publisher.stats.dropped == 0, publisher.stats
    return {
        "ms an event": round(spent / sent * 1000, 3),
        "events a second": round(sent / seconds),
        "longest wait, ms": round(longest * 1000),
    }


async def main() -> None:
    result = {}
    for name, command in HUBS.items():
        with _hub(command) as url:
            result[name] = await paced(url)
    print(json.dumps(result))


if __name__ == "__main__":
    configure_logging("WARNING")
    asyncio.run(main())
