"""The commands, each imported only when it is run.

What is listed and completed is known here, so that `fototui --help` imports none of them.
"""

from collections.abc import Callable
from dataclasses import dataclass
from importlib import import_module
from typing import Any

import typer
from typer.core import TyperCommand, TyperGroup, TyperOption

from fototui.cli.mistakes import told_in_language
from fototui.cli.spoken import SpokenCommand, SpokenGroup


@dataclass(frozen=True, slots=True)
class Command:
    """A command, or a group of them.

    Args:
        where: Its module in this folder, and its name there.
        help: What the list of commands says of it, which is the first paragraph of its own help.
    """

    where: str
    help: str

    def load(self, name: str) -> TyperCommand | TyperGroup:
        """Import it.

        Args:
            name: What it is called.
        """
        module, _, attribute = self.where.partition(":")
        found: typer.Typer | Callable[..., object] = getattr(
            import_module(f"fototui.cli.{module}"), attribute
        )
        if isinstance(found, typer.Typer):
            found.rich_markup_mode = None
            found.info.cls = SpokenGroup
            for info in found.registered_commands:
                info.cls = SpokenCommand
            group = typer.main.get_group(found)
            for command in group.commands.values():
                # Its first paragraph, which would otherwise be cut off at the end of the line.
                command.short_help = " ".join((command.help or "").split("\n\n")[0].split())
            return group
        alone = typer.Typer(add_completion=False, rich_markup_mode=None)
        alone.command(name, cls=SpokenCommand)(found)
        single = typer.main.get_command(alone)
        assert isinstance(single, TyperCommand)
        return single


COMMANDS = {
    "engine": Command(
        "engine:engine", "Run jobs until stopped; several engines on one database share the work."
    ),
    "serve": Command(
        "serve:serve", "Take webhooks and API calls, import orders and run jobs, until stopped."
    ),
    "hub": Command(
        "hub:hub", "Run a Mercure hub for one machine, with the keys MERCURE_*_JWT_KEY."
    ),
    "sandbox": Command(
        "sandbox:sandbox", "Play RunPod, Vectorizer.ai and Shopify on this machine."
    ),
    "doctor": Command(
        "doctor:doctor",
        "Check each configured service and say what to do about those that do not work.",
    ),
    "demo": Command(
        "demo:demo",
        "Start everything on this machine: on a terminal the app opens, else the main job runs.",
    ),
    "orders": Command("orders:app", "Make and import orders, list them, look at one."),
    "coloring": Command("versions:coloring", "Make colourings."),
    "svg": Command("versions:svg", "Make SVGs."),
    "versions": Command("versions:versions", "Look at versions, choose, retry, cancel."),
    "books": Command("books:app", "Make and save print-ready books."),
    "export": Command(
        "export:export",
        "Save the books of orders, with their pictures and a manifest, for a print shop.",
    ),
    "costs": Command(
        "costs:costs", "Tell what RunPod and Vectorizer.ai were paid, and how much of it in vain."
    ),
    "activity": Command("activity:activity", "Tell who did what when, newest first."),
    "logs": Command(
        "logs:logs",
        "Print the last lines of the app's log; commands and servers log to their own terminal.",
    ),
    "lanes": Command("lanes:app", "See what waits and runs; pause and resume."),
    "db": Command(
        "database:app", "Bring the database's schema up to date, look where it stands, copy it."
    ),
    "config": Command("configuration:app", "Where settings come from, and what they are."),
    "token": Command("token:app", "Make, list and revoke keys to the HTTP API."),
}
"""By name, in the order in which they are listed."""


class _Option(TyperOption):
    """An option that looks at what is given only: what checks it takes as long as all the rest."""

    def process_value(  # type: ignore[override]  # as below
        self, ctx: typer.Context, value: object
    ) -> object:
        """Check a value."""
        return None if value is None else super().process_value(ctx, value)


class Commands(SpokenGroup):
    """The group of all commands: it lists them without them, and imports the one that is run."""

    def __init__(self, **settings: Any) -> None:  # Any: it is typer that calls it
        super().__init__(**settings)
        for name, command in COMMANDS.items():
            self.add_command(TyperCommand(name, short_help=command.help))

    def get_params(self, ctx: Any) -> Any:  # Any: as above
        """All options, those of the library's own too."""
        parameters = super().get_params(ctx)
        for parameter in parameters:
            if isinstance(parameter, TyperOption):
                parameter.__class__ = _Option
        return parameters

    def make_context(self, *given: Any, **settings: Any) -> Any:  # Any: as above
        """Read the options; what is wrong with them is told in the operator's language."""
        with told_in_language():
            return super().make_context(*given, **settings)

    def invoke(self, ctx: Any) -> Any:  # Any: as above
        """Run a command; what is wrong with its options is told likewise."""
        with told_in_language():
            return super().invoke(ctx)

    def resolve_command(  # type: ignore[override]  # the library's own context is in a private module
        self, ctx: typer.Context, args: list[str]
    ) -> tuple[str | None, TyperCommand | TyperGroup | None, list[str]]:
        """Import the command that the arguments name."""
        name, _, rest = super().resolve_command(ctx, args)
        return name, None if name is None else COMMANDS[name].load(name), rest
