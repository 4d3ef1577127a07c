"""What the workers of these tests are asked to do."""

import os
import signal
import sys
import time


def echo(data: bytes, **params: object) -> tuple[dict[str, object], bytes]:
    sys.stdout.write("a line on standard output\n")
    sys.stdout.flush()
    return {"pid": os.getpid(), **params}, data


def environment(data: bytes) -> tuple[dict[str, object], bytes]:
    return {"names": sorted(os.environ)}, data


def endless(data: bytes) -> tuple[dict[str, object], bytes]:
    while True:
        data = data[:]


def asleep(data: bytes) -> tuple[dict[str, object], bytes]:
    while True:
        time.sleep(1)


def greedy(data: bytes, size: int) -> tuple[dict[str, object], bytes]:
    return {"size": len(bytearray(size))}, data


def deadly(data: bytes, path: str, how: int = signal.SIGKILL) -> tuple[dict[str, object], bytes]:
    with open(path, "a") as file:
        file.write("x")
    os.kill(os.getpid(), how)
    return {}, data
