"""What a worker process does with a picture that is to be shown."""

from fototui.pictures import decoding


def pixels(data: bytes, side: int) -> tuple[dict[str, object], bytes]:
    """Decode a picture (`fototui.pictures.decoding.pixels`); its size and its bare pixels."""
    (width, height), bare = decoding.pixels(data, side)
    return {"width": width, "height": height}, bare
