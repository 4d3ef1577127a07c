"""One engine's sign of life: its row in `engines`, written from a thread of its own.

The thread has its own event loop and its own connection, so that neither a busy event loop nor a
full connection pool can make a healthy engine look dead. One whose event loop stands still for
several leases is not healthy: it is given up, so that others do its jobs. Times are the database's.
"""

import asyncio
import contextlib
import threading
import uuid
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TypeVar

from sqlalchemy import URL

from fototui.db.connection import OwnConnection
from fototui.domain.errors import FototuiError
from fototui.engine.lease import Lease, boot_clock
from fototui.log import get_logger

T = TypeVar("T")
log = get_logger(__name__)

BEATS_A_LEASE = 5
"""How often an engine says that it lives within the time after which it may be taken for dead."""

_STILL_LEASES = 4
"""Leases for which the caller's event loop may stand still before the engine is given up."""

# A heartbeat that fails is tried again at once and then at this pace, in seconds.
_RETRY = 0.5


@dataclass(frozen=True, slots=True)
class EngineIdentity:
    """Who an engine is, for operators.

    Args:
        operator: Who runs it.
        host: Host name.
        pid: Process id.
        version: Program version.
        lanes: The lanes it works in.
        capacity: Jobs it runs at once, over all lanes.
    """

    operator: str
    host: str
    pid: int
    version: str
    lanes: Sequence[str]
    capacity: int


class Heartbeat:
    """Registers an engine and keeps it alive until stopped.

    Args:
        url: Database address.
        identity: Who it is.
        lease_seconds: Seconds of silence after which others may take it for dead.
        lease: Told of each heartbeat that was written.
        on_lease_lost: Called in the caller's event loop when the lease is lost: the heartbeat could
            not be written in time, or others declared the engine dead.
        on_registered_again: Called in the caller's event loop once the engine is registered again,
            under a new id. The old id is retired then.
    """

    def __init__(
        self,
        url: URL,
        identity: EngineIdentity,
        *,
        lease_seconds: float,
        lease: Lease,
        on_lease_lost: Callable[[], None],
        on_registered_again: Callable[[uuid.UUID], None],
    ) -> None:
        self._url = url
        self._identity = identity
        self._lease_seconds = lease_seconds
        self._interval = lease_seconds / BEATS_A_LEASE
        self._lease = lease
        self._on_lease_lost = on_lease_lost
        self._on_registered_again = on_registered_again
        self._thread: threading.Thread | None = None
        self._loop: asyncio.AbstractEventLoop | None = None
        self._stop: asyncio.Event | None = None
        self._connection: OwnConnection | None = None
        self._ended: asyncio.Future[None]
        self._turned_at = boot_clock()

    async def start(self) -> uuid.UUID:
        """Register the engine and begin to beat.

        Returns:
            The engine's id.

        Raises:
            FototuiError: The database cannot be reached.
        """
        caller = asyncio.get_running_loop()
        registered: asyncio.Future[uuid.UUID] = caller.create_future()
        self._ended = caller.create_future()
        self._turned_at = boot_clock()
        self._thread = threading.Thread(
            target=self._beat, args=(caller, registered), name="heartbeat", daemon=True
        )
        self._thread.start()
        try:
            return await registered
        except BaseException:
            self._ended.add_done_callback(_look)  # nobody waits for what did not begin
            raise

    async def wait(self) -> None:
        """Wait until the thread ends, which it does when stopped.

        Raises:
            Exception: Whatever else ended it.
        """
        await asyncio.shield(self._ended)

    async def stop(self) -> None:
        """Retire the engine's row, where the database can be reached, and end the thread."""
        if self._thread is None:
            return
        if self._loop is not None and self._stop is not None:
            with contextlib.suppress(RuntimeError):  # the thread's loop has ended by itself
                self._loop.call_soon_threadsafe(self._stop.set)
        await asyncio.to_thread(self._thread.join, self._lease_seconds)
        self._thread = None

    # --- in the thread ----------------------------------------------------------------------

    def _beat(
        self, caller: asyncio.AbstractEventLoop, registered: "asyncio.Future[uuid.UUID]"
    ) -> None:
        try:
            asyncio.run(self._run(caller, registered))
        except Exception as error:  # handed to whoever waits for the thread
            log.exception("the heartbeat failed")
            self._lease.expire()
            _tell(caller, _set_exception, registered, error)
            _tell(caller, _set_exception, self._ended, error)
        else:
            _tell(caller, _set_result, self._ended, None)

    async def _run(
        self, caller: asyncio.AbstractEventLoop, registered: "asyncio.Future[uuid.UUID]"
    ) -> None:
        self._loop, self._stop = asyncio.get_running_loop(), asyncio.Event()
        try:
            engine_id = await self._register()
        except FototuiError as error:
            _tell(caller, _set_exception, registered, error)
            return
        _tell(caller, _set_result, registered, engine_id)
        try:
            while not await self._stopped_within(self._interval):
                if not _tell(caller, self._turn):
                    break
                if await self._beat_until_lost(engine_id):
                    continue
                if not await self._told_of_loss(caller):
                    break
                found = await self._register_again(engine_id)
                if found is None:
                    break
                engine_id = found
                if not _tell(caller, self._on_registered_again, engine_id):
                    break
        finally:
            await self._retire(engine_id)
            await self._disconnect()

    async def _beat_until_lost(self, engine_id: uuid.UUID) -> bool:
        """Write one heartbeat, trying for as long as the lease holds."""
        while self._lease.holds:
            sent_at = boot_clock()
            if sent_at - self._turned_at > self._lease_seconds * _STILL_LEASES:
                log.error("the event loop stands still; others may take this engine's jobs")
                break
            try:
                found = await self._execute(
                    "UPDATE engines SET last_seen_at = now() "
                    "WHERE id = $1 AND retired_at IS NULL RETURNING id",
                    engine_id,
                )
            except FototuiError as error:
                log.warning("heartbeat failed", reason=str(error))
                await self._disconnect()
                if await self._stopped_within(_RETRY):
                    return True
                continue
            if found is None:
                log.error("this engine was declared dead while it was silent")
                break
            self._lease.extend(sent_at)
            return True
        self._lease.expire()
        return False

    def _turn(self) -> None:
        """Note that the caller's event loop goes on; called in it."""
        self._turned_at = boot_clock()

    async def _told_of_loss(self, caller: asyncio.AbstractEventLoop) -> bool:
        """Tell the caller that the lease is lost, and wait until it knows; whether it goes on."""
        here, known = asyncio.get_running_loop(), asyncio.Event()

        def tell() -> None:
            self._turn()
            self._on_lease_lost()
            _tell(here, known.set)

        if not _tell(caller, tell):
            return False
        while not known.is_set():
            if await self._stopped_within(0) or caller.is_closed():
                return False
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(self._interval):
                    await known.wait()
        return True

    async def _register(self, former_id: uuid.UUID | None = None) -> uuid.UUID:
        """Write the engine's row; one that an operator paused comes back paused."""
        engine_id, sent_at, who = uuid.uuid4(), boot_clock(), self._identity
        await self._execute(
            "INSERT INTO engines (id, operator, host, pid, version, lanes, capacity, "
            "lease_seconds, started_at, last_seen_at, paused_at, paused_by) "
            "VALUES ($1, $2, $3, $4, $5, $6, $7, $8, now(), now(), "
            "(SELECT paused_at FROM engines WHERE id = $9), "
            "(SELECT paused_by FROM engines WHERE id = $9)) RETURNING id",
            engine_id,
            who.operator,
            who.host,
            who.pid,
            who.version,
            list(who.lanes),
            who.capacity,
            self._lease_seconds,
            former_id,
        )
        self._lease.extend(sent_at)
        return engine_id

    async def _register_again(self, old_id: uuid.UUID) -> uuid.UUID | None:
        """Come back under a new id once the database answers; None when stopped first."""
        while True:
            try:
                await self._retire(old_id)
                return await self._register(old_id)
            except FototuiError as error:
                log.warning("this engine cannot register again yet", reason=str(error))
                await self._disconnect()
                if await self._stopped_within(_RETRY * 2):
                    return None

    async def _retire(self, engine_id: uuid.UUID) -> None:
        """Say that the engine is gone; where that fails, its lease says it a little later."""
        try:
            await self._execute(
                "UPDATE engines SET retired_at = now() WHERE id = $1 AND retired_at IS NULL "
                "RETURNING id",
                engine_id,
            )
        except FototuiError:
            await self._disconnect()  # whatever is done next needs another connection

    async def _execute(self, statement: str, *values: object) -> object:
        limit = max(1.0, self._interval * 2)
        if self._connection is None:
            self._connection = await OwnConnection.connect(
                self._url, name="fototui heartbeat", seconds=limit
            )
        return await self._connection.fetch_value(statement, *values)

    async def _disconnect(self) -> None:
        connection, self._connection = self._connection, None
        if connection is not None:
            connection.cut()

    async def _stopped_within(self, seconds: float) -> bool:
        assert self._stop is not None
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(seconds):
                await self._stop.wait()
        return self._stop.is_set()


def _tell(caller: asyncio.AbstractEventLoop, call: Callable[..., None], *values: object) -> bool:
    """Call something in the caller's event loop; whether that loop still runs.

    A thread that is slow to end may find its caller's loop closed: then nobody waits for it.
    """
    try:
        caller.call_soon_threadsafe(call, *values)
    except RuntimeError:
        return False
    return True


def _set_result(future: "asyncio.Future[T]", value: T) -> None:
    if not future.done():
        future.set_result(value)


def _set_exception(future: "asyncio.Future[T]", error: BaseException) -> None:
    if not future.done():
        future.set_exception(error)


def _look(future: "asyncio.Future[None]") -> None:
    """Look at how it ended, so that nothing is logged of an exception that nobody asked for."""
    if not future.cancelled():
        future.exception()
