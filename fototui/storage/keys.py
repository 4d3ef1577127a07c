"""Keys: where each file of an order lies."""

import re
from dataclasses import dataclass
from functools import lru_cache

from ulid import ULID

from fototui.domain.errors import InvalidInputError

# S3's own limit.
_MAX_KEY_BYTES = 1024

# C0 and DEL, which no proxy handles alike; a backslash is a separator on some systems.
_FORBIDDEN = re.compile(r"[\x00-\x1f\x7f\\]")

_NO_FILE_NAME = re.compile(r"[^A-Za-z0-9._-]+")
_LONGEST_NAME = 60
# On Windows, where print shops unpack them, no folder can be called so, whatever its extension.
_DEVICE = re.compile(r"(con|prn|aux|nul|com\d|lpt\d)(\..*)?", re.IGNORECASE)

_EXTENSION = re.compile(r"[a-z0-9]{1,8}")


def check_key(key: str) -> str:
    """Refuse a key that could lead out of its place.

    A segment may not begin with a dot: that covers `.` and `..`, and leaves hidden names to the
    storage itself.

    Args:
        key: Key, relative to the bucket or folder.

    Returns:
        The same key.

    Raises:
        InvalidInputError: The key is empty, absolute, too long, has an empty or hidden segment, a
            backslash or a control character.
    """
    segments = key.split("/")
    if (
        any(not segment or segment.startswith(".") for segment in segments)
        or _FORBIDDEN.search(key)
        or not _fits(key)
    ):
        raise InvalidInputError(
            "{key} is not a storage key; keys are relative paths of plain names such as "
            "01ARZ3NDEKTSV4RRFFQ69G5FAV/7/image_1.jpg.",
            key=repr(key),
        )
    return key


@lru_cache(maxsize=1024)
def _is_ulid(text: str) -> bool:
    try:
        return str(ULID.from_str(text)) == text
    except ValueError:
        return False


def _fits(key: str) -> bool:
    try:
        return len(key.encode()) <= _MAX_KEY_BYTES
    except UnicodeEncodeError:  # lone surrogates, which no store accepts
        return False


@dataclass(frozen=True, slots=True)
class OrderStoragePaths:
    """The keys of one photo and of what is made from it.

    Args:
        order_id: The order's ULID, 26 characters.
        line_item_id: Database id of the colouring book, from 1.
        position: The photo's place in the book, from 1.

    Raises:
        InvalidInputError: A part is not of its form.
    """

    order_id: str
    line_item_id: int
    position: int

    def __post_init__(self) -> None:
        if not _is_ulid(self.order_id):
            raise InvalidInputError(
                "{value} is not the ULID of an order.", value=repr(self.order_id)
            )
        _require_counted("line item", self.line_item_id)
        _require_counted("position", self.position)

    def photo(self, ext: str) -> str:
        """Key of the original photo.

        Args:
            ext: Extension without a dot, lower case, found from the content.

        Raises:
            InvalidInputError: The extension is none.
        """
        return f"{self._folder}/image_{self.position}.{_checked_extension(ext)}"

    def coloring(self, version: int) -> str:
        """Key of one colouring version, a PNG.

        Args:
            version: The version's number, from 1.

        Raises:
            InvalidInputError: The number is below 1.
        """
        _require_counted("version", version)
        return f"{self._folder}/coloring/v{version}/image_{self.position}.png"

    def svg(self, version: int) -> str:
        """Key of one SVG version.

        Args:
            version: The version's number, from 1.

        Raises:
            InvalidInputError: The number is below 1.
        """
        _require_counted("version", version)
        return f"{self._folder}/svg/v{version}/image_{self.position}.svg"

    @property
    def _folder(self) -> str:
        return f"{self.order_id}/{self.line_item_id}"


INCOMING = "incoming/"
"""What keys of photos begin with that are on their way to their places."""


def incoming_key(ext: str) -> str:
    """Key of a photo on its way to its place, another one each time.

    All are together, so that those which a process left that was killed can be looked for.

    Args:
        ext: Extension, as for a photo's own key.
    """
    return f"{INCOMING}{ULID()}.{_checked_extension(ext)}"


def book_key(
    order_id: str, line_item_id: int, version: int, *, order_number: str, position: int
) -> str:
    """Key of a typeset book; its last part is the name that a print shop sees.

    Args:
        order_id: The order's ULID.
        line_item_id: Database id of the line item.
        version: The book's number, from 1.
        order_number: The order's number ("#1270"); what no file name should hold becomes a hyphen.
        position: The line item's place in the order, from 1.

    Raises:
        InvalidInputError: A part is not of its form.
    """
    paths = OrderStoragePaths(order_id, line_item_id, position)
    _require_counted("version", version)
    name = file_name(order_number)
    return f"{paths._folder}/book/v{version}/{name}-{position}.pdf"


def file_name(order_number: str) -> str:
    """An order's number as files and folders are called by it.

    Args:
        order_number: The number ("#1270"); what no file name should hold becomes a hyphen.
    """
    name = _NO_FILE_NAME.sub("-", order_number).strip("-.")[:_LONGEST_NAME].rstrip("-.")
    return f"order-{name}".rstrip("-") if not name or _DEVICE.fullmatch(name) else name


def _checked_extension(ext: str) -> str:
    if not _EXTENSION.fullmatch(ext):
        raise InvalidInputError("{value} is not a file extension such as jpg.", value=repr(ext))
    return ext


def _require_counted(what: str, number: int) -> None:
    if number < 1:
        raise InvalidInputError(
            "A number in a storage key is counted from 1; {what} {number} is none.",
            what=what,
            number=number,
        )
