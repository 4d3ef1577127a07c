"""Looks at a file before any decoder does: what could cost without end, and what is no pixel.

Photos carry more than pixels: texts, colour profiles, thumbnails. What is wrong with these is no
reason to refuse the photo; so what a PNG carries is sorted out here, and what the others carry is
left out where a decoder stumbles over it.
"""

import re
import struct
import zlib
from collections.abc import Iterator

MAX_SCANS = 200
"""Scans of a JPEG: a progressive one has about ten; each may cost a pass over all its pixels."""

_PNG = b"\x89PNG\r\n\x1a\n"
# Pillow refuses a picture with a bigger text or profile, or with more of all texts together.
_LARGEST_EXTRA = 1_000_000
_ALL_TEXTS = 32_000_000
_TEXTS = frozenset({b"tEXt", b"zTXt", b"iTXt"})

# In a scan's data FF is followed by 00, or by a mark that restarts the decoder; all else ends it.
_END_OF_SCAN = re.compile(rb"\xff[\x01-\xcf\xd8-\xfe]")
_SOI, _EOI, _SOS, _COM = 0xD8, 0xD9, 0xDA, 0xFE
_BARE = frozenset({0x01, _SOI, *range(0xD0, 0xD8)})
_APPS = range(0xE0, 0xF0)
_JFIF, _ADOBE = 0xE0, 0xEE


def jpeg_scans(data: bytes) -> int:
    """Count the scans of a JPEG; 0 for anything else.

    Args:
        data: The file.
    """
    return sum(marker == _SOS for marker, _, _ in _segments(data))


def without_broken_extras(data: bytes) -> bytes:
    """A PNG without what is no pixel and cannot be read, or is far too big; all else as it is.

    Args:
        data: The file.
    """
    if not data.startswith(_PNG):
        return data
    kept = [_PNG]
    place, is_whole, room = len(_PNG), True, _ALL_TEXTS
    while place + 12 <= len(data):
        (length,) = struct.unpack_from(">I", data, place)
        end = place + 12 + length
        kind = data[place + 4 : place + 8]
        if end > len(data) or kind == b"IEND":
            break
        size = _size(kind, data[place + 8 : end - 4], data[end - 4 : end])
        if size is not None and size <= room:
            kept.append(data[place:end])
            room -= size
        else:
            is_whole = False
        place = end
    return data if is_whole else b"".join([*kept, data[place:]])


def without_extras(data: bytes) -> bytes:
    """A JPEG or WebP with nothing but what its pixels need; anything else as it is.

    It is upright no longer, if its metadata told how it was turned.

    Args:
        data: The file.
    """
    if data[:4] == b"RIFF" and data[8:12] == b"WEBP":
        return _bare_webp(data)
    drop = [
        (start, end)
        for marker, start, end in _segments(data)
        if marker == _COM or (marker in _APPS and marker not in (_JFIF, _ADOBE))
    ]
    parts, place = [], 0
    for start, end in drop:
        parts.append(data[place:start])
        place = end
    return b"".join([*parts, data[place:]]) if drop else data


def _size(kind: bytes, body: bytes, crc: bytes) -> int | None:
    """Bytes of text that a chunk of a PNG unpacks to; None where no decoder should be given it.

    What holds pixels is the decoder's own matter.
    """
    if not kind[:1].islower():
        return 0
    if zlib.crc32(kind + body).to_bytes(4) != crc:
        return None
    if kind not in _TEXTS and kind != b"iCCP":
        return 0
    _, _, rest = body.partition(b"\0")
    match kind:
        case b"tEXt":
            packed = None
        case b"iTXt":
            texts = rest[2:].split(b"\0", 2)
            packed = texts[2] if rest[:1] == b"\1" and len(texts) == 3 else None
        case _:
            packed = rest[1:]
    size = len(body) if packed is None else _unpacked(packed)
    return size if size is not None and size < _LARGEST_EXTRA else None


def _unpacked(packed: bytes) -> int | None:
    """The length of what is packed, as far as it matters; None where it is damaged."""
    try:
        return len(zlib.decompressobj().decompress(packed, _LARGEST_EXTRA))
    except zlib.error:
        return None


def _segments(data: bytes) -> Iterator[tuple[int, int, int]]:
    """Each marker of a JPEG, up to the first picture's end, with where its segment begins and ends.

    A scan's segment ends where its pixels begin.
    """
    if data[:2] != b"\xff\xd8":
        return
    place = 2
    while place + 4 <= len(data):
        if data[place] != 0xFF:  # decoders skip what is between segments
            found = data.find(b"\xff", place)
            if found < 0:
                return
            place = found
            continue
        marker = data[place + 1]
        if marker in (0x00, 0xFF):
            place += 1
            continue
        if marker == _EOI:
            return
        if marker in _BARE:
            place += 2
            continue
        end = place + 2 + int.from_bytes(data[place + 2 : place + 4])
        yield marker, place, end
        place = end
        if marker == _SOS:
            following = _END_OF_SCAN.search(data, place)
            if following is None:
                return
            place = following.start()


def _bare_webp(data: bytes) -> bytes:
    kept: list[bytes] = []
    place = 12
    while place + 8 <= len(data):
        kind = data[place : place + 4]
        length = int.from_bytes(data[place + 4 : place + 8], "little")
        end = place + 8 + length + length % 2
        if kind == b"VP8X":
            # The flags of a profile, Exif and XMP go with them.
            flags = bytes([data[place + 8] & ~0b0010_1100]) if place + 8 < len(data) else b""
            kept.append(data[place : place + 8] + flags + data[place + 9 : end])
        elif kind not in (b"ICCP", b"EXIF", b"XMP "):
            kept.append(data[place:end])
        place = end
    body = b"WEBP" + b"".join(kept)
    return b"RIFF" + len(body).to_bytes(4, "little") + body
