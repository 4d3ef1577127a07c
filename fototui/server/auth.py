"""Who may call what. Everything is closed but what is named here: a new route needs no thought."""

import ipaddress

from fastapi import Depends
from fastapi.security import HTTPBearer
from starlette.datastructures import Headers
from starlette.types import Scope

from fototui.server.context import ServerContext
from fototui.server.errors import ClosedError, UnauthorizedError
from fototui.services.operations.tokens import TokenService

METRICS = "/metrics"
WEBHOOK = "/api/v1/webhooks/shopify"

OPEN_PATHS = frozenset({"/healthz", "/readyz", "/api/v1/health", WEBHOOK})
"""What anyone may call; a webhook proves itself by its signature."""

_LONGEST_KEY = 200

# Only tells the API's description; `admit` decides.
_bearer = HTTPBearer(
    auto_error=False, scheme_name="token", description="A key from `fototui token create`."
)
DESCRIBED = Depends(_bearer)
"""Makes a route's description say that it needs a token."""


async def admit(scope: Scope, context: ServerContext) -> str | None:
    """Let a request in, or not.

    Args:
        scope: The request's.
        context: Knows the tokens.

    Returns:
        The name of its token; None where none is needed.

    Raises:
        UnauthorizedError: It needs a token and shows none that is known.
        ClosedError: There is no token at all yet.
        DatabaseUnavailableError: The tokens cannot be read.
    """
    path = scope["path"]
    headers = Headers(scope=scope)
    if path in OPEN_PATHS or (path == METRICS and _is_local(scope, headers)):
        return None
    scheme, _, key = headers.get("authorization", "").partition(" ")
    key = key.strip()
    has_key = scheme.lower() == "bearer" and 0 < len(key) <= _LONGEST_KEY
    if has_key and (name := await context.token_holders.answer(key)) is not None:
        return name
    async with context.database.autocommit() as session:
        if not await TokenService(session, operator="server").any():
            raise ClosedError(
                "The API is closed, because it has no token yet. "
                "Make one where the server runs: fototui token create NAME"
            )
    raise UnauthorizedError(
        "Send a known token in the header Authorization: Bearer TOKEN. "
        "Make one where the server runs: fototui token create NAME"
    )


def _is_local(scope: Scope, headers: Headers) -> bool:
    """Whether a request comes from this machine, and was not passed on by a proxy on it."""
    if "x-forwarded-for" in headers or "forwarded" in headers or scope.get("client") is None:
        return False
    try:
        return ipaddress.ip_address(scope["client"][0]).is_loopback
    except ValueError:
        return False
