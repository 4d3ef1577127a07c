"""Why a picture cannot be shown, as sentences for an operator."""

from fototui.domain.errors import FototuiError


class PictureError(FototuiError):
    """A picture cannot be shown."""

    code = "picture"


class PictureMissingError(PictureError):
    """Its file is not in storage."""

    code = "picture_missing"


class PictureBrokenError(PictureError):
    """Its file is no picture, or a damaged one."""

    code = "picture_broken"


class PictureTooBigError(PictureError):
    """Opening it would take more memory than a terminal should."""

    code = "picture_too_big"
