"""Puts the operator's terminal together and runs it: screens, live store, an engine beside."""

import asyncio
import contextlib
import gc
import io
import os
import socket
import sys
import uuid
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import AsyncExitStack, asynccontextmanager, contextmanager
from importlib import import_module
from pathlib import Path
from typing import TYPE_CHECKING, TextIO

import platformdirs

from fototui.config.settings import Settings, load_settings
from fototui.config.sources import config_file
from fototui.domain.events import Event, parse_event
from fototui.domain.sentences import Sentence
from fototui.i18n import ngettext, number, preferred_language, set_language
from fototui.live.state import Changed
from fototui.live.store import LiveStore
from fototui.log import configure_logging, get_logger
from fototui.pictures.loader import PictureLoader
from fototui.pictures.preflight import Preflight
from fototui.runtime.compose import Runtime, book_options
from fototui.runtime.options import TerminalOptions
from fototui.runtime.supervisor import EngineSupervisor
from fototui.services.backend import Backend
from fototui.ui.preferences import Preferences, load_preferences, save_preferences
from fototui.ui.presence import Presence

if TYPE_CHECKING:
    from fototui.app import FototuiApp
    from fototui.mercure.subscriber import MercureSubscriber
    from fototui.pictures.terminal import Renderer

log = get_logger(__name__)

_WAIT_FOR_JOBS = 60.0
_LOOK_AT_TERMINAL = 2.0  # seconds between two looks whether it is still there
_ORDERS_FIRST = 3.0
_FIRST_LINE = '{"event": "the log is opened", "level": "info", "logger": "fototui"}\n'


def speak(settings: Settings, options: TerminalOptions) -> None:
    """Choose the language; what the operator changed in the app before still wins over it."""
    set_language(options.language or settings.ui_language or preferred_language())


def find_renderer(settings: Settings, options: TerminalOptions) -> "Renderer":
    """Ask the terminal what it can draw, which only works before the app owns it."""
    from fototui.pictures.terminal import detect

    return detect(options.pictures or settings.ui_pictures)


@contextmanager
def logging_to_file(settings: Settings) -> Iterator[Sentence | None]:
    """Keep the log off the screen while the block runs.

    Yields:
        Why there is no log, where there is none: that is no reason not to open the app.
    """
    no_log: Sentence | None = None
    stream: TextIO = io.StringIO()
    path = platformdirs.user_log_path("fototui") / "fototui.log"
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        stream = path.open("a", encoding="utf-8")
        # A full disk lets a file be opened, and refuses the first line.
        stream.write(_FIRST_LINE)
        stream.flush()
    except OSError as error:
        no_log = Sentence.make(
            "There is no log: {path} cannot be written ({reason}).",
            path=str(path),
            reason=str(error.strerror),
        )
        _close(stream)
        stream = open(os.devnull, "w", encoding="utf-8")  # noqa: SIM115 - closed below
    configure_logging(settings.log_level, json=True, stream=stream)
    try:
        yield no_log
    finally:
        configure_logging(settings.log_level)
        _close(stream)


def _close(stream: TextIO) -> None:
    with contextlib.suppress(OSError):  # what it still holds finds no room
        stream.close()


async def show_app(
    settings: Settings,
    options: TerminalOptions,
    renderer: "Renderer",
    *,
    say: Callable[[str], None],
    notice: Sentence | None = None,
    folder: Path | None = None,
) -> None:
    """Put the app's parts together, run it, and end what it began.

    Args:
        settings: The settings.
        options: How it is started.
        renderer: How pictures are drawn.
        say: Tells the operator something when the app has left the terminal.
        notice: What the operator is told when it opens.
        folder: Where the app remembers its last choices and keeps decoded pictures; the user's
            own folders where not given.
    """
    gc.disable()  # until the orders are shown, what is imported and made stays until the end
    remembered = None if folder is None else folder / "preferences.json"
    cache = None if folder is None else folder / "pictures"
    async with AsyncExitStack() as stack:
        # Nothing is checked here: the app starts without a database, says so, and catches up.
        runtime = await stack.enter_async_context(Runtime(settings))
        supervisor = EngineSupervisor(runtime) if options.engine and not options.read_only else None
        pictures = await stack.enter_async_context(
            PictureLoader(runtime.storage, cache_folder=cache, renderer=renderer)
        )
        preflight = await stack.enter_async_context(Preflight(runtime.storage))
        backend = Backend(
            runtime.database,
            runtime.storage,
            operator=settings.operator,
            read_only=options.read_only,
            shop=runtime.shop,
        )
        preferences = load_preferences(remembered)
        app = _make_app(runtime, backend, options, preferences, pictures, preflight, supervisor)
        app.notice = notice
        async with _after_orders(supervisor, app):
            async with _leaving_without_terminal(app):
                await app.run_async()
            if supervisor is not None:
                waits = app.leaving == "wait" and supervisor.running
                if waits:
                    waiting = ngettext(
                        "Waiting for {count} job, {seconds} s at most…",
                        "Waiting for {count} jobs, {seconds} s at most…",
                        supervisor.running,
                    )
                    say(waiting.format(count=supervisor.running, seconds=number(_WAIT_FOR_JOBS)))
                supervisor.stop(grace=_WAIT_FOR_JOBS if waits else 0)
        save_preferences(app.preferences, remembered)


@asynccontextmanager
async def _leaving_without_terminal(app: "FototuiApp") -> AsyncIterator[None]:
    """Have the app leave when its terminal is gone, which a signal does not always tell.

    A line that was cut or a multiplexer that was killed leaves a terminal that has only an end;
    Textual reads that again and again.
    """

    async def watch() -> None:
        while sys.__stdin__ is not None and sys.__stdin__.isatty():  # noqa: ASYNC110 - no event tells
            await asyncio.sleep(_LOOK_AT_TERMINAL)
        log.warning("the terminal is gone; the app ends")
        app.exit()

    task = asyncio.create_task(watch(), name="terminal")
    try:
        yield
    finally:
        task.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await task
        app.stop_reading()


def _start_collector() -> None:
    """Let garbage collections be few and short.

    Drawing makes many small objects. With Python's own thresholds the collector took a third to a
    half of the time of drawing, in pauses in which no key is answered.
    """
    gc.freeze()  # nearly nothing of it is garbage, and to look for that takes as long as to draw
    gc.set_threshold(50_000, 20, 20)
    gc.enable()


@asynccontextmanager
async def _after_orders(
    supervisor: EngineSupervisor | None, app: "FototuiApp"
) -> AsyncIterator[None]:
    """Once the app shows orders, have the collector work, and an engine beside the block.

    The engine ends after it.
    """
    beside = asyncio.create_task(_work_after_orders(supervisor, app), name="engine supervisor")
    try:
        yield
    finally:
        if supervisor is not None:
            supervisor.stop(grace=supervisor.grace)
            # What an engine does when it stops is bounded; this is for what nobody thought of.
            await asyncio.wait({beside}, timeout=_WAIT_FOR_JOBS + 60)
        beside.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await beside
        gc.enable()


async def _work_after_orders(supervisor: EngineSupervisor | None, app: "FototuiApp") -> None:
    """Let the operator see the orders before anything else takes its share of the processor."""
    shown = asyncio.Event()

    def hear(changed: Changed) -> None:
        if changed.listing:
            app.call_after_refresh(shown.set)  # what is told is not drawn yet

    stop_listening = app.store.listen(hear)
    with contextlib.suppress(TimeoutError):
        async with asyncio.timeout(_ORDERS_FIRST):
            await shown.wait()
    stop_listening()
    _start_collector()
    if supervisor is None:
        return
    # In a thread, because keys are answered meanwhile.
    for part in ("fototui.engine.engine", "fototui.engine.pipelines.registry"):
        await asyncio.to_thread(import_module, part)
    await supervisor.run()


def _make_app(
    runtime: Runtime,
    backend: Backend,
    options: TerminalOptions,
    preferences: Preferences,
    pictures: PictureLoader,
    preflight: Preflight,
    supervisor: EngineSupervisor | None,
) -> "FototuiApp":
    # Imported here: headless commands must not pay for screens.
    from fototui.app import FototuiApp
    from fototui.screens.orders.screen import OrdersScreen
    from fototui.ui.context import AppSettings

    settings = runtime.settings
    for name, value in (
        ("language", options.language or settings.ui_language),
        ("theme", options.theme or settings.ui_theme),
    ):
        if value is not None:
            setattr(preferences, name, value)
    return FototuiApp(
        backend,
        LiveStore(backend, _subscriber(runtime), working_days=settings.working_set_days),
        AppSettings(
            timezone=settings.timezone,
            keys=settings.keys,
            ask_above=settings.ui_ask_above,
            ascii_badges=settings.ui_ascii,
            bell=settings.ui_bell,
            title=settings.ui_title,
            book_options=book_options(settings),
            shop_admin=settings.shop_admin,
            prices=settings.prices,
            presets=settings.presets_beside,
        ),
        preferences,
        home=OrdersScreen,
        pictures=pictures,
        preflight=preflight,
        presence=Presence(backend, uuid.uuid4(), host=socket.gethostname()),
        jobs_here=None if supervisor is None else lambda: supervisor.running,
        engine_problem=lambda: None if supervisor is None else supervisor.problem,
    )


def _subscriber(runtime: Runtime) -> "MercureSubscriber[Event] | None":
    settings = runtime.settings
    if settings.mercure_url is None:
        return None
    from fototui.mercure.subscriber import MercureSubscriber

    return MercureSubscriber(
        settings.mercure_url,
        settings.mercure_subscriber_jwt_key,
        parse_event,
        is_known=runtime.publisher.is_own,
    )


async def set_up() -> str:
    """Ask the operator for the settings.

    Returns:
        What is wanted: "connect", "demo" or "leave".
    """
    from fototui.runtime.setup import FirstRun, known
    from fototui.screens.setup import SetupApp

    path = config_file()
    return await SetupApp(path, FirstRun(path), known(load_settings())).run_async() or "leave"
