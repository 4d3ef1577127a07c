"""Files that leave the house as they were made, or not at all."""

import asyncio
import hashlib

from fototui.domain.errors import PermanentError
from fototui.domain.files import S3ObjectRefData
from fototui.storage.base import SERVICE, Storage


async def get_verified(storage: Storage, ref: S3ObjectRefData) -> bytes:
    """Read a file and see that it is the one which was stored.

    Args:
        storage: Where files are kept.
        ref: The file, as its row tells of it.

    Returns:
        Its content.

    Raises:
        PermanentError: It is another by its digest; by its size, where no digest was noted.
        OutsideError: Storage does not give it.
    """
    data = await storage.get(ref.key)
    if ref.sha256 is not None:
        found = (await asyncio.to_thread(hashlib.sha256, data)).hexdigest()
        is_same = found == ref.sha256.lower()
    else:
        is_same = ref.size in (None, len(data))
    if not is_same:
        raise PermanentError(
            "The file {key} in storage is not the one that was stored there: it was changed, or a "
            "part of it is missing. Bring it back from a backup, or generate it again.",
            service=SERVICE,
            key=ref.key,
        )
    return data
