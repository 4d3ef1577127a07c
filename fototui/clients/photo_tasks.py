"""What a worker process does with a photo: `fototui.clients.photos`, in the workers' form."""

from dataclasses import asdict

from fototui.clients.photos import inspect_photo, prepare_photo

Value = dict[str, object]


def inspect(data: bytes) -> tuple[Value, bytes]:
    """See `inspect_photo`."""
    return asdict(inspect_photo(data)), b""


def prepare(data: bytes, min_size: int) -> tuple[Value, bytes]:
    """See `prepare_photo`."""
    return {}, prepare_photo(data, min_size=min_size)
