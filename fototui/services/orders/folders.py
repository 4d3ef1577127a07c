"""Folders of photos, read as the books of an order."""

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path

from fototui.domain.errors import InvalidInputError
from fototui.domain.sentences import Sentence
from fototui.domain.text import clean_line, folded
from fototui.services.orders.photos import BookInput, PhotoInput

# A name or a beginning: a damaged photo, or one that we cannot read, is not to get lost silently.
_SUFFIXES = frozenset(
    {".jpg", ".jpeg", ".jpe", ".jfif", ".png", ".webp", ".gif", ".heic", ".heif", ".avif"}
)
_BEGINNINGS = (b"\xff\xd8\xff", b"\x89PNG", b"GIF8")
_NUMBER = re.compile(r"(\d+)")


@dataclass(frozen=True, slots=True)
class FoundBooks:
    """What files and folders hold.

    Args:
        books: The books: one of the single photos, if there are any, and one of each folder that
            has photos.
        left_out: What was left out, and why.
        name: The name of the folder, where there was nothing but one.
    """

    books: tuple[BookInput, ...]
    left_out: tuple[Sentence, ...]
    name: str | None


def find_books(paths: Iterable[Path]) -> FoundBooks:
    """Find the photos in files and folders.

    A folder is a book, called by its name, and so is each folder in it. Photos are taken by name,
    "2.jpg" before "10.jpg"; single files in the order given, whatever they are.

    Args:
        paths: The files and folders.

    Raises:
        InvalidInputError: A folder has no photos, or cannot be read.
    """
    paths = list(paths)
    folders = [path for path in paths if path.is_dir()]
    single = [PhotoInput(path) for path in paths if path not in folders]
    books = [BookInput(single)] if single else []
    left_out: list[Sentence] = []
    for folder in folders:
        try:
            found = list(_books_in(folder, left_out))
        except OSError as error:
            raise InvalidInputError(
                "{path} cannot be read ({reason}); check its permissions.",
                path=error.filename or str(folder),
                reason=error.strerror or type(error).__name__,
            ) from error
        if not found:
            raise InvalidInputError(
                "There are no photos in {path}; name another folder.", path=str(folder)
            )
        books += found
    name = _title(folders[0]) if len(paths) == len(folders) == 1 else None
    return FoundBooks(tuple(books), tuple(left_out), name)


def _books_in(folder: Path, left_out: list[Sentence]) -> Iterator[BookInput]:
    photos: list[PhotoInput] = []
    folders: list[Path] = []
    for path in sorted(folder.iterdir(), key=_by_name):
        if path.name.startswith("."):
            left_out.append(Sentence.make("{path} is hidden; it is left out.", path=str(path)))
        elif path.is_dir() and not path.is_symlink():  # a link may lead back to where we are
            folders.append(path)
        elif path.is_file() and _is_photo(path):
            photos.append(PhotoInput(path))
        else:
            left_out.append(Sentence.make("{path} is not a photo; it is left out.", path=str(path)))
    if photos:
        yield BookInput(photos, _title(folder))
    for each in folders:
        yield from _books_in(each, left_out)


def _is_photo(path: Path) -> bool:
    if path.suffix.lower() in _SUFFIXES:
        return True
    with path.open("rb") as file:
        head = file.read(12)
    return head.startswith(_BEGINNINGS) or (head[:4], head[8:]) == (b"RIFF", b"WEBP")


def _title(folder: Path) -> str:
    return clean_line(folder.resolve().name)  # "." has none of its own


def _by_name(path: Path) -> tuple[list[tuple[int, str]], str]:
    """Numbers in names count as numbers."""
    parts = _NUMBER.split(folded(path.name))
    return [(int(part), "") if part.isdecimal() else (0, part) for part in parts], path.name
