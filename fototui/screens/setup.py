"""The first run: try the demo, or say where the shop's parts are, with a check of each."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import ClassVar

from textual.app import App, ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Horizontal, Vertical, VerticalScroll
from textual.content import Content
from textual.screen import Screen
from textual.widgets import Button, Input, Label, Static

from fototui.config.file import as_toml, write_private
from fototui.domain.errors import ConfigurationError
from fototui.domain.text import clean
from fototui.i18n import N_, _, translate
from fototui.ui.theme import THEMES


@dataclass(frozen=True, slots=True)
class Field:
    """One setting that is asked for.

    Args:
        name: Its name, as the settings file has it.
        label: What it is called.
        hint: What it looks like.
        secret: It is not shown while it is typed.
    """

    name: str
    label: str
    hint: str = ""
    secret: bool = False


_FIELDS = (
    Field("database_url", N_("Database"), "postgresql://user:password@host/database", secret=True),
    Field("mercure_url", N_("Hub"), "https://hub.example.com/.well-known/mercure"),
    Field("mercure_publisher_jwt_key", N_("Hub's publisher key"), secret=True),
    Field("mercure_subscriber_jwt_key", N_("Hub's subscriber key"), secret=True),
    Field("storage_path", N_("Folder for files"), "/srv/fototui/files"),
    Field("s3_bucket", N_("or S3 bucket")),
    Field("s3_endpoint", N_("S3 endpoint"), "https://…"),
    Field("s3_access_key_id", N_("S3 access key")),
    Field("s3_secret_access_key", N_("S3 secret key"), secret=True),
)


@dataclass(frozen=True, slots=True)
class Checked:
    """What a check found.

    Args:
        ok: All that was filled in works.
        words: A line for each service.
    """

    ok: bool
    words: str


Check = Callable[[Mapping[str, str]], Awaitable[Checked]]
"""Tries the settings that were filled in."""


class WelcomeScreen(Screen[None]):
    """Demo, connect, or leave."""

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("d", "choose('demo')", show=False),
        Binding("c", "choose('connect')", show=False),
        Binding("escape,q", "choose('leave')", show=False),
        Binding("up", "app.focus_previous", show=False),
        Binding("down", "app.focus_next", show=False),
    ]

    def compose(self) -> ComposeResult:
        """Three ways."""
        with Vertical(classes="card"):
            yield Static(Content.styled("fototui", "bold $accent"))
            yield Static(Content(_("Nothing is configured yet. What would you like?")))
            yield Button(Content(_("Try the demo: everything on this machine")), id="demo")
            yield Button(Content(_("Connect to a shop: database, hub, files")), id="connect")
            yield Button(Content(_("Leave")), id="leave")

    def on_button_pressed(self, event: Button.Pressed) -> None:
        """Go that way."""
        self.action_choose(event.button.id or "leave")

    def action_choose(self, way: str) -> None:
        """Go a way by key."""
        if way == "connect":
            self.app.push_screen(ConnectScreen())
        else:
            self.app.exit(way)


class ConnectScreen(Screen[None]):
    """Asks where the shop's parts are, checks them, and writes the settings file."""

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("escape", "app.pop_screen", show=False),
        Binding("ctrl+t", "check", show=False),
        Binding("ctrl+s", "save", show=False),
    ]

    def compose(self) -> ComposeResult:
        """Fields and buttons."""
        with VerticalScroll(classes="card wide"):
            yield Static(Content.styled(_("Connect to a shop"), "bold $accent"))
            yield Static(
                Content(_("Only the database is required; leave empty what you do not have."))
            )
            for field in _FIELDS:
                yield Label(Content(_(field.label)))
                yield Input(placeholder=field.hint, password=field.secret, id=field.name)
            yield Static("", id="found")
            with Horizontal():
                yield Button(Content(_("Check")), id="check", variant="primary")
                yield Button(Content(_("Save and start")), id="save")
                yield Button(Content(_("Back")), id="back")

    def values(self) -> dict[str, str]:
        """What was filled in."""
        inputs = {field.name: self.query_one(f"#{field.name}", Input) for field in _FIELDS}
        return {name: i.value.strip() for name, i in inputs.items() if i.value.strip()}

    def on_button_pressed(self, event: Button.Pressed) -> None:
        """Do what the button says."""
        match event.button.id:
            case "check":
                self.action_check()
            case "save":
                self.action_save()
            case _:
                self.app.pop_screen()

    def action_check(self) -> None:
        """Try what was filled in."""
        self.run_worker(self._check(), exclusive=True)

    def action_save(self) -> None:
        """Check, write the file, and start."""
        self.run_worker(self._save(), exclusive=True)

    async def _check(self) -> bool:
        self._show(_("Checking…"))
        app = self.app
        assert isinstance(app, SetupApp)
        try:
            checked = await app.check(self.values())
        except ConfigurationError as error:
            self._show(translate(error), ok=False)
            return False
        self._show(checked.words, ok=checked.ok)
        return checked.ok

    async def _save(self) -> None:
        app = self.app
        assert isinstance(app, SetupApp)
        if not await self._check():
            return
        try:
            write_private(app.path, as_toml(self.values()))
        except ConfigurationError as error:
            self._show(translate(error), ok=False)
            return
        app.exit("connect")

    def _show(self, words: str, *, ok: bool | None = None) -> None:
        style = {None: "$text-muted", True: "$success", False: "$error"}[ok]
        self.query_one("#found", Static).update(Content.styled(clean(words), style))


class SetupApp(App[str]):
    """The first run; ends with "demo", "connect" or "leave".

    Args:
        path: Where the settings file is to be.
        check: Tries settings.
    """

    TITLE = "fototui"
    CSS = """
    Screen { align: center middle; }
    .card { width: 64; height: auto; padding: 1 2; border: round $accent; }
    .card.wide { width: 90%; max-width: 90; height: 90%; scrollbar-size-vertical: 1; }
    .card Static { margin-bottom: 1; }
    .card Label { margin-bottom: 0; }
    .card > Button { width: 100%; margin-bottom: 1; }
    .card Horizontal { height: auto; }
    .card Horizontal Button { margin-right: 2; }
    """

    def __init__(self, path: Path, check: Check) -> None:
        super().__init__()
        self.path = path
        self.check = check
        for theme in THEMES:
            self.register_theme(theme)
        self.theme = THEMES[0].name

    def on_mount(self) -> None:
        """Begin."""
        self.push_screen(WelcomeScreen())
