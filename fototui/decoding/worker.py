"""What runs in a worker process: one task after the other, until the program behind it is gone.

It is started by `fototui.decoding.workers` and imports little, for it is started anew after every
picture that ran over its limits.
"""

import contextlib
import os
import queue
import resource
import signal
import socket
import sys
import threading
from importlib import import_module

from fototui.decoding.frames import HEADER, check_lengths, pack_head, read_head
from fototui.domain.errors import FototuiError

NO_MEMORY = "no_memory"
"""The code of a task that wanted more memory than it may have."""

Request = tuple[dict[str, object], bytes]


def main() -> None:
    """Work until the other side is gone."""
    memory = int(sys.argv[1])
    _limit(memory)
    line = socket.socket(fileno=0)
    requests: queue.SimpleQueue[Request] = queue.SimpleQueue()
    # The thread sees the program end while a decoder works, and ends this process with it.
    threading.Thread(target=_listen, args=(line, requests), daemon=True).start()
    for module in sys.argv[2:]:
        import_module(module)
    while True:
        head, data = requests.get()
        # The kernel ends a task that runs over, whatever code it is in and whoever still lives.
        signal.setitimer(signal.ITIMER_PROF, float(str(head["seconds"])))
        reply, result = _do(head, data)
        signal.setitimer(signal.ITIMER_PROF, 0)
        line.sendall(pack_head(reply, len(result)))
        line.sendall(result)
        del data, result


def _limit(memory: int) -> None:
    with contextlib.suppress(ValueError, OSError):  # not all systems limit all of it
        resource.setrlimit(resource.RLIMIT_AS, (memory, memory))
    with contextlib.suppress(ValueError, OSError):
        resource.setrlimit(resource.RLIMIT_CORE, (0, 0))  # a dump would hold a customer's photo
    os.nice(5)  # screens come first
    # What a test runner or a service manager has ignored would be ignored here, too.
    for signum in (signal.SIGPROF, signal.SIGPIPE, signal.SIGTERM):
        signal.signal(signum, signal.SIG_DFL)


def _listen(line: socket.socket, requests: queue.SimpleQueue[Request]) -> None:
    while True:
        try:
            head, data = check_lengths(_receive(line, HEADER.size))
            requests.put((read_head(_receive(line, head)), _receive(line, data)))
        except (OSError, EOFError, ValueError):
            os._exit(0)
        except MemoryError:
            os._exit(1)


def _receive(line: socket.socket, size: int) -> bytes:
    data = bytearray(size)
    view, got = memoryview(data), 0
    while got < size:
        count = line.recv_into(view[got:])
        if not count:
            raise EOFError
        got += count
    return bytes(data)


def _do(head: dict[str, object], data: bytes) -> tuple[dict[str, object], bytes]:
    try:
        module, _, name = str(head["task"]).partition(":")
        value, result = getattr(import_module(module), name)(data, **_params(head["params"]))
    except FototuiError as error:
        return {"error": error.code, "sentence": error.sentence.model_dump(mode="json")}, b""
    except MemoryError:
        return {"error": NO_MEMORY}, b""
    return {"value": value}, result


def _params(params: object) -> dict[str, object]:
    assert isinstance(params, dict)
    return params


if __name__ == "__main__":
    main()
