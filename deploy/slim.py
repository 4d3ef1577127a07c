"""What the image leaves out of the packages that it installs: `python slim.py SITE-PACKAGES`.

Each line must find something. Where it does not, a package has changed its rooms, and the build
ends: then the line is to be looked at again. That nothing is missed is seen by `try_image.py`,
which runs in the image, and by `tests/deploy`.
"""

from __future__ import annotations

import shutil
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True)
class LeftOut:
    """Files or folders that the program never opens.

    Args:
        pattern: Which, from the packages' folder.
        keep: Those of them that stay.
    """

    pattern: str
    keep: tuple[str, ...] = ()

    def find(self, site: Path) -> list[Path]:
        """What there is of it.

        Args:
            site: The packages' folder.
        """
        found = site.glob(self.pattern)
        return sorted(path for path in found if not any(map(path.match, self.keep)))


LEFT_OUT = (
    # Languages that nobody here speaks; services of Amazon's that are not S3.
    LeftOut("babel/locale-data/*.dat", keep=("cs*.dat", "en*.dat", "root.dat")),
    LeftOut("botocore/data/*/", keep=("s3",)),
    LeftOut("boto3/data/*/", keep=("s3",)),
    LeftOut("boto3/examples"),
    # Other databases.
    LeftOut("sqlalchemy/dialects/*/", keep=("postgresql", "__pycache__")),
    # Photos of this format are refused.
    LeftOut("PIL/_avif.*"),
    LeftOut("pillow.libs/libavif-*"),
    # No letters are drawn into pictures.
    LeftOut("PIL/_imagingft.*"),
    LeftOut("pillow.libs/libfreetype-*"),
    LeftOut("pillow.libs/libharfbuzz-*"),
    LeftOut("pillow.libs/libbrotli*"),
    # pikepdf needs lxml's heart alone.
    LeftOut("lxml/objectify*"),
    LeftOut("lxml/html"),
    LeftOut("lxml/isoschematron"),
    LeftOut("lxml/includes"),
    # What only serves to test or to build the packages.
    LeftOut("*/testing"),
    LeftOut("*/tests"),
    LeftOut("**/*.pyx"),
    LeftOut("**/*.pxd"),
    LeftOut("**/*.c"),
    LeftOut("**/*.h"),
    LeftOut("**/*.pyi"),
)


def left_out(site: Path) -> Iterator[Path]:
    """All that is left out.

    Args:
        site: The packages' folder.

    Raises:
        LookupError: Nothing fits one of the patterns.
    """
    for entry in LEFT_OUT:
        found = entry.find(site)
        if not found:
            raise LookupError(f"Nothing is there to be left out as {entry.pattern}.")
        yield from found


def main() -> None:
    """Leave it out."""
    # All are found before any is gone: some lie within others.
    for path in list(left_out(Path(sys.argv[1]))):
        if path.is_dir():
            shutil.rmtree(path)
        else:
            path.unlink(missing_ok=True)


if __name__ == "__main__":
    main()
