"""Who may publish and who may listen: where a token is looked for (Mercure 0.x, hub v0.24.2)."""

from urllib.parse import urlsplit

from pydantic import SecretStr
from starlette.requests import Request

from fototui.mercure.tokens import Claims, TokenError, read_token

_COOKIE = "mercureAuthorization"
_BEARER = "Bearer "
#: No JWT signed with HS256 is shorter (hub v0.24.2).
_SHORTEST_TOKEN = 41


def claims_of(
    request: Request, query: list[tuple[str, str]], key: SecretStr, *, origins: tuple[str, ...]
) -> Claims | None:
    """Read a request's token: from its header, else its query, else its cookie.

    Args:
        request: The request.
        query: Its query's pairs.
        key: The key the token must be signed with.
        origins: Origins that may publish with a cookie.

    Returns:
        What the token allows; None where there is none.

    Raises:
        TokenError: There is one that is not to be trusted.
    """
    for given in (
        [_bearer(value) for value in request.headers.getlist("authorization")],
        [value for name, value in query if name == "authorization"],
    ):
        if given:
            if len(given) > 1 or len(given[0]) < _SHORTEST_TOKEN:
                raise TokenError("The request has no usable token: send exactly one.")
            return read_token(given[0], key)
    cookie = request.cookies.get(_COOKIE)
    if cookie is None:
        return None
    # A foreign page can make a browser post with the shop's cookie, but not read an answer.
    if request.method == "POST" and not _is_allowed(_origin(request), origins):
        raise TokenError("The request's origin may not publish: name it in publish_origins.")
    return read_token(cookie, key)


def _bearer(header: str) -> str:
    return header.removeprefix(_BEARER) if header.startswith(_BEARER) else ""


def _origin(request: Request) -> str:
    origin = request.headers.get("origin", "")
    if origin:
        return origin
    referer = urlsplit(request.headers.get("referer", ""))
    return f"{referer.scheme}://{referer.netloc}" if referer.scheme else ""


def _is_allowed(origin: str, allowed: tuple[str, ...]) -> bool:
    return bool(origin) and any(_is_meant(origin, candidate.lower()) for candidate in allowed)


def _is_meant(origin: str, candidate: str) -> bool:
    prefix, star, suffix = candidate.partition("*")
    if not star:
        return origin == candidate
    long_enough = len(origin) >= len(prefix) + len(suffix)
    return long_enough and origin.startswith(prefix) and origin.endswith(suffix)
