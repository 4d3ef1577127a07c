"""Dialogs that ask with what options a version is to be made."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import ClassVar, TypeVar

from textual.app import App, ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Horizontal, Vertical
from textual.content import Content
from textual.events import Click
from textual.geometry import Size
from textual.reactive import reactive
from textual.screen import ModalScreen
from textual.widget import Widget
from textual.widgets import Button, Input, Static

from fototui.domain.options import (
    MEGAPIXELS_RANGE,
    STEPS_RANGE,
    ColoringOptions,
    GroupBy,
    ShapeStacking,
    SvgOptions,
)
from fototui.domain.statuses import VersionType
from fototui.i18n import _, number
from fototui.ui.bindings import BETWEEN_FIELDS

N = TypeVar("N", int, float)
Options = ColoringOptions | SvgOptions


async def ask_options(
    app: App[object], kind: VersionType, before: Options | None = None
) -> Options | None:
    """Ask with what options a version is to be made; to be called in a worker.

    Args:
        app: The app.
        kind: Colouring or SVG.
        before: What stands there at first; the defaults where not given or of the other kind.

    Returns:
        The options; None where the operator thinks better of it.
    """
    answer: Options | None = await app.push_screen_wait(_DIALOGS[kind](before))
    return answer


class Pick(Widget, can_focus=True):
    """One of a few words; left and right change it.

    Args:
        words: What there is to pick from, translated.
        place: Which is picked at first.
    """

    DEFAULT_CSS = """
    Pick { height: 1; width: auto; margin-bottom: 1; }
    Pick:focus { background: $boost; text-style: bold; }
    """
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("left", "move(-1)", show=False),
        Binding("right,space", "move(1)", show=False),
    ]

    place: reactive[int] = reactive(0, layout=True)

    def __init__(self, words: Sequence[str], place: int, *, id: str) -> None:  # noqa: A002 - Textual's name
        super().__init__(id=id)
        self._words = words
        self.set_reactive(Pick.place, place)

    def render(self) -> Content:
        """All of them, the picked one marked."""
        return Content("  ").join(
            Content.styled(
                f"{'◉' if place == self.place else '○'} {word}",
                "$accent" if place == self.place else "$foreground",
            )
            for place, word in enumerate(self._words)
        )

    def get_content_width(self, container: Size, viewport: Size) -> int:
        """All words beside each other."""
        del container, viewport
        return self.render().cell_length

    def action_move(self, step: int) -> None:
        """Pick the next one; after the last comes the first."""
        self.place = (self.place + step) % len(self._words)

    def on_click(self, event: Click) -> None:
        """Pick the word under the mouse."""
        column = 0
        for place, word in enumerate(self._words):
            column += Content(f"◉ {word}  ").cell_length
            if event.x < column:
                self.place = place
                return


class _Dialog(ModalScreen[Options | None]):
    """What both dialogs have in common: fields, two buttons, enter and escape."""

    DEFAULT_CSS = """
    _Dialog { align: center middle; }
    _Dialog > Vertical {
        width: auto; max-width: 90%; height: auto; max-height: 100%; padding: 1 2;
        border: round $accent; background: $surface; overflow-y: auto;
    }
    _Dialog Static { width: auto; }
    _Dialog .title { text-style: bold; margin-bottom: 1; }
    _Dialog Input { width: 24; }
    _Dialog .wrong { color: $error; width: 48; height: 2; }
    _Dialog Horizontal { width: auto; height: auto; }
    _Dialog Button { margin-right: 2; }
    """
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("escape", "leave", show=False),
        Binding("enter", "make", show=False),
        *BETWEEN_FIELDS,
    ]

    def compose(self) -> ComposeResult:
        """Title, fields, buttons."""
        with Vertical():
            yield Static(Content(self._title()), classes="title")
            yield from self.fields()
            with Horizontal():
                yield Button(Content(_("Create")), id="make", variant="primary")
                yield Button(Content(_("Cancel")), id="leave")

    def _title(self) -> str:
        raise NotImplementedError

    def fields(self) -> ComposeResult:
        """What is asked."""
        yield from ()

    def read(self) -> Options | None:
        """The options; None where a field is wrong, which is said under it."""
        raise NotImplementedError

    def action_make(self) -> None:
        """Answer, if all fields are right."""
        if (options := self.read()) is not None:
            self.dismiss(options)

    def action_leave(self) -> None:
        """Think better of it."""
        self.dismiss(None)

    def on_input_submitted(self) -> None:
        """Enter in a field answers."""
        self.action_make()

    def on_button_pressed(self, event: Button.Pressed) -> None:
        """Answer."""
        if event.button.id == "make":
            self.action_make()
        else:
            self.action_leave()


class ColoringDialog(_Dialog):
    """Asks for megapixels and steps.

    Args:
        before: What stands there at first; of another kind it is not taken.
    """

    def __init__(self, before: Options | None = None) -> None:
        super().__init__()
        self._before = before if isinstance(before, ColoringOptions) else ColoringOptions()

    def _title(self) -> str:
        return _("Colouring with options")

    def fields(self) -> ComposeResult:
        """Two numbers."""
        low, high = MEGAPIXELS_RANGE
        yield Static(
            Content(_("Megapixels, {low} to {high}").format(low=number(low), high=number(high)))
        )
        yield Input(number(self._before.megapixels), id="megapixels")
        yield Static(id="megapixels-wrong", classes="wrong")
        first, last = STEPS_RANGE
        yield Static(Content(_("Steps, {low} to {high}").format(low=first, high=last)))
        yield Input(str(self._before.steps), id="steps")
        yield Static(id="steps-wrong", classes="wrong")

    def read(self) -> ColoringOptions | None:
        """Both numbers, within their ranges."""
        low, high = MEGAPIXELS_RANGE
        first, last = STEPS_RANGE
        megapixels = self._number(
            "megapixels", float, low, high,
            _("Write a number from {low} to {high}.").format(low=number(low), high=number(high)),
        )  # fmt: skip
        steps = self._number(
            "steps", int, first, last,
            _("Write a whole number from {low} to {high}.").format(low=first, high=last),
        )  # fmt: skip
        if megapixels is None or steps is None:
            return None
        return ColoringOptions(megapixels, steps)

    def _number(
        self, field: str, parse: Callable[[str], N], low: float, high: float, wrong: str
    ) -> N | None:
        entry = self.query_one(f"#{field}", Input)
        try:
            value = parse(entry.value.strip().replace(",", "."))
        except ValueError:
            value = None
        is_right = value is not None and low <= value <= high
        self.query_one(f"#{field}-wrong", Static).update(Content("" if is_right else wrong))
        if not is_right:
            self.set_focus(entry)
            return None
        return value


class SvgDialog(_Dialog):
    """Asks for shape stacking and grouping.

    Args:
        before: What stands there at first; of another kind it is not taken.
    """

    def __init__(self, before: Options | None = None) -> None:
        super().__init__()
        self._before = before if isinstance(before, SvgOptions) else SvgOptions()

    def _title(self) -> str:
        return _("SVG with options")

    def fields(self) -> ComposeResult:
        """Two picks."""
        stackings, groupings = list(ShapeStacking), list(GroupBy)
        yield Static(Content(_("Shapes")))
        yield Pick(
            [_(choice.label) for choice in stackings],
            stackings.index(self._before.shape_stacking),
            id="stacking",
        )
        yield Static(Content(_("Grouping")))
        yield Pick(
            [_(choice.label) for choice in groupings],
            groupings.index(self._before.group_by),
            id="grouping",
        )

    def read(self) -> SvgOptions:
        """What is picked; nothing of it can be wrong."""
        return SvgOptions(
            list(ShapeStacking)[self.query_one("#stacking", Pick).place],
            list(GroupBy)[self.query_one("#grouping", Pick).place],
        )


_DIALOGS: dict[VersionType, Callable[[Options | None], _Dialog]] = {
    VersionType.COLORING: ColoringDialog,
    VersionType.SVG: SvgDialog,
}
