"""What an operator may choose for a colouring and for an SVG."""

import math
from dataclasses import dataclass
from enum import StrEnum

from fototui.domain.errors import InvalidInputError
from fototui.domain.sentences import Sentence
from fototui.domain.text import czech

MEGAPIXELS_RANGE = (0.5, 8.0)
STEPS_RANGE = (1, 20)


@dataclass(frozen=True, slots=True)
class ColoringOptions:
    """Options of one colouring.

    Args:
        megapixels: Size of the result, 0.5 to 8.
        steps: Inference steps, 1 to 20; more is slower and finer.

    Raises:
        InvalidInputError: A value is out of its range.
    """

    megapixels: float = 1.0
    steps: int = 4

    @classmethod
    def stored(cls, megapixels: float, steps: int) -> "ColoringOptions":
        """Options that a version was asked for with, whatever the limits are today.

        Args:
            megapixels: As stored.
            steps: As stored.

        Raises:
            InvalidInputError: They were never options.
        """
        if not (math.isfinite(megapixels) and megapixels > 0 and steps > 0):
            return cls(megapixels, steps)  # raises
        options = object.__new__(cls)
        object.__setattr__(options, "megapixels", megapixels)
        object.__setattr__(options, "steps", steps)
        return options

    def __post_init__(self) -> None:
        low, high = MEGAPIXELS_RANGE
        if not low <= self.megapixels <= high:
            raise InvalidInputError(
                "Megapixels are {value}; choose a value from {low} to {high}.",
                value=self.megapixels,
                low=low,
                high=high,
            )
        first, last = STEPS_RANGE
        if self.steps != int(self.steps) or not first <= self.steps <= last:
            raise InvalidInputError(
                "Steps are {value}; choose a whole number from {low} to {high}.",
                value=self.steps,
                low=first,
                high=last,
            )


class ShapeStacking(StrEnum):
    """How shapes of an SVG lie on each other (`output.shape_stacking` of Vectorizer.ai)."""

    STACKED = "stacked"
    CUTOUTS = "cutouts"

    @classmethod
    def _missing_(cls, value: object) -> "ShapeStacking | None":
        # An old client wrote "none" where it meant cutouts; the service refuses that word.
        return cls.CUTOUTS if value == "none" else None

    @property
    def label(self) -> str:
        """Czech label; the source text of translations."""
        return _LABELS[self]


class GroupBy(StrEnum):
    """How shapes of an SVG are grouped (`output.group_by` of Vectorizer.ai)."""

    NONE = "none"
    COLOR = "color"
    PARENT = "parent"
    LAYER = "layer"

    @property
    def label(self) -> str:
        """Czech label; the source text of translations."""
        return _LABELS[self]


_LABELS: dict[ShapeStacking | GroupBy, str] = {
    ShapeStacking.STACKED: czech("Vrstvené"),
    ShapeStacking.CUTOUTS: czech("Vyříznuté"),
    GroupBy.NONE: czech("Žádné"),
    GroupBy.COLOR: czech("Podle barvy"),
    GroupBy.PARENT: czech("Podle rodiče"),
    GroupBy.LAYER: czech("Podle vrstvy"),
}


@dataclass(frozen=True, slots=True)
class SvgOptions:
    """Options of one SVG.

    Args:
        shape_stacking: How shapes lie on each other.
        group_by: How shapes are grouped.
    """

    shape_stacking: ShapeStacking = ShapeStacking.STACKED
    group_by: GroupBy = GroupBy.COLOR


@dataclass(frozen=True, slots=True)
class Preset:
    """Options that are offered by a name.

    Args:
        label: What operators see.
        about: What it does; None of a shop's own, which its label tells.
        options: The options.
    """

    label: Sentence
    about: Sentence | None
    options: ColoringOptions | SvgOptions


def presets_beside(before: ColoringOptions) -> tuple[Preset, ...]:
    """What is offered beside a colouring: the same once more, and what differs from it.

    Args:
        before: The options of the version that is looked at.
    """
    low, high = MEGAPIXELS_RANGE
    most_steps = STEPS_RANGE[1]
    megapixels = min(high, max(low, before.megapixels))
    steps = min(most_steps, before.steps)
    finer = ColoringOptions(min(high, megapixels * 2), min(most_steps, steps * 2))
    fewer = ColoringOptions(max(low, megapixels / 2), steps)
    again = ColoringOptions(megapixels, steps)
    offered = (
        Preset(Sentence.make("Another try"), Sentence.make("the same options again"), again),
        Preset(Sentence.make("Finer"), Sentence.make("bigger, more steps: more detail"), finer),
        Preset(Sentence.make("Fewer lines"), Sentence.make("smaller: less detail"), fewer),
    )
    return tuple(each for each in offered if each.options != again or each is offered[0])


def svg_presets_beside(before: SvgOptions) -> tuple[Preset, ...]:
    """What is offered beside an SVG: the same once more, and what it may be for.

    Args:
        before: The options of the version that is looked at.
    """
    offered = (
        Preset(
            Sentence.make("As before"),
            Sentence.make("the same options; of another colouring"),
            before,
        ),
        Preset(
            Sentence.make("For print"),
            Sentence.make("shapes lie on each other, a group for each colour"),
            SvgOptions(ShapeStacking.STACKED, GroupBy.COLOR),
        ),
        Preset(
            Sentence.make("For cutting"),
            Sentence.make("nothing lies under a shape: for plotters and cutters"),
            SvgOptions(ShapeStacking.CUTOUTS, GroupBy.COLOR),
        ),
        Preset(
            Sentence.make("For drawing"),
            Sentence.make("a shape and what lies on it in one group, to be worked on by hand"),
            SvgOptions(ShapeStacking.STACKED, GroupBy.PARENT),
        ),
    )
    return tuple(each for each in offered if each.options != before or each is offered[0])
