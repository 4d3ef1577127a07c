"""Tells systemd how the server is (sd_notify(3)); does nothing where systemd did not start it."""

import asyncio
import os
import socket

_VARIABLE = "NOTIFY_SOCKET"


def notify(state: str) -> None:
    """Send one state, such as "READY=1"; never fails, for systemd is not what the server is for.

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


async def keep_watchdog() -> None:
    """Send the watchdog's sign of life until cancelled, twice as often as it asks for.

    It comes from the event loop that serves requests: a server that hangs falls silent.
    """
    microseconds = os.environ.get("WATCHDOG_USEC", "")
    is_ours = os.environ.get("WATCHDOG_PID", str(os.getpid())) == str(os.getpid())
    if not microseconds.isdigit() or not is_ours:
        return
    while True:
        notify("WATCHDOG=1")
        await asyncio.sleep(int(microseconds) / 2_000_000)
