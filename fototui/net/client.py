"""HTTP clients that stand whatever the environment says of proxies and certificates.

httpx reads both from the environment when a client is made. A wrong value there is told when the
client is used, in a sentence that names the variable; what needs no HTTP does not care.
"""

import os
from collections.abc import Callable

import httpx

from fototui.domain.sentences import Sentence
from fototui.domain.text import clean_line

_PROXIES = ("http_proxy", "https_proxy", "all_proxy")
_SCHEMES = frozenset({"http", "https", "socks5", "socks5h"})
_CERTIFICATES = ("SSL_CERT_FILE", "SSL_CERT_DIR")


class EnvironmentFault(httpx.ProxyError):
    """A variable of the environment keeps all requests from being made.

    Args:
        sentence: Which one, and what to do.
    """

    def __init__(self, sentence: Sentence) -> None:
        super().__init__(str(sentence))
        self.sentence = sentence


class _Refusing(httpx.AsyncBaseTransport):
    """In place of a way to the network that cannot be made."""

    def __init__(self, sentence: Sentence) -> None:
        self._sentence = sentence

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        raise EnvironmentFault(self._sentence)


def open_client(make: Callable[[], httpx.AsyncClient]) -> httpx.AsyncClient:
    """Make a client; where the environment does not allow it, one whose requests tell why.

    Args:
        make: Makes it, with all its options.
    """
    try:
        return make()
    except (ImportError, ValueError, OSError, httpx.InvalidURL):
        return httpx.AsyncClient(transport=_Refusing(environment_fault()), trust_env=False)


def has_own_certificates() -> bool:
    """Whether the environment names certificates to be trusted, in place of the usual ones."""
    return any(os.environ.get(name) for name in _CERTIFICATES)


def environment_fault() -> Sentence:
    """What in the environment is likeliest to be wrong; values may be secrets and are not told."""
    for name, value in os.environ.items():
        scheme, is_address, _ = value.partition("://")
        if name.lower() in _PROXIES and is_address and scheme.lower() not in _SCHEMES:
            return Sentence.make(
                "The environment variable {name} begins with {scheme}://, which no proxy here "
                "speaks; write http://, https:// or socks5://, or unset it.",
                name=name,
                scheme=clean_line(scheme, limit=20),
            )
    for name in _CERTIFICATES:
        if os.environ.get(name):
            return Sentence.make(
                "The environment variable {name} names certificates that cannot be read; correct "
                "it or unset it.",
                name=name,
            )
    return Sentence.make(
        "The environment's settings of a proxy cannot be used; see to HTTPS_PROXY, HTTP_PROXY, "
        "ALL_PROXY and NO_PROXY."
    )
