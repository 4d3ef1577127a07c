"""Is everything there that the settings name? Each check does what the program itself will do."""

import asyncio
import contextlib
from collections.abc import Awaitable, Callable
from dataclasses import dataclass

from fototui.config.settings import Settings, required
from fototui.domain.errors import FototuiError, TransientError
from fototui.domain.events import parse_event
from fototui.domain.sentences import Sentence
from fototui.i18n import N_
from fototui.mercure.subscriber import LinkState, MercureSubscriber, StateChange
from fototui.runtime.compose import (
    open_database,
    open_runpod,
    open_shop,
    open_storage,
    open_vectorizer,
)
from fototui.services.operations.lanes import LaneService
from fototui.services.views.operations import told_held

_CHECK_SECONDS = 20.0

SERVICES = {
    "database": N_("Database"),
    "hub": N_("Hub"),
    "storage": N_("Storage"),
    "shopify": "Shopify",
    "runpod": "RunPod",
    "vectorizer": "Vectorizer.ai",
}
"""What operators call that which is checked."""


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
    detail: Sentence


async def examine(settings: Settings) -> list[Finding]:
    """Check each service that the settings name.

    Args:
        settings: The settings.

    Returns:
        One finding per service, configured or not.
    """
    has_storage = settings.s3_bucket is not None or settings.storage_path is not None
    checks: list[tuple[str, bool, Callable[[Settings], Awaitable[Sentence]]]] = [
        ("database", settings.database_url is not None, _check_database),
        ("hub", settings.mercure_url is not None, _check_hub),
        ("storage", has_storage, _check_storage),
        ("shopify", settings.shopify_store_url is not None, _check_shopify),
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
    check: Callable[[Settings], Awaitable[Sentence]],
    *,
    is_configured: bool,
) -> Finding:
    if not is_configured:
        return Finding(name, None, Sentence.make("not configured"))
    try:
        async with asyncio.timeout(_CHECK_SECONDS):
            return Finding(name, ok=True, detail=await check(settings))
    except FototuiError as error:
        return Finding(name, ok=False, detail=error.sentence)
    except TimeoutError:
        silence = Sentence.make(
            "No answer in {seconds} s. Check the network.", seconds=_CHECK_SECONDS
        )
        return Finding(name, ok=False, detail=silence)


async def _check_database(settings: Settings) -> Sentence:
    async with open_database(settings) as database:
        await database.check()
        async with database.session() as session:
            lanes = await LaneService(session, operator=settings.operator).list_lanes()
        if held := told_held(lanes):
            return Sentence.make(
                "answers at {address}, schema is right. {held}", address=database.address, held=held
            )
        return Sentence.make("answers at {address}, schema is right", address=database.address)


async def _check_hub(settings: Settings) -> Sentence:
    subscriber = MercureSubscriber(
        required(settings.mercure_url, "mercure_url"),
        settings.mercure_subscriber_jwt_key,
        parse_event,
    )
    async with contextlib.aclosing(subscriber.stream()) as stream:
        async for item in stream:
            if isinstance(item, StateChange) and item.state is LinkState.LIVE:
                break
            if isinstance(item, StateChange) and item.reason is not None:
                raise TransientError(item.reason, service="Mercure")
    required(settings.mercure_publisher_jwt_key, "mercure_publisher_jwt_key")
    return Sentence.make("takes subscribers")


async def _check_storage(settings: Settings) -> Sentence:
    async with open_storage(settings) as storage:
        await storage.check()
    return Sentence.make(
        "{backend}: a file was written, read and removed", backend=settings.storage_backend
    )


async def _check_shopify(settings: Settings) -> Sentence:
    async with open_shop(settings) as shop:
        newest = [order.number async for order in shop.recent_orders(limit=1)]
    if not newest:
        return Sentence.make("answers: no orders within its reach")
    return Sentence.make("answers: the newest order is {number}", number=newest[0])


async def _check_runpod(settings: Settings) -> Sentence:
    async with open_runpod(settings) as runpod:
        health = await runpod.health()
    return Sentence.make(
        "answers: jobs in queue: {queued}, in progress: {running}",
        queued=health.in_queue,
        running=health.in_progress,
    )


async def _check_vectorizer(settings: Settings) -> Sentence:
    async with open_vectorizer(settings) as vectorizer:
        account = await vectorizer.account()
    return Sentence.make(
        "answers: plan {plan}, {state}, credits left: {credits}",
        plan=account.plan,
        state=account.state,
        credits=account.credits,
    )
