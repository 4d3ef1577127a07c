"""Become another program, as another user if asked, that ends when its parent ends.

Run by path, with the standard library alone:

    python -I -S postgres_child.py PARENT UID GID PROGRAM ARGUMENT…

PARENT is the parent's process id; a negative UID keeps the user. On Linux the program gets SIGINT
(PostgreSQL's "fast shutdown") when the parent's thread that started it ends, however it ends.

This is a program of its own because that wish is forgotten when the user changes (prctl(2)), so it
must be made between that and exec; and Python code between fork and exec (`preexec_fn`) may hang in
a process with threads.
"""

import ctypes
import os
import signal
import sys

_PR_SET_PDEATHSIG = 1


def become(parent: int, uid: int, gid: int, *command: str) -> None:
    """Turn this process into the program; never returns."""
    if uid >= 0:
        os.setgroups([])
        os.setgid(gid)
        os.setuid(uid)
    if sys.platform == "linux":
        libc = ctypes.CDLL(None, use_errno=True)
        if libc.prctl(_PR_SET_PDEATHSIG, signal.SIGINT, 0, 0, 0) != 0:
            raise OSError(ctypes.get_errno(), "prctl")
        if os.getppid() != parent:  # it ended before we asked to be told
            sys.exit(1)
    signal.signal(signal.SIGPIPE, signal.SIG_DFL)  # Python ignores it, and exec would keep that
    os.execv(command[0], command)  # noqa: S606  # no shell is wanted


if __name__ == "__main__":
    become(int(sys.argv[1]), int(sys.argv[2]), int(sys.argv[3]), *sys.argv[4:])
