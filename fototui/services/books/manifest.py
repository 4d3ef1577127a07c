"""The list of all that was exported to a folder: for programs in JSON, for people in CSV."""

from __future__ import annotations

import csv
import hashlib
import io
from collections.abc import Iterable, Sequence
from pathlib import Path

from pydantic import BaseModel, ConfigDict, ValidationError

from fototui.config.file import write_atomically
from fototui.domain.errors import InvalidInputError

_JSON, _CSV = "manifest.json", "manifest.csv"
# A spreadsheet takes a text that begins so for a formula, and customers choose their names.
_FORMULA = ("=", "+", "-", "@", "\t")


class ManifestLine(BaseModel):
    """One exported file.

    Args:
        number: Its order's number.
        customer: The customer's name.
        title: Its book's title.
        copies: Of a book how many are wanted; None for a picture.
        pages: Of a book its pages; None for a picture.
        file: Its path from the manifest on, with slashes.
        sha256: Hex digest of the content.
    """

    model_config = ConfigDict(frozen=True, extra="ignore")

    number: str
    customer: str | None
    title: str
    copies: int | None
    pages: int | None
    file: str
    sha256: str


class Manifest(BaseModel):
    """The files of all orders that were ever exported to a folder.

    Args:
        version: Which fields there are; another program's additions do not change it.
        files: The files, by order in the order in which they first came.
    """

    version: int = 1
    files: list[ManifestLine] = []

    @classmethod
    def read(cls, folder: Path) -> Manifest:
        """Read the manifest of a folder; an empty one where there is none.

        Args:
            folder: The folder.

        Raises:
            InvalidInputError: Something else has its name.
            OSError: It cannot be read.
        """
        path = folder / _JSON
        try:
            return cls.model_validate_json(path.read_bytes())
        except FileNotFoundError:
            return cls()
        except ValidationError:
            raise InvalidInputError(
                "{path} is not a list of exported files. Remove it, or choose another folder "
                "with --to.",
                path=str(path),
            ) from None

    def owner(self, name: str) -> str | None:
        """The number of the order that a folder's name belongs to.

        Args:
            name: The name; in any case, since some file systems know none.
        """
        for line in self.files:
            if line.file.partition("/")[0].casefold() == name.casefold():
                return line.number
        return None

    def without(self, number: str) -> Manifest:
        """The list but for an order's files.

        Args:
            number: The order's number.
        """
        return Manifest(files=[line for line in self.files if line.number != number])

    def replace(self, number: str, lines: Iterable[ManifestLine]) -> tuple[str, ...]:
        """Put an order's files in the place of those that were told of before.

        Args:
            number: The order's number.
            lines: Its files; none takes it out.

        Returns:
            The files of before that no longer belong to it.
        """
        new = list(lines)
        before = [line for line in self.files if line.number == number]
        place = self.files.index(before[0]) if before else len(self.files)
        others = [line for line in self.files if line.number != number]
        self.files = [*others[:place], *new, *others[place:]]
        paths = {line.file for line in new}
        return tuple(line.file for line in before if line.file not in paths)

    def write(self, folder: Path) -> None:
        """Write both forms, each whole or not at all; what is the same already stays.

        Args:
            folder: The folder.

        Raises:
            OSError: They cannot be written.
        """
        write_if_other(folder / _CSV, _as_csv(self.files))
        write_if_other(folder / _JSON, f"{self.model_dump_json(indent=2)}\n".encode())


def write_if_other(path: Path, data: bytes) -> bool:
    """Write a file, unless it is there with the same content.

    Args:
        path: The file; its folder must be there.
        data: The content.

    Returns:
        Whether it was written.

    Raises:
        OSError: It cannot be written.
    """
    if digest_of(path) == hashlib.sha256(data).hexdigest():
        return False
    return write_atomically(path, data)


def digest_of(path: Path) -> str | None:
    """The SHA-256 of a file; None where there is none.

    Args:
        path: The file.

    Raises:
        OSError: It is none, or cannot be read.
    """
    try:
        with path.open("rb") as file:
            return hashlib.file_digest(file, "sha256").hexdigest()
    except FileNotFoundError:
        return None


def _as_csv(files: Sequence[ManifestLine]) -> bytes:
    out = io.StringIO()
    writer = csv.DictWriter(out, list(ManifestLine.model_fields), lineterminator="\r\n")
    writer.writeheader()
    for line in files:
        values: dict[str, object] = line.model_dump()
        for name, value in values.items():
            if isinstance(value, str) and value.startswith(_FORMULA):
                values[name] = f"'{value}"
        writer.writerow(values)
    return out.getvalue().encode("utf-8-sig")  # the mark by which Excel knows it for UTF-8
