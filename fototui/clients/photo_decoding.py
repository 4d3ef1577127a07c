"""Strangers' photos opened in worker processes, which whoever waits for them need not wait for."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

from fototui.decoding.workers import WorkerError, Workers
from fototui.domain.errors import InvalidInputError

if TYPE_CHECKING:
    from fototui.clients.photos import PhotoInfo

PHOTO_WORKERS = Workers()
"""The processes that photos are opened in; shared by all that runs in this program."""


async def inspect_apart(data: bytes) -> PhotoInfo:
    """Tell what a photo is, by decoding all of it.

    Args:
        data: The file.

    Raises:
        InvalidInputError: It is no photo we take, is damaged, or costs too much to open.
    """
    from fototui.clients.photos import PhotoInfo

    value, _ = await _apart("inspect", data)
    return PhotoInfo(
        content_type=str(value["content_type"]),
        ext=str(value["ext"]),
        width=int(str(value["width"])),
        height=int(str(value["height"])),
    )


async def prepare_apart(data: bytes, *, min_size: int) -> bytes:
    """Make a photo fit to be sent for colouring (`fototui.clients.photos.prepare_photo`).

    Args:
        data: The photo.
        min_size: Least length of the longer side, in pixels.

    Raises:
        InvalidInputError: It is no photo we take, is damaged, or costs too much to open.
    """
    return (await _apart("prepare", data, {"min_size": min_size}))[1]


async def _apart(
    task: str, data: bytes, params: Mapping[str, object] | None = None
) -> tuple[dict[str, object], bytes]:
    try:
        return await PHOTO_WORKERS.run(f"fototui.clients.photo_tasks:{task}", data, params)
    except WorkerError as error:
        if error.code == InvalidInputError.code and error.sentence is not None:
            raise InvalidInputError(error.sentence) from None
        raise InvalidInputError(
            "Opening the photo takes more than {seconds} s or {megabytes} MB of memory; ask for "
            "it as an ordinary JPEG.",
            seconds=PHOTO_WORKERS.limits.cpu_seconds,
            megabytes=PHOTO_WORKERS.limits.memory // 1_000_000,
        ) from None
