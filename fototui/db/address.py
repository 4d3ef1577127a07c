"""A database's address, as people and hosting companies write it, read for our driver.

What libpq's addresses may say is understood: the driver reads most of it, some is translated here,
and the rest is left out with a line in the log. Nothing of it may show the password: one that is
badly written ends up in what is believed to be a host name.
"""

import re
import shlex
import ssl
from dataclasses import dataclass, field
from functools import cache
from urllib.parse import urlencode

from sqlalchemy import URL, make_url
from sqlalchemy.exc import ArgumentError

from fototui.domain.errors import ConfigurationError
from fototui.log import get_logger

log = get_logger(__name__)

# Read by asyncpg from an address of its own, which is made of nothing else.
_DRIVERS_OWN = frozenset(
    {
        "sslmode", "sslcert", "sslkey", "sslrootcert", "sslcrl", "sslpassword", "sslnegotiation",
        "ssl_min_protocol_version", "ssl_max_protocol_version", "target_session_attrs",
        "krbsrvname", "gsslib", "passfile", "service",
    }
)  # fmt: skip
# Of libpq's parameters those that mean nothing to the driver.
_LEFT_OUT = frozenset(
    {
        "channel_binding", "client_encoding", "fallback_application_name", "gssdelegation",
        "gssencmode", "hostaddr", "keepalives", "keepalives_count", "keepalives_idle",
        "keepalives_interval", "load_balance_hosts", "max_protocol_version",
        "min_protocol_version", "replication", "require_auth", "requirepeer", "requiressl",
        "sslcertmode", "sslcompression", "sslkeylogfile", "sslsni", "tcp_user_timeout",
        # Not libpq's: notes of other programs in the addresses that hosting companies give out.
        "connection_limit", "pgbouncer", "pool_timeout", "schema",
    }
)  # fmt: skip
_BACKENDS = ("postgresql", "postgres")
_PORTS = range(1, 65536)
_SETTING = re.compile(r"[A-Za-z_][A-Za-z0-9_.]*")
_ADDRESS = re.compile(r"(?P<scheme>[^:]+)://(?P<head>.*?)(?P<query>\?[A-Za-z_]+=.*)?", re.DOTALL)
_HOSTS = re.compile(r"(?P<user>[^@]*@)?(?P<hosts>[^@/]*,[^@/]*)(?P<path>/.*)?", re.DOTALL)


@dataclass(frozen=True, slots=True)
class Address:
    """What an address says.

    Args:
        url: Host, user, password, database, and what the driver's own arguments are called.
        arguments: More arguments of the driver.
        settings: Settings of a session.
        connect_seconds: Longest that connecting may take, where the address says so.
        left_out: Names of what means nothing here.
    """

    url: URL
    arguments: dict[str, object] = field(default_factory=dict)
    settings: dict[str, str] = field(default_factory=dict)
    connect_seconds: float | None = None
    left_out: tuple[str, ...] = ()


def read_url(text: str) -> URL:
    """Read a database URL; its text, which holds a password, goes into no message.

    Args:
        text: As it is configured.

    Raises:
        ConfigurationError: It is none of PostgreSQL, or badly written.
    """
    _refuse_second_at(text)
    try:
        url = make_url(_with_hosts_apart(text))
    except (ArgumentError, ValueError):
        url = None
    if url is None or url.get_backend_name() not in _BACKENDS:
        raise ConfigurationError(
            "DATABASE_URL is not an address of a PostgreSQL database. "
            "It looks like postgresql://user:password@host:5432/database"
        )
    url = url.set(drivername="postgresql+asyncpg")
    for name, part in (("user", "username"), ("password", "password"), ("dbname", "database")):
        if isinstance(value := url.query.get(name), str):
            url = url.difference_update_query([name]).set(**{part: value})  # type: ignore[arg-type]  # parts of a URL
    for port in _ports(url):
        if not port.isdecimal() or int(port) not in _PORTS:
            raise ConfigurationError(
                "DATABASE_URL names port {port}; write one from 1 to 65535, usually 5432.",
                port=port,
            )
    return url


def place(url: URL) -> str:
    """Host and port, for people."""
    hosts = url.query.get("host", ())
    named = url.host or (hosts if isinstance(hosts, str) else ", ".join(hosts)) or "localhost"
    return named if url.host is None and ":" in named else f"{named}:{url.port or 5432}"


def read(url: URL) -> Address:
    """Translate what an address says beside host, user and database.

    Args:
        url: The address, from `read_url`.

    Raises:
        ConfigurationError: A value cannot be used.
    """
    given = {
        name: value if isinstance(value, str) else value[-1]
        for name, value in url.query.items()
        if name not in ("host", "port")
    }
    arguments: dict[str, object] = {}
    dsn = {name: value for name, value in given.items() if name in _DRIVERS_OWN}
    if dsn.get("sslrootcert") == "system":  # the machine's own authorities, as of libpq 16
        del dsn["sslrootcert"]
        dsn.pop("sslmode", None)
        arguments["ssl"] = ssl.create_default_context()
    if dsn:
        arguments["dsn"] = f"postgresql://?{urlencode(dsn)}"
    settings = _options(given.get("options", ""))
    if name := given.get("application_name"):
        settings["application_name"] = name
    known = {*_DRIVERS_OWN, *_LEFT_OUT, "options", "application_name", "connect_timeout"}
    return Address(
        url=url.difference_update_query(known),
        arguments=arguments,
        settings=settings,
        connect_seconds=_seconds(given.get("connect_timeout")),
        left_out=tuple(sorted(_LEFT_OUT & given.keys())),
    )


def for_libpq(url: URL) -> str:
    """An address for PostgreSQL's own tools, without the password.

    Args:
        url: The address, from `read_url`.
    """
    known = (*_DRIVERS_OWN, "options", "connect_timeout", "channel_binding", "host", "port")
    query = {name: value for name, value in url.query.items() if name in known}
    plain = url.set(drivername="postgresql", query=query)
    # Not set(password=None), which leaves it as it is.
    return URL.create(
        plain.drivername, plain.username, None, plain.host, plain.port, plain.database, plain.query
    ).render_as_string(hide_password=False)


@cache
def tell_left_out(names: tuple[str, ...]) -> None:
    """Say once what of an address means nothing here.

    Args:
        names: Names of its parameters.
    """
    if names:
        log.warning(
            "DATABASE_URL has parameters that fototui leaves out", parameters=", ".join(names)
        )


def _refuse_second_at(text: str) -> None:
    match = _ADDRESS.fullmatch(text)
    if match and match["head"].count("@") > 1:
        raise ConfigurationError(
            "DATABASE_URL has more than one @. One in the user name or the password has to be "
            "written %40 (and / as %2F, : as %3A, ? as %3F, # as %23)."
        )


def _with_hosts_apart(text: str) -> str:
    """Several hosts, which libpq separates by commas, as parameters."""
    match = _ADDRESS.fullmatch(text)
    several = _HOSTS.fullmatch(match["head"]) if match else None
    if match is None or several is None:
        return text
    hosts = [
        ("host", host if re.search(r":\d+$", host) else f"{host}:5432")
        for host in several["hosts"].split(",")
    ]
    query = f"{match['query'] or '?'}&{urlencode(hosts)}".replace("?&", "?")
    return f"{match['scheme']}://{several['user'] or ''}{several['path'] or '/'}{query}"


def _ports(url: URL) -> list[str]:
    found = [str(url.port)] if url.port is not None else []
    for name in ("host", "port"):
        values = url.query.get(name, ())
        for value in (values,) if isinstance(values, str) else values:
            port = value if name == "port" else value.rpartition(":")[2] if ":" in value else ""
            found += port.split(",") if port and not value.startswith("[") else []
    return found


def _options(text: str) -> dict[str, str]:
    """Settings of a command line such as `-c search_path=shop --jit=off`."""
    found: dict[str, str] = {}
    try:
        words = shlex.split(text)
    except ValueError:
        words = [text]
    rest: list[str] = []
    for word in re.sub(r"(^|\0)-c\0", r"\1-c", "\0".join(words)).split("\0"):
        name, is_set, value = word.removeprefix("--").removeprefix("-c").partition("=")
        if word.startswith(("--", "-c")) and is_set and _SETTING.fullmatch(name):
            found[name.replace("-", "_")] = value
        elif word:
            rest.append(word)
    if rest:  # a hosting company's own, such as endpoint=…
        found["options"] = " ".join(rest)
    return found


def _seconds(text: str | None) -> float | None:
    if text is None:
        return None
    if not re.fullmatch(r"-?[0-9]{1,6}", text):
        raise ConfigurationError(
            "DATABASE_URL has an option that cannot be used: {reason}. Remove or correct it.",
            reason="connect_timeout",
        )
    return float(text) if int(text) > 0 else None
