"""Is everything there that the settings name? Each check does what the program itself will do."""

import asyncio
import contextlib
from collections.abc import Awaitable, Callable
from dataclasses import dataclass

from fototui.config.settings import Settings, required
from fototui.domain.errors import ConflictError, FototuiError, TransientError
from fototui.domain.events import parse_event
from fototui.domain.lanes import LANES
from fototui.domain.sentences import Sentence
from fototui.mercure.subscriber import LinkState, MercureSubscriber, StateChange
from fototui.runtime.compose import Runtime, configured_lanes, open_database
from fototui.services.operations.lanes import LaneService
from fototui.services.views.operations import told_held

_CHECK_SECONDS = 20.0
# Thick lines, with white all around: nothing is to be found in it.
_PICTURE = (
    b'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 180 240">'
    b'<path d="M20 20H160V220H20Z" fill="none" stroke="#000" stroke-width="4"/></svg>'
)


@dataclass(frozen=True, slots=True)
class Finding:
    """What a check found.

    Args:
        service: What was checked.
        ok: Whether it works; None where it is not configured.
        detail: What was seen, or what to do.
        code: Which error it was; None where there was none.
    """

    service: str
    ok: bool | None
    detail: Sentence
    code: str | None = None

    @property
    def title(self) -> Sentence:
        """What operators call what was checked."""
        return _TITLES[self.service]


_TITLES = {
    "database": Sentence.make("Database"),
    "lanes": Sentence.make("Lanes"),
    "hub": Sentence.make("Hub"),
    "storage": Sentence.make("Storage"),
    "shopify": Sentence.make("Shopify"),
    "runpod": Sentence.make("RunPod"),
    "vectorizer": Sentence.make("Vectorizer.ai"),
    "engine": Sentence.make("Engine"),
    "template": Sentence.make("Book template"),
    "running": Sentence.make("Running engines"),
}


async def examine(settings: Settings, *, only: str | None = None) -> list[Finding]:
    """Check each service that the settings name.

    Args:
        settings: The settings.
        only: One service; all where not given.

    Returns:
        One finding per service, configured or not.
    """
    has_storage = settings.s3_bucket is not None or settings.storage_path is not None
    checks: list[tuple[str, bool, Callable[[Runtime], Awaitable[Sentence]]]] = [
        ("database", settings.database_url is not None, _check_database),
        ("lanes", settings.database_url is not None, _check_lanes),
        ("hub", settings.mercure_url is not None, _check_hub),
        ("storage", has_storage, _check_storage),
        ("shopify", settings.shopify_store_url is not None, _check_shopify),
        ("runpod", settings.runpod_api_key is not None, _check_runpod),
        ("vectorizer", settings.vectorizer_api_key is not None, _check_vectorizer),
        ("engine", settings.database_url is not None, _check_engine),
        ("template", settings.book_template is not None, _check_template),
        ("running", settings.database_url is not None, _check_running),
    ]
    async with Runtime(settings) as runtime:
        return list(
            await asyncio.gather(
                *(
                    _check(runtime, name, check, is_configured=there)
                    for name, there, check in checks
                    if only in (None, name)
                )
            )
        )


async def _check(
    runtime: Runtime,
    name: str,
    check: Callable[[Runtime], Awaitable[Sentence]],
    *,
    is_configured: bool,
) -> Finding:
    if not is_configured:
        return Finding(name, None, Sentence.make("not configured"))
    try:
        async with asyncio.timeout(_CHECK_SECONDS):
            return Finding(name, ok=True, detail=await check(runtime))
    except FototuiError as error:
        return Finding(name, ok=False, detail=error.sentence, code=error.code)
    except TimeoutError:
        silence = Sentence.make(
            "No answer in {seconds} s. Check the network.", seconds=_CHECK_SECONDS
        )
        return Finding(name, ok=False, detail=silence)


async def _check_database(runtime: Runtime) -> Sentence:
    # Not the runtime's, which would first ask for the hub's key: that is checked for itself.
    async with open_database(runtime.settings) as database:
        await database.check()
        async with database.session() as session:
            lanes = await LaneService(session, operator=runtime.settings.operator).list_lanes()
        if held := told_held(lanes):
            return Sentence.make(
                "answers at {address}, schema is right. {held}", address=database.address, held=held
            )
        return Sentence.make("answers at {address}, schema is right", address=database.address)


async def _check_lanes(runtime: Runtime) -> Sentence:
    async with open_database(runtime.settings) as database, database.session() as session:
        lanes = await LaneService(session, operator=runtime.settings.operator).list_lanes()
    paused = [
        Sentence.make(
            "{lane} is paused: {reason} Resume it: fototui lanes resume {name}",
            lane=LANES[lane.lane].lane_name,
            reason=lane.paused_reason,
            name=str(lane.lane),
        )
        if lane.paused_reason
        else Sentence.make(
            "{lane} is paused by {operator}. Resume it: fototui lanes resume {name}",
            lane=LANES[lane.lane].lane_name,
            operator=lane.paused_by or "?",
            name=str(lane.lane),
        )
        for lane in lanes
        if lane.paused_at is not None
    ]
    if paused:
        raise ConflictError(Sentence.joined(paused))
    return Sentence.make("none is paused")


async def _check_engine(runtime: Runtime) -> Sentence:
    # Each part is made when it is asked for, and says then what it misses.
    _ = runtime.storage
    if runtime.settings.runpod_api_key is not None:
        _ = runtime.runpod
    if runtime.settings.vectorizer_api_key is not None:
        _ = runtime.vectorizer
    if runtime.settings.daily_budget is not None:
        from fototui.engine.maintenance.budget import require_prices

        require_prices(runtime.settings.prices, configured_lanes(runtime.settings))
    return Sentence.make("can start here")


async def _check_template(runtime: Runtime) -> Sentence:
    """Make a book of two pictures, as an engine would."""
    from fototui.books.request import BookRequest
    from fototui.books.typesetter import Typesetter

    trial = BookRequest(
        "#1", "Omalovánky", "Příliš žluťoučký kůň úpěl ďábelské ódy.", None, (_PICTURE, _PICTURE)
    )
    async with Typesetter(runtime.settings.book_template) as typesetter:
        book = await typesetter.typeset(trial)
    if book.findings:
        raise ConflictError(Sentence.joined([each.sentence for each in book.findings]))
    return Sentence.make(
        "a trial book was typeset: {count} page",
        "a trial book was typeset: {count} pages",
        count=book.pages,
    )


async def _check_running(runtime: Runtime) -> Sentence:
    """Fails where work waits and nobody is there to do it."""
    async with open_database(runtime.settings) as database, database.session() as session:
        service = LaneService(session, operator=runtime.settings.operator)
        lanes, engines = await service.list_lanes(), await service.list_engines()
    served = {name for engine in engines if engine.paused_at is None for name in engine.lanes}
    # A paused lane is told of by the check of lanes.
    open_lanes = [lane for lane in lanes if lane.waiting and lane.paused_at is None]
    left = [lane for lane in open_lanes if lane.lane not in served]
    if left:
        raise ConflictError(
            Sentence.make(
                "{count} job waits, and no engine takes it ({lanes}). "
                "Start one: fototui engine, or open the app.",
                "{count} jobs wait, and no engine takes them ({lanes}). "
                "Start one: fototui engine, or open the app.",
                count=sum(lane.waiting for lane in left),
                lanes=Sentence.joined([LANES[lane.lane].lane_name for lane in left], ", "),
            )
        )
    if not engines:
        return Sentence.make("no engine runs, and nothing waits for one")
    return Sentence.make("{count} engine", "{count} engines", count=len(engines))


async def _check_hub(runtime: Runtime) -> Sentence:
    settings = runtime.settings
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


async def _check_storage(runtime: Runtime) -> Sentence:
    await runtime.storage.check()
    return Sentence.make(
        "{backend}: a file was written, read and removed",
        backend=runtime.settings.storage_backend,
    )


async def _check_shopify(runtime: Runtime) -> Sentence:
    async for newest in runtime.shopify.order_heads(limit=1):
        if newest:
            return Sentence.make("answers: the newest order is {number}", number=newest[0].number)
    return Sentence.make("answers: no orders within its reach")


async def _check_runpod(runtime: Runtime) -> Sentence:
    health = await runtime.runpod.health()
    return Sentence.make(
        "answers: jobs in queue: {queued}, in progress: {running}",
        queued=health.in_queue,
        running=health.in_progress,
    )


async def _check_vectorizer(runtime: Runtime) -> Sentence:
    account = await runtime.vectorizer.account()
    return Sentence.make(
        "answers: plan {plan}, {state}, credits left: {credits}",
        plan=account.plan,
        state=account.state,
        credits=account.credits,
    )
