"""Where a hub listens."""

from urllib.parse import urlsplit

from fototui.domain.errors import ConfigurationError
from fototui.domain.text import clean_line

#: Path of every hub (Mercure 0.x).
HUB_PATH = "/.well-known/mercure"


def hub_address(url: str) -> str:
    """Check a configured hub address, and complete one that names only the server.

    Args:
        url: The hub's URL, with or without the path.

    Returns:
        The full URL.

    Raises:
        ConfigurationError: It is no http(s) URL.
    """
    try:
        parts = urlsplit(url.strip())
        is_address = parts.scheme in {"http", "https"} and bool(parts.hostname)
        is_address = is_address and (parts.port is None or parts.port > 0)
    except ValueError:  # half an IPv6 address, a port that cannot exist
        parts, is_address = urlsplit(""), False
    if not is_address:
        raise ConfigurationError(
            "MERCURE_URL is {value}: give the hub's full address, for instance {example}.",
            value=repr(clean_line(url, limit=100)),
            example=f"https://hub.example.com{HUB_PATH}",
        )
    if parts.path in {"", "/"}:
        parts = parts._replace(path=HUB_PATH)
    return parts.geturl()
