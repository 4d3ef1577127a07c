"""Dialogs that ask with what options a version is to be made."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import ClassVar, TypeVar

from textual.app import App, ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Horizontal, Vertical
from textual.content import Content
from textual.events import Click
from textual.geometry import Size
from textual.message import Message
from textual.reactive import reactive
from textual.screen import ModalScreen
from textual.widget import Widget
from textual.widgets import Button, Input, Static

from fototui.domain.costs import Prices
from fototui.domain.errors import FototuiError
from fototui.domain.options import (
    MEGAPIXELS_RANGE,
    STEPS_RANGE,
    ColoringOptions,
    GroupBy,
    Preset,
    ShapeStacking,
    SvgOptions,
    presets_beside,
    svg_presets_beside,
)
from fototui.domain.statuses import VersionType
from fototui.domain.text import clean_line
from fototui.i18n import _, number
from fototui.screens.dialogs import BREAKPOINTS
from fototui.services.versions.lately import Known, LatelyService, Options
from fototui.ui.bindings import BETWEEN_FIELDS
from fototui.ui.context import AppContext
from fototui.widgets.badges import MUTED
from fototui.widgets.preset_line import PresetLine, taken_words

N = TypeVar("N", int, float)


@dataclass(frozen=True, slots=True)
class Offer:
    """What a dialog offers and tells beside its fields.

    Args:
        known: What options took lately, and what is wrong with the picture.
        presets: The shop's own presets beside some options.
        prices: What outside services charge.
    """

    known: Known = field(default_factory=Known)
    presets: Callable[[ColoringOptions], Sequence[Preset]] = lambda _before: ()
    prices: Prices = field(default_factory=Prices)


async def ask_options(
    app: App[object],
    context: AppContext,
    kind: VersionType,
    image_id: int,
    before: Options | None = None,
) -> Options | None:
    """Ask with what options a version is to be made; to be called in a worker.

    Args:
        app: The app.
        context: Its parts.
        kind: Colouring or SVG.
        image_id: The picture.
        before: What stands there at first; the defaults where not given or of the other kind.

    Returns:
        The options; None where the operator thinks better of it.
    """
    try:
        async with context.backend.autocommit(LatelyService) as lately:
            known = await lately.known(kind, image_id)
    except FototuiError:
        known = Known()  # one may choose without; what is then asked for tells of the failure
    offer = Offer(known, context.settings.presets, context.settings.prices)
    answer: Options | None = await app.push_screen_wait(_DIALOGS[kind](before, offer))
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

    class Changed(Message):
        """Another word is picked."""

    place: reactive[int] = reactive(0, layout=True)

    def watch_place(self) -> None:
        """Tell of it."""
        self.post_message(self.Changed())

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
    _Dialog .title { margin-bottom: 1; }
    _Dialog Input { width: 24; }
    _Dialog .wrong { color: $error; width: 30; height: 2; }
    _Dialog Horizontal, _Dialog .field { width: auto; height: auto; }
    _Dialog .field { margin-right: 2; }
    _Dialog .note { color: $warning; max-width: 64; margin-bottom: 1; }
    _Dialog .presets { width: 64; height: auto; margin-bottom: 1; }
    _Dialog .lately { color: $text-muted; max-width: 64; margin-bottom: 1; }
    _Dialog Button { margin-right: 2; }
    _Dialog.-narrow > Vertical { width: 100%; max-width: 100%; padding: 0 1; }
    _Dialog.-narrow .title, _Dialog.-narrow .presets { width: 100%; }
    _Dialog.-narrow .wrong { width: 24; }
    """
    HORIZONTAL_BREAKPOINTS = BREAKPOINTS
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("escape", "leave", show=False),
        Binding("enter", "make", show=False),
        *BETWEEN_FIELDS,
    ]

    def __init__(self, offer: Offer) -> None:
        super().__init__()
        self.offer = offer

    def compose(self) -> ComposeResult:
        """Title, note, fields, buttons."""
        with Vertical():
            hint = _("↑ goes to the presets, enter makes it")
            title = Content.assemble((self._title(), "bold"), (f"  {hint}", MUTED))
            yield Static(title, classes="title")
            if self.offer.known.note:
                note = clean_line(self.offer.known.note, limit=200)
                yield Static(Content(_("Note: {note}").format(note=note)), classes="note")
            with Vertical(classes="presets"):
                for preset in self.presets():
                    taken = self.offer.known.lately.get(preset.options)
                    yield PresetLine(preset, taken, self.offer.prices)
            yield from self.fields()
            with Horizontal():
                yield Button(Content(_("Create")), id="make", variant="primary")
                yield Button(Content(_("Cancel")), id="leave")

    def _title(self) -> str:
        raise NotImplementedError

    def presets(self) -> Sequence[Preset]:
        """What is offered by a name."""
        raise NotImplementedError

    def fields(self) -> ComposeResult:
        """What is asked."""
        raise NotImplementedError

    def read(self) -> Options | None:
        """What the fields say; None where one is wrong, which is said under it."""
        raise NotImplementedError

    def action_make(self) -> None:
        """Answer by the preset that has the focus, or by the fields if all of them are right."""
        focused = self.focused
        options = focused.preset.options if isinstance(focused, PresetLine) else self.read()
        if options is not None:
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

    AUTO_FOCUS = "#megapixels"

    def __init__(self, before: Options | None = None, offer: Offer | None = None) -> None:
        super().__init__(offer or Offer())
        self._before = before if isinstance(before, ColoringOptions) else ColoringOptions()

    def _title(self) -> str:
        return _("Colouring with options")

    def presets(self) -> Sequence[Preset]:
        """The program's, and the shop's own."""
        return (*presets_beside(self._before), *self.offer.presets(self._before))

    def fields(self) -> ComposeResult:
        """Two numbers."""
        low, high = MEGAPIXELS_RANGE
        first, last = STEPS_RANGE
        with Horizontal():
            with Vertical(classes="field"):
                words = _("Megapixels, {low} to {high}")
                yield Static(Content(words.format(low=number(low), high=number(high))))
                yield Input(number(self._before.megapixels), id="megapixels")
                yield Static(id="megapixels-wrong", classes="wrong")
            with Vertical(classes="field"):
                yield Static(Content(_("Steps, {low} to {high}").format(low=first, high=last)))
                yield Input(str(self._before.steps), id="steps")
                yield Static(id="steps-wrong", classes="wrong")

    def on_preset_line_picked(self, event: PresetLine.Picked) -> None:
        """Put a preset into the fields, to be looked at or changed."""
        assert isinstance(event.options, ColoringOptions)
        self.query_one("#megapixels", Input).value = number(event.options.megapixels)
        self.query_one("#steps", Input).value = str(event.options.steps)

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

    AUTO_FOCUS = "#stacking"

    def __init__(self, before: Options | None = None, offer: Offer | None = None) -> None:
        super().__init__(offer or Offer())
        self._before = before if isinstance(before, SvgOptions) else SvgOptions()

    def _title(self) -> str:
        return _("SVG with options")

    def presets(self) -> Sequence[Preset]:
        """What an SVG may be for."""
        return svg_presets_beside(self._before)

    def fields(self) -> ComposeResult:
        """Two picks."""
        stackings, groupings = list(ShapeStacking), list(GroupBy)
        yield Static(Content(_("Shapes: how they lie on each other")))
        yield Pick(
            [_(choice.label) for choice in stackings],
            stackings.index(self._before.shape_stacking),
            id="stacking",
        )
        yield Static(Content(_("Grouping: what belongs together in the file")))
        yield Pick(
            [_(choice.label) for choice in groupings],
            groupings.index(self._before.group_by),
            id="grouping",
        )
        yield Static(id="lately", classes="lately")

    def on_preset_line_picked(self, event: PresetLine.Picked) -> None:
        """Put a preset into the fields, to be looked at or changed."""
        assert isinstance(event.options, SvgOptions)
        stacking, grouping = event.options.shape_stacking, event.options.group_by
        self.query_one("#stacking", Pick).place = list(ShapeStacking).index(stacking)
        self.query_one("#grouping", Pick).place = list(GroupBy).index(grouping)

    def on_mount(self) -> None:
        """Tell what the options took that stand there at first."""
        self.on_pick_changed()

    def on_pick_changed(self) -> None:
        """Tell what these options took lately."""
        taken = self.offer.known.lately.get(self.read())
        words = taken_words(taken, self.offer.prices)
        self.query_one("#lately", Static).update(Content(words[:1].upper() + words[1:]))

    def read(self) -> SvgOptions:
        """What is picked; nothing of it can be wrong."""
        return SvgOptions(
            list(ShapeStacking)[self.query_one("#stacking", Pick).place],
            list(GroupBy)[self.query_one("#grouping", Pick).place],
        )


_DIALOGS: dict[VersionType, Callable[[Options | None, Offer], _Dialog]] = {
    VersionType.COLORING: ColoringDialog,
    VersionType.SVG: SvgDialog,
}
