"""Writing the settings file: private, whole or not at all."""

import json
import os
import tempfile
from collections.abc import Mapping
from pathlib import Path

from fototui.domain.errors import ConfigurationError

TEMPLATE = """\
# Settings of fototui. Names are those of the environment variables, in lower case; the environment
# and .env win over this file. Lines that begin with # are not read.

# database_url = "postgresql://user:password@host/database"

# mercure_url = "https://hub.example.com/.well-known/mercure"
# mercure_publisher_jwt_key = ""
# mercure_subscriber_jwt_key = ""

# storage_path = "/srv/fototui/files"
# static_url = "https://files.example.com"

# [s3]
# bucket = ""
# endpoint = ""
# access_key_id = ""
# secret_access_key = ""
# force_path_style = true

# [runpod]
# api_key = ""
# endpoint_id = ""

# [vectorizer]
# api_key = ""
# api_secret = ""

# [ui]
# language = "cs"
# theme = "fototui-dark"
# pictures = "auto"

# [keys]
# "order.choose" = "c"
"""


def as_toml(values: Mapping[str, str]) -> str:
    """Settings as the file has them.

    Args:
        values: Lower-case names and their values.
    """
    # A TOML basic string is written like a JSON one.
    lines = (f"{name} = {json.dumps(value, ensure_ascii=False)}" for name, value in values.items())
    return "\n".join(lines) + "\n"


def write_private(path: Path, text: str, *, replace: bool = False) -> None:
    """Write a settings file that only its owner can read.

    Args:
        path: Where to.
        text: What to write.
        replace: Replace a file that is there.

    Raises:
        ConfigurationError: It is there already, or cannot be written.
    """
    if path.exists() and not replace:
        raise ConfigurationError(
            "{path} is there already; edit it, or remove it first.", path=str(path)
        )
    try:
        path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
        # Made with mode 0600 by the system itself, before there is anything in it.
        handle, name = tempfile.mkstemp(dir=path.parent, prefix=".config-")
        with os.fdopen(handle, "w", encoding="utf-8") as file:
            file.write(text)
            file.flush()
            os.fsync(file.fileno())
        os.replace(name, path)
    except OSError as error:
        raise ConfigurationError(
            "{path} cannot be written: {reason}.", path=str(path), reason=str(error.strerror)
        ) from error
