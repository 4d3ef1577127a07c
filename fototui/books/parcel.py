"""How a request and its files go to a worker process and back: in one piece of bytes.

What goes there is too long for the workers' own head of a task: a dedication may be of any length.
"""

import json
import struct
from collections.abc import Iterable, Mapping, Sequence

_COUNT = struct.Struct(">I")
_LENGTH = struct.Struct(">Q")


def pack(head: Mapping[str, object], files: Iterable[bytes]) -> bytes:
    """Put a head and files into one piece.

    Args:
        head: What JSON can hold.
        files: The files.
    """
    parts = [json.dumps(head).encode(), *files]
    lengths = b"".join(_LENGTH.pack(len(part)) for part in parts)
    return b"".join([_COUNT.pack(len(parts)), lengths, *parts])


def unpack(data: bytes) -> tuple[dict[str, object], Sequence[bytes]]:
    """Take apart what `pack` made.

    Args:
        data: The piece.
    """
    (count,) = _COUNT.unpack_from(data)
    place = _COUNT.size + count * _LENGTH.size
    parts = []
    for (length,) in _LENGTH.iter_unpack(data[_COUNT.size : place]):
        parts.append(data[place : place + length])
        place += length
    head = json.loads(parts[0])
    assert isinstance(head, dict)
    return head, parts[1:]
