"""Sample photos that may be shipped; where each comes from stands in SOURCES.md."""

from dataclasses import dataclass, field
from importlib.resources import files


@dataclass(frozen=True, slots=True)
class SamplePhoto:
    """One photo to try things with.

    Args:
        name: File name, for instance "cat.jpg".
        data: The JPEG.
    """

    name: str
    data: bytes = field(repr=False)


def sample_photos() -> list[SamplePhoto]:
    """Read the sample photos (blocking, some hundred kilobytes).

    Returns:
        All of them, sorted by name.
    """
    photos = [file for file in files(__name__).iterdir() if file.name.endswith(".jpg")]
    return [SamplePhoto(f.name, f.read_bytes()) for f in sorted(photos, key=lambda f: f.name)]
