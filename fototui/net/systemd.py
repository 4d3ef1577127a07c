"""Tells systemd how a service is (sd_notify(3)); does nothing where systemd did not start it."""

import asyncio
import os
import socket
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress

_VARIABLE = "NOTIFY_SOCKET"


def notify(state: str) -> None:
    """Send one state, such as "READY=1"; never fails, for systemd is not what the service is for.

    Args:
        state: `NAME=value`, several of them on lines of their own.
    """
    if not (address := os.environ.get(_VARIABLE)):
        return
    try:
        with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM | socket.SOCK_NONBLOCK) as sock:
            # An "@" stands for the zero byte of Linux's abstract addresses.
            sock.connect(f"\0{address[1:]}" if address.startswith("@") else address)
            sock.send(state.encode())
    except OSError:
        return


@asynccontextmanager
async def watchdog() -> AsyncIterator[None]:
    """Send the watchdog's sign of life, twice as often as it asks for.

    It comes from the event loop that does the work: a process that hangs falls silent.
    """
    task = asyncio.create_task(_keep_watchdog(), name="watchdog")
    try:
        yield
    finally:
        task.cancel()
        with suppress(asyncio.CancelledError):
            await task


async def _keep_watchdog() -> None:
    microseconds = os.environ.get("WATCHDOG_USEC", "")
    is_ours = os.environ.get("WATCHDOG_PID", str(os.getpid())) == str(os.getpid())
    if not microseconds.isdigit() or not is_ours:
        return
    while True:
        notify("WATCHDOG=1")
        await asyncio.sleep(int(microseconds) / 2_000_000)
