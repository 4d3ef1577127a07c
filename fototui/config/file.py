"""Writing the settings file: private, whole or not at all."""

import contextlib
import os
import secrets
from collections.abc import Mapping, MutableMapping
from pathlib import Path

from fototui.domain.errors import ConfigurationError


def update_private(path: Path, values: Mapping[str, str]) -> None:
    """Write values into a settings file; what else it holds stays, comments too.

    Args:
        path: The file; it need not be there.
        values: Lower-case names and their values.

    Raises:
        ConfigurationError: It cannot be read or written.
    """
    import tomlkit
    from tomlkit.exceptions import TOMLKitError

    try:
        document = tomlkit.parse(path.read_text(encoding="utf-8") if path.exists() else "")
        for name, value in values.items():
            # `s3_bucket` may stand as `bucket` in a table `[s3]`, which would say it twice.
            table, _, rest = name.partition("_")
            inside = document.get(table)
            if name not in document and isinstance(inside, MutableMapping):
                inside[rest] = value
            else:
                document[name] = value
        path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
        write_atomically(path, tomlkit.dumps(document).encode(), private=True)
    except OSError as error:
        raise ConfigurationError(
            "{path} cannot be written: {reason}.", path=str(path), reason=str(error.strerror)
        ) from error
    except (TOMLKitError, UnicodeDecodeError) as error:
        raise ConfigurationError(
            "{path} is not a TOML file ({reason}). Mend it, or remove it first.",
            path=str(path),
            reason=str(error),
        ) from error


def write_private(path: Path, text: str) -> None:
    """Write a settings file that only its owner can read.

    Args:
        path: Where to; it must not be there.
        text: What to write.

    Raises:
        ConfigurationError: It is there already, or cannot be written.
    """
    try:
        path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
        is_written = write_atomically(path, text.encode(), private=True, overwrite=False)
    except OSError as error:
        raise ConfigurationError(
            "{path} cannot be written: {reason}.", path=str(path), reason=str(error.strerror)
        ) from error
    if not is_written:
        raise ConfigurationError(
            "{path} is there already; edit it, or remove it first.", path=str(path)
        )


def write_atomically(
    path: Path, data: bytes, *, private: bool = False, overwrite: bool = True
) -> bool:
    """Write a file under a hidden name and rename it: it appears whole or not at all.

    Args:
        path: Where to; its folder must be there.
        data: What to write.
        private: Only its owner can read it, from the beginning.
        overwrite: Replace a file that is there.

    Returns:
        Whether it is written; False where it is there already and stays.

    Raises:
        OSError: It cannot be written.
    """
    if not overwrite and path.exists():
        return False
    part = path.with_name(f".{secrets.token_hex(8)}.part")
    try:
        # Not tempfile: its files are private, and a web server under another user reads some.
        handle = os.open(part, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600 if private else 0o666)
        with os.fdopen(handle, "wb") as file:
            file.write(data)
            file.flush()
            os.fsync(file.fileno())
        if not overwrite:
            with contextlib.suppress(OSError):  # some file systems know no links
                path.hardlink_to(part)
                return True
            if path.exists():  # it came while this was written
                return False
        part.replace(path)
    finally:
        part.unlink(missing_ok=True)
    return True
