"""The tokens by which a hub knows who may publish and who may listen: HS256 JWTs.

Claims as of Mercure 0.x: `{"mercure": {"publish": [...], "subscribe": [...]}}`, each a list of
topic selectors; a hub also reads them under the name `https://mercure.rocks/`.
"""

import math
import time
from dataclasses import dataclass

import jwt
from pydantic import BaseModel, Field, SecretStr, ValidationError

from fototui.domain.errors import ConfigurationError, FototuiError

#: Any topic.
EVERYTHING = ("*",)
#: Long against the clock of a laptop being wrong, short against a token found in an old log.
TOKEN_SECONDS = 3600.0
#: Hub v0.24.2 refuses longer lists.
_MOST_SELECTORS = 1000


class TokenError(FototuiError):
    """A token is no JWT, not signed with the key, expired, or its claims make no sense."""

    code = "token"


@dataclass(frozen=True, slots=True)
class Claims:
    """What a verified token allows.

    Args:
        publish: Topic selectors for publishing; None where the token does not speak of it.
        subscribe: Topic selectors of private updates its bearer may read.
        expires_at: Unix time in seconds; None for a token without an end.
    """

    publish: tuple[str, ...] | None
    subscribe: tuple[str, ...]
    expires_at: float | None


class _Allowed(BaseModel, strict=True):
    publish: list[str] | None = Field(default=None, max_length=_MOST_SELECTORS)
    subscribe: list[str] | None = Field(default=None, max_length=_MOST_SELECTORS)


class _Payload(BaseModel):
    mercure: _Allowed = _Allowed()
    namespaced: _Allowed | None = Field(default=None, alias="https://mercure.rocks/")
    exp: float | None = None


def _key_bytes(key: SecretStr) -> bytes:
    raw = key.get_secret_value().encode()
    if not raw:
        raise ConfigurationError(
            "The hub's key is empty: set MERCURE_PUBLISHER_JWT_KEY and MERCURE_SUBSCRIBER_JWT_KEY "
            "to the keys that the hub was started with."
        )
    # HMAC fills a short key up with zero bytes anyway (RFC 2104), so the signature is the same, and
    # PyJWT does not warn of the shop's existing keys in the middle of a screen.
    return raw.ljust(32, b"\0")


def _make(key: SecretStr, right: str, topics: tuple[str, ...], seconds: float) -> str:
    payload = {"mercure": {right: list(topics)}, "exp": int(time.time() + seconds)}
    return jwt.encode(payload, _key_bytes(key), algorithm="HS256")


def publish_token(
    key: SecretStr, topics: tuple[str, ...] = EVERYTHING, *, seconds: float = TOKEN_SECONDS
) -> str:
    """Make a token for publishing.

    Args:
        key: The hub's publisher key.
        topics: Topic selectors that may be published on.
        seconds: How long the token is good for.

    Returns:
        The JWT.

    Raises:
        ConfigurationError: The key is empty.
    """
    return _make(key, "publish", topics, seconds)


def subscribe_token(
    key: SecretStr, topics: tuple[str, ...] = EVERYTHING, *, seconds: float = TOKEN_SECONDS
) -> str:
    """Make a token for listening.

    Args:
        key: The hub's subscriber key.
        topics: Topic selectors of the private updates that its bearer may read.
        seconds: How long the token is good for; the hub ends the stream with it.

    Returns:
        The JWT.

    Raises:
        ConfigurationError: The key is empty.
    """
    return _make(key, "subscribe", topics, seconds)


class KeptToken:
    """A publisher's token that is signed once an hour, and at any time good for another.

    Args:
        key: The hub's publisher key.
    """

    def __init__(self, key: SecretStr) -> None:
        self._key = key
        self._token = ""
        self._signed = -math.inf

    def get(self) -> str:
        """The token.

        Raises:
            ConfigurationError: The key is empty.
        """
        now = time.time()
        # The clock may be set back too: then a hub whose clock is right would soon refuse it.
        if not 0 <= now - self._signed < TOKEN_SECONDS:
            self._token = publish_token(self._key, seconds=2 * TOKEN_SECONDS)
            self._signed = now
        return self._token


def read_token(token: str, key: SecretStr) -> Claims:
    """Verify a token as the hub does.

    Args:
        token: The JWT.
        key: The key it must be signed with.

    Returns:
        What it allows.

    Raises:
        TokenError: It is not to be trusted, or makes no sense.
    """
    try:
        # The hub's library looks at the times that bound a token, and not at who issued it.
        payload = jwt.decode(
            token,
            _key_bytes(key),
            algorithms=["HS256"],
            options={"verify_aud": False, "verify_iss": False, "verify_iat": False},
        )
        read = _Payload.model_validate(payload)
    except (jwt.InvalidTokenError, ValidationError) as error:
        raise TokenError(
            "The token is not valid ({reason}): make it with the hub's key, HS256.",
            reason=type(error).__name__,
        ) from error
    allowed = read.namespaced or read.mercure
    return Claims(
        publish=None if allowed.publish is None else tuple(allowed.publish),
        subscribe=tuple(allowed.subscribe or ()),
        expires_at=read.exp,
    )
