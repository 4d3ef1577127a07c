"""The screens of the first run: which way, one for each step, and what will be written."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import ClassVar

from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Horizontal, Vertical
from textual.content import Content
from textual.screen import Screen
from textual.widgets import Button, Input, Label, Static

from fototui.domain.errors import FototuiError
from fototui.domain.text import clean
from fototui.i18n import _, translate
from fototui.screens.setup.steps import STEPS, Checked, Known, SetupWork, Step
from fototui.ui.bindings import BETWEEN_FIELDS
from fototui.ui.workers import begin


class WelcomeScreen(Screen[None]):
    """Demo, connect, or leave.

    Args:
        path: Where the settings file is to be.
        work: Checks and writes.
        known: What is set already.
    """

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("d", "choose('demo')", show=False),
        Binding("c", "choose('connect')", show=False),
        Binding("escape,q", "choose('leave')", show=False),
        Binding("up", "app.focus_previous", show=False),
        Binding("down", "app.focus_next", show=False),
    ]

    def __init__(self, path: Path, work: SetupWork, known: Known) -> None:
        super().__init__()
        self._draft = Draft(path, work, known)

    def compose(self) -> ComposeResult:
        """Three ways."""
        with Vertical(classes="card"):
            yield Static(Content.styled("fototui", "bold $accent"))
            yield Static(Content(_("Nothing is configured yet. What would you like?")))
            yield Button(Content(_("Try the demo: everything on this machine")), id="demo")
            yield Button(Content(_("Connect a shop: step by step")), id="connect")
            yield Button(Content(_("Leave")), id="leave")

    def on_button_pressed(self, event: Button.Pressed) -> None:
        """Go that way."""
        self.action_choose(event.button.id or "leave")

    def action_choose(self, way: str) -> None:
        """Go a way by key."""
        if way == "connect":
            self.app.push_screen(StepScreen(self._draft, 0))
        else:
            self.app.exit(way)


@dataclass(slots=True)
class Draft:
    """What was filled in so far.

    Args:
        path: Where the settings file is to be.
        work: Checks and writes.
        known: What is set already.
        values: What was filled in, by the settings' names.
        checked: What the checks of the steps found, by service.
    """

    path: Path
    work: SetupWork
    known: Known
    values: dict[str, str] = field(default_factory=dict)
    checked: dict[str, Checked] = field(default_factory=dict)

    def sign(self, step: Step, *, is_here: bool) -> str:
        """How far a step is, in one sign."""
        found = self.checked.get(step.service)
        if is_here:
            return "▸"
        if found is None:
            return "·"
        return {True: "✓", False: "✗", None: "–"}[found.ok]


class _WorkingScreen(Screen[None]):
    """A screen that has one thing done at a time, and shows what came of it."""

    def _start(self, work: Callable[[], Awaitable[None]]) -> None:
        """Have something done; another that is under way is given up."""

        async def run() -> None:
            try:
                await work()
            except FototuiError as error:
                self._show(translate(error), ok=False)

        begin(self, run, exclusive=True)

    def _show(self, words: str, *, ok: bool | None = None) -> None:
        style = {None: "$text-muted", True: "bold", False: "$error"}[ok]
        self.query_one("#found", Static).update(Content.styled(clean(words), style))


class StepScreen(_WorkingScreen):
    """Asks for one part of the shop, and goes on when it works.

    Args:
        draft: What was filled in so far.
        number: Which step, from 0.
    """

    AUTO_FOCUS = "Input"
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("escape", "app.pop_screen", show=False),
        *BETWEEN_FIELDS,
        Binding("ctrl+t", "check", show=False),
        Binding("ctrl+n", "skip", show=False),
    ]

    def __init__(self, draft: Draft, number: int) -> None:
        super().__init__()
        self._draft = draft
        self._number = number
        self._step = STEPS[number]

    def compose(self) -> ComposeResult:
        """Where one is, what is asked for, what was found, and the ways on."""
        step = self._step
        steps = "  ".join(
            f"{self._draft.sign(other, is_here=other is step)} {_(other.title)}" for other in STEPS
        )
        with Vertical(classes="card wide"):
            yield Static(Content.styled(steps, "$text-muted"))
            yield Static(
                Content.assemble((_(step.title), "bold $accent"), "\n", Content(_(step.why)))
            )
            for each in step.fields:
                with Horizontal(classes="field"):
                    yield Label(Content(_(each.label)))
                    yield Input(
                        self._draft.values.get(each.name, self._draft.known.shown.get(each.name)),
                        placeholder=_("is set; empty keeps it")
                        if each.name in self._draft.known.secrets
                        else each.hint,
                        password=each.secret,
                        compact=True,
                        id=each.name,
                    )
            yield Static("", id="found")
            with Horizontal(classes="buttons"):
                yield Button(Content(_("Check and go on")), id="check", variant="primary")
                if step.service == "database":
                    yield Button(Content(_("Make the tables now")), id="tables", disabled=True)
                if not step.required:
                    yield Button(Content(_("Skip (^n)")), id="skip")
                yield Button(Content(_("Back (esc)")), id="back")

    def on_input_submitted(self, event: Input.Submitted) -> None:
        """Go to the next field, and from the last one on."""
        if event.input.id == self._step.fields[-1].name or not event.value:
            self.action_check()
        else:
            self.focus_next(Input)

    def on_button_pressed(self, event: Button.Pressed) -> None:
        """Do what the button says."""
        match event.button.id:
            case "check":
                self.action_check()
            case "tables":
                self._start(self._make_tables)
            case "skip":
                self.action_skip()
            case _:
                self.app.pop_screen()

    def action_check(self) -> None:
        """Try what was filled in, and go on if it works."""
        self._start(self._check)

    def action_skip(self) -> None:
        """Go on without this part."""
        if self._step.required:
            self._show(_("Nothing works without this."), ok=False)
            return
        for each in self._step.fields:
            self._draft.values.pop(each.name, None)
        self._draft.checked[self._step.service] = Checked(None, _("left out"))
        self._go_on()

    async def _check(self) -> None:
        draft, step = self._draft, self._step
        for each in step.fields:
            value = self.query_one(f"#{each.name}", Input).value.strip()
            draft.values.pop(each.name, None)
            if value and value != draft.known.shown.get(each.name):
                draft.values[each.name] = value
        self._show(_("Checking…"))
        found = await draft.work.check(step.service, draft.values)
        draft.checked[step.service] = found
        if found.ok:
            self._go_on()
            return
        if found.ok is None:
            self._show(
                _("Fill this in first.") if step.required else _("Fill this in, or skip it (^n)."),
                ok=False,
            )
            return
        self._show(found.words, ok=False)
        if step.service == "database":
            button = self.query_one("#tables", Button)
            button.disabled = not found.needs_tables
            if found.needs_tables:
                self.set_focus(button)

    async def _make_tables(self) -> None:
        self._show(_("Making the tables…"))
        await self._draft.work.make_tables(self._draft.values)
        await self._check()

    def _go_on(self) -> None:
        self._show("")
        last = self._number + 1 == len(STEPS)
        self.app.push_screen(
            SummaryScreen(self._draft) if last else StepScreen(self._draft, self._number + 1)
        )


class SummaryScreen(_WorkingScreen):
    """What works, and the last word before it is written.

    Args:
        draft: What was filled in.
    """

    AUTO_FOCUS = "#save"  # Enter saves.
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("escape", "app.pop_screen", show=False),
        Binding("ctrl+s", "save", show=False),
    ]

    def __init__(self, draft: Draft) -> None:
        super().__init__()
        self._draft = draft

    def compose(self) -> ComposeResult:
        """A line for each step."""
        with Vertical(classes="card wide"):
            yield Static(Content.styled(_("All set"), "bold $accent"))
            for step in STEPS:
                found = self._draft.checked[step.service]
                sign = self._draft.sign(step, is_here=False)
                yield Label(Content(clean(f"{sign} {_(step.title)}: {found.words}")))
            yield Static("", id="found")
            written = _("The settings are written to {path}, readable by you alone.")
            yield Static(Content(written.format(path=self._draft.path)))
            with Horizontal(classes="buttons"):
                yield Button(Content(_("Save and open")), id="save", variant="primary")
                yield Button(Content(_("Back (esc)")), id="back")

    def on_button_pressed(self, event: Button.Pressed) -> None:
        """Do what the button says."""
        if event.button.id == "save":
            self.action_save()
        else:
            self.app.pop_screen()

    def action_save(self) -> None:
        """Write the file, and open the app."""
        self._start(self._save)

    async def _save(self) -> None:
        await self._draft.work.save(self._draft.values)
        self.app.exit("connect")
