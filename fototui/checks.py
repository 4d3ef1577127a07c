"""Is everything there that the settings name? Each check does what the program itself will do."""

import asyncio
import contextlib
from collections.abc import Awaitable, Callable
from dataclasses import dataclass

from fototui.assembly import open_database, open_runpod, open_storage, open_vectorizer
from fototui.config import Settings, required
from fototui.domain.errors import FototuiError, TransientError
from fototui.domain.events import parse_event
from fototui.mercure.subscriber import LinkState, MercureSubscriber, StateChange

_CHECK_SECONDS = 20.0


@dataclass(frozen=True, slots=True)
class Finding:
    """What a check found.

    Args:
        service: What was checked.
        ok: Whether it works; None where it is not configured.
        detail: What was seen, or what to do.
    """

    service: str
    ok: bool | None
    detail: str


async def examine(settings: Settings) -> list[Finding]:
    """Check each service that the settings name.

    Args:
        settings: The settings.

    Returns:
        One finding per service, configured or not.
    """
    has_storage = settings.s3_bucket is not None or settings.storage_path is not None
    checks: list[tuple[str, bool, Callable[[Settings], Awaitable[str]]]] = [
        ("database", settings.database_url is not None, _check_database),
        ("hub", settings.mercure_url is not None, _check_hub),
        ("storage", has_storage, _check_storage),
        ("runpod", settings.runpod_api_key is not None, _check_runpod),
        ("vectorizer", settings.vectorizer_api_key is not None, _check_vectorizer),
    ]
    return list(
        await asyncio.gather(
            *(_check(settings, name, c, is_configured=there) for name, there, c in checks)
        )
    )


async def _check(
    settings: Settings,
    name: str,
    check: Callable[[Settings], Awaitable[str]],
    *,
    is_configured: bool,
) -> Finding:
    if not is_configured:
        return Finding(name, None, "not configured")
    try:
        async with asyncio.timeout(_CHECK_SECONDS):
            return Finding(name, ok=True, detail=await check(settings))
    except FototuiError as error:
        return Finding(name, ok=False, detail=str(error))
    except TimeoutError:
        return Finding(
            name, ok=False, detail=f"No answer in {_CHECK_SECONDS:g} s. Check the network."
        )


async def _check_database(settings: Settings) -> str:
    async with open_database(settings) as database:
        await database.check()
        return f"answers at {database.address}, schema is right"


async def _check_hub(settings: Settings) -> str:
    subscriber = MercureSubscriber(
        required(settings.mercure_url, "mercure_url"),
        settings.mercure_subscriber_jwt_key,
        parse_event,
    )
    async with contextlib.aclosing(subscriber.stream()) as stream:
        async for item in stream:
            if isinstance(item, StateChange) and item.state is LinkState.LIVE:
                break
            if isinstance(item, StateChange) and item.state is LinkState.DOWN:
                raise TransientError(item.reason, service="Mercure")
    required(settings.mercure_publisher_jwt_key, "mercure_publisher_jwt_key")
    return "takes subscribers"


async def _check_storage(settings: Settings) -> str:
    async with open_storage(settings) as storage:
        await storage.check()
    return f"{settings.storage_backend}: a file was written, read and removed"


async def _check_runpod(settings: Settings) -> str:
    async with open_runpod(settings) as runpod:
        health = await runpod.health()
    return f"answers: {health.in_queue} jobs in queue, {health.in_progress} in progress"


async def _check_vectorizer(settings: Settings) -> str:
    async with open_vectorizer(settings) as vectorizer:
        account = await vectorizer.account()
    return f"answers: plan {account.plan}, {account.state}, {account.credits:g} credits left"
