"""The folder that an embedded PostgreSQL lives in."""

import asyncio
import fcntl
import os
import secrets
import shutil
import subprocess
import sys
from contextlib import AsyncExitStack
from pathlib import Path
from typing import BinaryIO

from fototui.domain.errors import ConfigurationError, ConflictError
from fototui.domain.text import clean_line
from fototui.sandbox.postgres.install import ServerUser, copy_install, find_install

_LOG_TAIL_BYTES = 4096


class ServerFolder:
    """Files of one server; all methods block.

    `cluster` holds the data, `password` the superuser's password (mode 0600), beside them are
    `postgres.log` and `lock`.

    Args:
        path: The folder.
        user: The user that the server runs as.
    """

    def __init__(self, path: Path, user: ServerUser) -> None:
        self.path = path.resolve()
        self.cluster = self.path / "cluster"
        self.new_cluster = self.path / "cluster.new"
        self.password_file = self.path / "password"
        self.log = self.path / "postgres.log"
        self._user = user

    def prepare(self, stack: AsyncExitStack) -> Path:
        """Make the folder if need be, lock it, and find PostgreSQL's programs.

        Args:
            stack: Gets what is to be undone at the end.

        Returns:
            The programs' `bin` folder.

        Raises:
            ConfigurationError: The folder cannot be used, or PostgreSQL is not installed.
            ConflictError: Another process uses the folder.
        """
        try:
            self._make()
            self._lock(stack)
            if self.cluster.exists() and self.cluster.stat().st_uid != self._user.uid:
                raise ConfigurationError(
                    "The data in {path} belong to another user; run fototui as that user, or "
                    "choose another --dir.",
                    path=str(self.path),
                )
            return self._programs(stack)
        except OSError as error:
            raise ConfigurationError(
                "The folder {path} cannot be used ({reason}); choose another --dir.",
                path=str(self.path),
                reason=str(error.strerror),
            ) from error

    def make_new_cluster(self) -> None:
        """Make an empty data folder and a new password, both for the server's user.

        Data are set up in a folder of another name, so that half-made ones are never taken for
        whole ones.
        """
        shutil.rmtree(self.new_cluster, ignore_errors=True)
        self.new_cluster.mkdir(mode=0o700)
        self.password_file.unlink(missing_ok=True)
        flags = os.O_WRONLY | os.O_CREAT | os.O_EXCL
        with os.fdopen(os.open(self.password_file, flags, 0o600), "w") as file:
            file.write(secrets.token_urlsafe(24))
        if self._user.is_other:
            for path in (self.new_cluster, self.password_file):
                os.chown(path, self._user.uid, self._user.gid)

    def read_password(self) -> str:
        """Read the superuser's password.

        Raises:
            ConfigurationError: It is not there.
        """
        try:
            return self.password_file.read_text()
        except OSError as error:
            raise ConfigurationError(
                "The password file {file} cannot be read ({reason}); remove {path} to begin with "
                "new data, or choose another --dir.",
                file=str(self.password_file),
                reason=str(error.strerror),
                path=str(self.path),
            ) from error

    def open_log(self) -> BinaryIO:
        """Open the log to append to it."""
        flags = os.O_WRONLY | os.O_CREAT | os.O_APPEND
        return os.fdopen(os.open(self.log, flags, 0o600), "ab")

    def last_log_line(self) -> str:
        """Read what the server said last, fit to be shown."""
        with self.log.open("rb") as file:
            file.seek(max(0, self.log.stat().st_size - _LOG_TAIL_BYTES))
            lines = file.read().decode(errors="replace").strip().splitlines()
        return clean_line(lines[-1]) if lines else ""

    def leftover_pid(self) -> int | None:
        """Find a server that still runs on these data, though its parent is gone.

        The process id in the server's own pid file may by now be another program's; then the file
        is removed, as it would keep the server from starting.
        """
        pid_file = self.cluster / "postmaster.pid"
        try:
            pid = int(pid_file.read_text().split(maxsplit=1)[0])
        except (FileNotFoundError, ValueError, IndexError):
            pid = 0
        if pid > 0 and f"postgres -D {self.cluster} " in _command_line(pid):
            return pid
        pid_file.unlink(missing_ok=True)
        return None

    def _make(self) -> None:
        # Folders made here are ours, so the server's user may be let through them.
        for path in reversed([p for p in (self.path, *self.path.parents) if not p.exists()]):
            path.mkdir()
            path.chmod(0o711 if self._user.is_other else 0o700)
        if not self._user.can_enter(self.path):
            raise ConfigurationError(
                "PostgreSQL refuses to run as root, and the unprivileged user that it is run as "
                "may not enter {path}; choose another --dir, or run fototui as a normal user.",
                path=str(self.path),
            )

    def _lock(self, stack: AsyncExitStack) -> None:
        lock = os.open(self.path / "lock", os.O_RDWR | os.O_CREAT, 0o600)
        stack.callback(os.close, lock)
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError as error:
            raise ConflictError(
                "Another fototui uses the folder {path}; quit it, or choose another --dir.",
                path=str(self.path),
            ) from error

    def _programs(self, stack: AsyncExitStack) -> Path:
        """Run the programs where they are, or copies if the server's user cannot reach them."""
        install = find_install()
        copy = self.path / "programs"
        shutil.rmtree(copy, ignore_errors=True)
        if not self._user.can_enter(install / "bin" / "postgres"):
            stack.push_async_callback(asyncio.to_thread, shutil.rmtree, copy, ignore_errors=True)
            install = copy_install(install, copy)
        return install / "bin"


def _command_line(pid: int) -> str:
    """A process's arguments with spaces between; empty where there is no such process."""
    if sys.platform == "linux":  # where not every system has ps
        try:
            arguments = Path(f"/proc/{pid}/cmdline").read_bytes()
        except OSError:
            return ""
        return arguments.decode(errors="replace").replace("\0", " ")
    else:  # noqa: RET505  # mypy takes what follows a returning platform branch for unreachable
        listing = ["/bin/ps", "-ww", "-o", "command=", "-p", str(pid)]
        # Fixed words and a number.
        return subprocess.run(listing, capture_output=True, text=True, check=False).stdout  # noqa: S603
