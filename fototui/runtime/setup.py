"""What the first run does: it checks one service at a time, makes tables, writes the settings."""

from collections.abc import Mapping
from pathlib import Path

from pydantic import SecretStr

from fototui.config.file import update_private
from fototui.config.settings import Settings, load_settings
from fototui.db.errors import SchemaError
from fototui.i18n import translate
from fototui.runtime.checks import examine
from fototui.runtime.compose import open_database
from fototui.screens.setup.steps import STEPS, Checked, Known


class FirstRun:
    """The work of the first run.

    Args:
        path: Where the settings file is to be.
    """

    def __init__(self, path: Path) -> None:
        self._path = path

    async def check(self, service: str, values: Mapping[str, str]) -> Checked:
        """Try one service with what was filled in; see `SetupWork`."""
        settings = load_settings(**values)
        (finding,) = await examine(settings, only=service)
        needs_tables = service == "database" and finding.code == SchemaError.code
        if needs_tables:
            needs_tables = await _can_be_set_up(settings)
        return Checked(finding.ok, translate(finding.detail), needs_tables=needs_tables)

    async def make_tables(self, values: Mapping[str, str]) -> None:
        """Bring the database's tables to what the program needs; see `SetupWork`."""
        from fototui.db.schema import migrate

        seconds = migrate.LONGEST_STATEMENT
        async with open_database(load_settings(**values), statement_seconds=seconds) as database:
            await migrate.upgrade(database.engine)

    async def save(self, values: Mapping[str, str]) -> None:
        """Write the settings file; see `SetupWork`."""
        update_private(self._path, values)


async def _can_be_set_up(settings: Settings) -> bool:
    from fototui.db.schema import migrate

    async with open_database(settings) as database:
        try:
            return bool((await migrate.plan(database.engine)).steps)
        except SchemaError:  # another program's, or newer than this one
            return False


def known(settings: Settings) -> Known:
    """What is set already, of that which the first run asks for."""
    shown: dict[str, str] = {}
    secrets: set[str] = set()
    for each in (each for step in STEPS for each in step.fields):
        value = getattr(settings, each.name)
        if isinstance(value, SecretStr):
            secrets.add(each.name)
        elif value is not None:
            shown[each.name] = str(value)
    return Known(shown, frozenset(secrets))
