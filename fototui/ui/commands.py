"""What keys do: a table of commands for each screen, by the ids of the registry's actions."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from typing import TypeVar

from textual.app import App
from textual.css.query import NoMatches

from fototui.domain.errors import FototuiError, InProgressError
from fototui.i18n import _, translate
from fototui.services.backend import ReadOnlyError
from fototui.ui.actions import ACTIONS, Scope, in_scope
from fototui.ui.workers import begin

T = TypeVar("T")

COMMANDS = "commands"
"""The group of the workers that do what keys asked for."""


def always() -> None:
    """Nothing is ever against it, or to be said beside the registry's words."""


@dataclass(frozen=True, slots=True)
class Command:
    """What an action does on a screen.

    Args:
        run: Does it, or begins to (`perform`); what it returns is of no interest.
        unavailable: Why it cannot be done now, as a translated sentence; None where it can.
        label: What the footer calls it now, translated; None for the registry's own word.
        tooltip: What the help says of it now, translated; None for the registry's own words.
    """

    run: Callable[[], object]
    unavailable: Callable[[], str | None] = always
    label: Callable[[], str | None] = always
    tooltip: Callable[[], str | None] = always


class CommandTable:
    """The commands of a screen, or of the app itself.

    Args:
        scope: Whose they are.
        commands: One for each action of that scope, by the action's id.
        read_only: Actions that change something are refused.

    Raises:
        ValueError: An action has no command, or the other way round.
    """

    def __init__(self, scope: Scope, commands: Mapping[str, Command], *, read_only: bool) -> None:
        actions = {action.id for action in in_scope(scope)}
        if unmatched := actions ^ commands.keys():
            raise ValueError(f"the registry and the screen do not agree on {sorted(unmatched)}")
        self._commands = commands
        self._read_only = read_only

    def reason_against(self, action_id: str) -> str | None:
        """Why an action cannot be done now.

        Args:
            action_id: Of this scope or another, of which only the read-only mode is known.

        Returns:
            A translated sentence; None where it can be done.
        """
        if self._read_only and ACTIONS[action_id].changes:
            return _("This terminal is read-only.")
        command = self._commands.get(action_id)
        return None if command is None else command.unavailable()

    def label(self, action_id: str) -> str:
        """What the footer calls an action now; translated."""
        command = self._commands.get(action_id)
        return (command and command.label()) or _(ACTIONS[action_id].label)

    def tooltip(self, action_id: str) -> str:
        """What the help says of an action now; translated."""
        command = self._commands.get(action_id)
        return (command and command.tooltip()) or _(ACTIONS[action_id].tooltip)

    def run(self, action_id: str) -> str | None:
        """Do what a key, the palette or the mouse asks for.

        Args:
            action_id: The action.

        Returns:
            Why it was not done; None where it was.
        """
        if reason := self.reason_against(action_id):
            return reason
        self._commands[action_id].run()
        return None


def perform(
    app: App[object],
    work: Callable[[], Awaitable[T]],
    then: Callable[[T], str | None] | None = None,
    *,
    can_paint: Callable[[], bool] = lambda: True,
) -> None:
    """Do something that takes a while; its failure is told, with what to do.

    The work is the app's, and so goes on when the screen that asked for it is left.

    Args:
        app: The app.
        work: The work.
        then: Takes its result; what it returns is told.
        can_paint: Whether the screen that asked for it is still there to be painted on.
    """

    async def run() -> None:
        try:
            result = await work()
        except ReadOnlyError:
            app.notify(_("This terminal is read-only."), severity="warning")
        except InProgressError as error:
            app.notify(translate(error), severity="warning")
        except FototuiError as error:
            app.notify(translate(error), severity="error")
        except NoMatches:
            if can_paint():
                raise
        else:
            if then is not None and (words := then(result)):
                app.notify(words)

    begin(app, run, group=COMMANDS)
