"""What a worker process does with a picture that is to be shown."""

from fototui.pictures.decoding import decode


def pixels(data: bytes, side: int) -> tuple[dict[str, object], bytes]:
    """Decode a picture (`fototui.pictures.decoding.decode`); its size and its bare pixels."""
    image = decode(data, side)
    return {"width": image.width, "height": image.height}, image.tobytes()
