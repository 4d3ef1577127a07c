"""Processes that decode pictures, forked from one that has all imported that they need.

Whoever leaves a picture ends the process that decodes it, and so does each test that ends. Five new
Pythons were started for each test of a screen with pictures, which took as long as its database.
How one is really started is tried in `tests/decoding/`; and where little memory is what a test is
about, it is started here, too.
"""

from __future__ import annotations

import os
import socket
import sys
from collections.abc import Mapping, Sequence
from multiprocessing.context import ForkServerProcess
from subprocess import Popen
from typing import cast

from fototui.decoding import worker, workers
from tests.forks import CONTEXT

_start = workers._start
_LEAST = 1_000_000_000
"""Bytes of memory below which a limit is a test's own; what is forked begins with some already."""


class _Process:
    """A forked process, as far as `Workers` uses one."""

    def __init__(self, process: ForkServerProcess) -> None:
        assert process.pid is not None
        self.pid = process.pid
        self._process = process

    @property
    def returncode(self) -> int | None:
        return self._process.exitcode

    def poll(self) -> int | None:
        return self._process.exitcode

    def kill(self) -> None:
        self._process.kill()

    def wait(self) -> None:
        self._process.join()


def fork(memory: int, environment: Mapping[str, str], modules: Sequence[str]) -> workers._Worker:
    """Fork a decoder; like `fototui.decoding.workers` starts one."""
    if memory < _LEAST:
        return _start(memory, environment, modules)
    ours, theirs = socket.socketpair()
    with theirs:
        for end in (ours, theirs):
            end.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, workers._BUFFER)
        process = CONTEXT.Process(
            target=_decode, args=(theirs, memory, environment, modules), daemon=True
        )
        process.start()
    ours.settimeout(0)
    return workers._Worker(cast("Popen[bytes]", _Process(process)), ours)


def _decode(
    line: socket.socket, memory: int, environment: Mapping[str, str], modules: Sequence[str]
) -> None:
    os.setsid()
    os.environ.update(environment)
    os.dup2(line.fileno(), 0)
    line.close()
    nowhere = os.open(os.devnull, os.O_WRONLY)
    os.dup2(nowhere, 1)
    os.dup2(nowhere, 2)
    sys.argv = ["fototui.decoding.worker", str(memory), *modules]
    worker.main()
