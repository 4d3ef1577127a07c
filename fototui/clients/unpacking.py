"""Answers that come packed although nobody asked for it, unpacked within a limit."""

import zlib

_MOST_LAYERS = 3
# zlib's own tellings of gzip and zlib apart, and the bare form that some servers call "deflate".
_ANY_HEADER, _NO_HEADER = zlib.MAX_WBITS | 32, -zlib.MAX_WBITS
_GZIP = frozenset({"gzip", "x-gzip", "deflate"})


class UnpackError(Exception):
    """A body cannot be unpacked.

    Args:
        is_too_big: It could be, but not within the limit.
    """

    def __init__(self, *, is_too_big: bool = False) -> None:
        super().__init__()
        self.is_too_big = is_too_big


def unpack(body: bytes, packings: str, limit: int) -> bytes:
    """Unpack a body as its `Content-Encoding` says (RFC 9110, section 8.4).

    Args:
        body: The body as it came.
        packings: The header's value.
        limit: Most bytes of the result.

    Returns:
        The body; unchanged where it is not packed at all, as some servers' are that say so.

    Raises:
        UnpackError: It is damaged, packed in a way that is not known here, or too big.
    """
    layers = [name.strip().lower() for name in packings.split(",")]
    layers = [name for name in layers if name and name != "identity"]
    if len(layers) > _MOST_LAYERS:
        raise UnpackError
    for layer in reversed(layers):
        if layer not in _GZIP:
            raise UnpackError
        body = _unpack_one(body, limit, bare=layer == "deflate")
    return body


def _unpack_one(body: bytes, limit: int, *, bare: bool) -> bytes:
    is_marked = body[:2] == b"\x1f\x8b" or (len(body) > 1 and _is_zlib(body))
    if not is_marked and not bare:
        return body
    parts: list[bytes] = []
    room = limit
    while body:  # a file of gzip may have several members
        unpacker = zlib.decompressobj(_ANY_HEADER if is_marked else _NO_HEADER)
        try:
            # One more, to know a body that is just too big.
            parts.append(unpacker.decompress(body, room + 1))
        except zlib.error:
            if parts:  # what follows a whole member is padding
                break
            raise UnpackError from None
        room -= len(parts[-1])
        if room < 0:
            raise UnpackError(is_too_big=True)
        if not unpacker.eof:
            raise UnpackError
        body = unpacker.unused_data
        if body[:2] != b"\x1f\x8b":
            break
    return b"".join(parts)


def _is_zlib(body: bytes) -> bool:
    return body[0] & 0x0F == 8 and int.from_bytes(body[:2]) % 31 == 0
