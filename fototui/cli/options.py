"""Options of what opens the app: the program itself, and the demo."""

from enum import StrEnum
from typing import Annotated

import typer


class Language(StrEnum):
    """Languages of the screens."""

    CS = "cs"
    EN = "en"


class PicturesChoice(StrEnum):
    """How pictures may be drawn."""

    AUTO = "auto"
    KITTY = "kitty"
    TGP = "tgp"  # its old name
    SIXEL = "sixel"
    OCTANT = "octant"
    SEXTANT = "sextant"
    QUADRANT = "quadrant"
    HALFCELL = "halfcell"
    OFF = "off"


Lang = Annotated[Language | None, typer.Option(help="Language of the screens.")]
Theme = Annotated[str | None, typer.Option(help="Name of a theme.")]
Pictures = Annotated[PicturesChoice | None, typer.Option(help="How pictures are drawn.")]
