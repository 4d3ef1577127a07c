"""Worker processes that decode strangers' pictures: started when needed, kept, and replaced.

A thread cannot be ended, and a picture of some kilobytes can keep a decoder busy for minutes; a
process can be ended at any moment. So whoever waits for a picture may stop waiting at once, and
with the program, however it ends, its workers end: the line to them breaks.
"""

import asyncio
import atexit
import os
import signal
import socket
import subprocess
import sys
import threading
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from weakref import WeakKeyDictionary

from fototui.decoding.frames import HEADER, check_lengths, pack_head, read_head
from fototui.domain.errors import TransientError
from fototui.domain.sentences import Sentence
from fototui.log import get_logger

log = get_logger(__name__)

Value = dict[str, object]

DIED = "died"
"""The code of a task whose process was killed twice."""

_BUFFER = 1 << 20

# Nothing of the program's secrets is in a process that opens what strangers made.
_ENVIRONMENT = ("PATH", "PYTHONPATH", "PYTHONHOME", "LANG", "LC_ALL", "TMPDIR")


class WorkerError(Exception):
    """A task came to no result.

    Args:
        code: The code of the error that it raised; `DIED` where its process was killed; None
            where it ran over its limits.
        sentence: The error's sentence.
    """

    def __init__(self, code: str | None = None, sentence: Sentence | None = None) -> None:
        super().__init__(code or "ended")
        self.code = code
        self.sentence = sentence


class _DiedError(Exception):
    """A worker was gone before it had answered.

    Args:
        is_killed: Another program ended it, or the kernel for want of memory.
    """

    def __init__(self, *, is_killed: bool) -> None:
        super().__init__()
        self.is_killed = is_killed


@dataclass(frozen=True, slots=True)
class WorkerLimits:
    """What one task may take.

    Args:
        cpu_seconds: Time on a processor.
        seconds: Time on the clock, for a machine that is busy with other things.
        memory: Bytes of a worker's whole memory.
        at_once: Tasks at once; the others wait.
    """

    cpu_seconds: float = 20.0
    seconds: float = 120.0
    memory: int = 2_500_000_000
    at_once: int = 2


@dataclass(slots=True)
class _Worker:
    """A process and the line to it."""

    process: subprocess.Popen[bytes]
    line: socket.socket = field(repr=False)

    def end(self) -> None:
        self.line.close()
        self.process.kill()


class Workers:
    """Some worker processes; may be used by several event loops of one program.

    Args:
        limits: What one task may take.
        environment: What the processes have in their environment besides what all have.
        modules: What they import as soon as they run.
    """

    def __init__(
        self,
        limits: WorkerLimits | None = None,
        *,
        environment: Mapping[str, str] | None = None,
        modules: Sequence[str] = (),
    ) -> None:
        self.limits = limits or WorkerLimits()
        self._environment = dict(environment or {})
        self._modules = tuple(modules)
        self._idle: list[_Worker] = []
        self._ended: list[subprocess.Popen[bytes]] = []
        self._all: set[int] = set()
        self._guard = threading.Lock()
        self._room: WeakKeyDictionary[asyncio.AbstractEventLoop, asyncio.Semaphore] = (
            WeakKeyDictionary()
        )
        # Their lines break anyhow; this also spares the operator a warning about children.
        atexit.register(self.close)

    @property
    def pids(self) -> frozenset[int]:
        """The processes that are there now."""
        return frozenset(self._all)

    def prepare(self) -> None:
        """Start a process where none is idle: it is up by the time that a task's data is there.

        Raises:
            TransientError: None could be started.
        """
        if not self._idle:
            worker = self._take()
            with self._guard:
                self._idle.append(worker)

    async def run(
        self, task: str, data: bytes, params: Mapping[str, object] | None = None
    ) -> tuple[Value, bytes]:
        """Do a task in a worker; whoever cancels this ends the worker.

        Args:
            task: `module:function`; it is given the data and the parameters, and returns what JSON
                can hold, and bytes.
            data: The picture.
            params: What else it is given, by name.

        Returns:
            What it returned.

        Raises:
            WorkerError: It raised an error of the program's, ran over its limits, or twice ended
                its process.
            TransientError: No process could be started.
        """
        loop = asyncio.get_running_loop()
        room = self._room.setdefault(loop, asyncio.Semaphore(self.limits.at_once))
        head = {"task": task, "params": dict(params or {}), "seconds": self.limits.cpu_seconds}
        async with room:
            try:
                return await self._once(head, data)
            except _DiedError:
                # It may have died of something else, such as a lack of memory that others made.
                log.warning("a decoding process died", task=task)
            try:
                return await self._once(head, data)
            except _DiedError as error:
                # One that was not killed has ended itself, mostly where it got no more memory.
                raise WorkerError(DIED if error.is_killed else None) from None

    async def _once(self, head: Value, data: bytes) -> tuple[Value, bytes]:
        worker = self._take()
        try:
            async with asyncio.timeout(self.limits.seconds):
                reply, result = await _ask(worker.line, head, data)
        except TimeoutError:
            self._drop(worker)
            raise WorkerError from None
        except (OSError, EOFError, ValueError):
            self._drop(worker)
            how = await _ended(worker.process)
            if how == -signal.SIGPROF:
                raise WorkerError from None
            raise _DiedError(is_killed=how in (-signal.SIGKILL, -signal.SIGTERM)) from None
        except BaseException:  # whoever asked is gone
            self._drop(worker)
            raise
        with self._guard:
            self._idle.append(worker)
        if "value" not in reply:
            raise _error(reply)
        value = reply["value"]
        return value if isinstance(value, dict) else {}, result

    def _take(self) -> _Worker:
        with self._guard:
            self._ended = [each for each in self._ended if each.poll() is None]
            while self._idle:
                worker = self._idle.pop()
                if worker.process.poll() is None:
                    return worker
                worker.line.close()
                self._all.discard(worker.process.pid)
            try:
                worker = _start(self.limits.memory, self._environment, self._modules)
            except OSError as error:
                raise TransientError(
                    "No process could be started to open a picture ({reason}); see whether this "
                    "machine has memory and processes left.",
                    service="fototui",
                    reason=str(error.strerror),
                ) from error
            self._all.add(worker.process.pid)
            return worker

    def _drop(self, worker: _Worker) -> None:
        worker.end()
        with self._guard:
            self._all.discard(worker.process.pid)
            self._ended.append(worker.process)

    def close(self) -> None:
        """End the processes that do nothing now; a later task starts others."""
        with self._guard:
            idle, self._idle = self._idle, []
            ended, self._ended = self._ended, []
        for worker in idle:
            worker.end()
            self._all.discard(worker.process.pid)
        for process in (*ended, *(worker.process for worker in idle)):
            process.wait()


def _start(memory: int, environment: Mapping[str, str], modules: Sequence[str]) -> _Worker:
    ours, theirs = socket.socketpair()
    with theirs:
        for end in (ours, theirs):
            end.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, _BUFFER)
        process = subprocess.Popen(  # noqa: S603 - our own module
            # Not from the working folder, where a stranger's PIL.py may lie.
            [sys.executable, "-P", "-m", "fototui.decoding.worker", str(memory), *modules],
            stdin=theirs.fileno(),
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            env={name: os.environ[name] for name in _ENVIRONMENT if name in os.environ}
            # Each arena of the allocator reserves memory that counts, used or not.
            | {"MALLOC_ARENA_MAX": "2", **environment},
            # Ctrl+C is for the program.
            start_new_session=True,
        )
    ours.settimeout(0)
    return _Worker(process, ours)


async def _ask(line: socket.socket, head: Value, data: bytes) -> tuple[Value, bytes]:
    loop = asyncio.get_running_loop()
    await loop.sock_sendall(line, pack_head(head, len(data)))
    await loop.sock_sendall(line, data)
    head_size, data_size = check_lengths(await _receive(line, HEADER.size))
    reply = read_head(await _receive(line, head_size))
    return reply, await _receive(line, data_size)


async def _receive(line: socket.socket, size: int) -> bytes:
    loop = asyncio.get_running_loop()
    data = bytearray(size)
    view, got = memoryview(data), 0
    while got < size:
        count = await loop.sock_recv_into(line, view[got:])
        if not count:
            raise EOFError
        got += count
    return bytes(data)


async def _ended(process: subprocess.Popen[bytes]) -> int | None:
    """How a process ended whose line broke: its time limit ends it by a signal of its own."""
    for _ in range(50):  # the line breaks a moment before the process can be asked
        if process.poll() is not None:
            break
        await asyncio.sleep(0.01)
    return process.returncode


def _error(reply: Value) -> WorkerError:
    code, sentence = reply.get("error"), reply.get("sentence")
    try:
        return WorkerError(
            str(code), None if sentence is None else Sentence.model_validate(sentence)
        )
    except ValueError:
        return WorkerError()
