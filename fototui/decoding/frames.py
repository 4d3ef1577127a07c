"""How this program and its worker processes speak: a JSON head and bytes, over one socket."""

import json
import struct

HEADER = struct.Struct(">IQ")
"""Length of the head, length of the bytes behind it."""

MAX_HEAD = 100_000
MAX_DATA = 400_000_000


def pack_head(head: object, size: int) -> bytes:
    """Write what goes before the bytes.

    Args:
        head: What JSON can hold.
        size: Length of the bytes.
    """
    text = json.dumps(head).encode()
    return HEADER.pack(len(text), size) + text


def read_head(text: bytes) -> dict[str, object]:
    """Read a head.

    Args:
        text: As it came.

    Raises:
        ValueError: It is none.
    """
    head = json.loads(text)
    if isinstance(head, dict):
        return head
    raise ValueError("no head")


def check_lengths(header: bytes) -> tuple[int, int]:
    """Read the lengths of head and bytes.

    Args:
        header: As it came.

    Raises:
        ValueError: They are beyond all bounds: the other side has lost its way.
    """
    head, data = HEADER.unpack(header)
    if head > MAX_HEAD or data > MAX_DATA:
        raise ValueError("too long")
    return head, data
