"""`fototui db`: the schema, and copies of the whole database.

Alembic is imported by these commands alone; all others start without it.
"""

import sys
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, TypeVar

import typer

from fototui.cli.output import print_json
from fototui.cli.runner import confirmed, run, say, settings_for_command
from fototui.db.database import Database
from fototui.i18n import _, ngettext, number
from fototui.runtime.compose import open_database

if TYPE_CHECKING:
    from fototui.db.schema.state import Plan

T = TypeVar("T")

app = typer.Typer(
    help="Bring the database's schema up to date, look where it stands, copy it.",
    no_args_is_help=True,
)


def _with_database(work: Callable[[Database], Awaitable[T]]) -> T:
    from fototui.db.schema import migrate

    settings = settings_for_command()

    async def main() -> T:
        async with open_database(settings, statement_seconds=migrate.LONGEST_STATEMENT) as database:
            return await work(database)

    return run(main())


def _current() -> str | None:
    from fototui.db.schema import migrate

    return _with_database(lambda database: migrate.current(database.engine))


@app.command()
def upgrade(
    revision: Annotated[str, typer.Argument(help="Where to.")] = "head",
    dry_run: Annotated[
        bool, typer.Option("--dry-run", help="Only tell what would be done.")
    ] = False,
    yes: Annotated[bool, typer.Option("--yes", "-y", help="Do not ask.")] = False,
) -> None:
    """Bring the schema forward; safe to repeat, and to run from several terminals at once.

    All of it is done or nothing, also while other programs use the database. The orders are counted
    anew. A terminal is asked before an empty database is set up.
    """
    from fototui.db.schema import migrate

    plan = _with_database(lambda database: migrate.plan(database.engine, revision))
    if dry_run:
        _print(plan)
        return
    if plan.found is None and plan.steps and not yes and sys.stdin.isatty():
        say(_("The database is empty."))
        if not confirmed(_("Set it up for fototui?")):
            say(_("Nothing was changed."))
            raise typer.Exit(1)
    _with_database(lambda database: migrate.upgrade(database.engine, revision))
    _tell_revision(_current())
    _tell_held(plan)


def _print(plan: "Plan") -> None:
    _tell_revision(plan.found)
    if not plan.steps:
        say(_("There is nothing to do."))
    for revision, what in plan.steps:
        typer.echo(f"{revision}  {what}")
    if plan.choices:
        say(_("Choices that stay, as an operator's: {count}.").format(count=plan.choices))
    _tell_held(plan)


def _tell_held(plan: "Plan") -> None:
    held = [_counted(table, count) for table, count in plan.held.items() if count]
    if held:
        words = _(
            "Old unfinished jobs that wait until someone says yes: {jobs}. "
            "See: fototui lanes release --dry-run"
        )
        say(words.format(jobs=", ".join(held)))


def _counted(table: str, count: int) -> str:
    words = {
        "orders": ngettext("{count} order", "{count} orders", count),
        "coloring_versions": ngettext("{count} colouring", "{count} colourings", count),
        "svg_versions": ngettext("{count} SVG", "{count} SVGs", count),
    }
    return words[table].format(count=count)


def _tell_revision(revision: str | None) -> None:
    words = _("The database stands at revision {revision}.")
    say(words.format(revision=revision or "base"))


# "-1" is a revision, not an option.
@app.command(context_settings={"ignore_unknown_options": True})
def downgrade(
    revision: Annotated[str, typer.Argument(help="A revision, or -1 for the one before.")],
) -> None:
    """Take the schema back. What newer columns and tables hold is lost; the shop's own stay."""
    from fototui.db.schema import migrate

    _with_database(lambda database: migrate.downgrade(database.engine, revision))
    _tell_revision(_current())


@app.command()
def current(as_json: Annotated[bool, typer.Option("--json", help="Print JSON.")] = False) -> None:
    """Print the revision at which the database stands."""
    from fototui.db.schema import migrate

    revision = _current()
    if as_json:
        print_json({"revision": revision, "needed": migrate.head()})
    else:
        typer.echo(revision or "base")


@app.command()
def check() -> None:
    """Fail unless the database's schema is what this program's models need."""
    from fototui.db.schema import migrate

    _with_database(lambda database: migrate.check(database.engine))
    say(_("Models and schema agree."))


@app.command()
def backup(
    file: Annotated[Path, typer.Argument(help="A new file.", dir_okay=False)],
) -> None:
    """Copy the whole database into a file, by pg_dump, and read the copy through."""
    from fototui.db.schema import backup as copies
    from fototui.db.schema import migrate

    async def work(database: Database) -> copies.Backup:
        await migrate.is_empty(database.engine)  # it answers, and holds a shop
        server = await migrate.server_version(database.engine)
        return await copies.back_up(database.url, file, server=server)

    made = _with_database(work)
    words = _("{file}: {size} MB, rows of {count} tables, read through.")
    size = number(round(made.size / 1e6, 1))
    say(words.format(file=made.file, size=size, count=len(made.tables)))


@app.command()
def restore(
    file: Annotated[Path, typer.Argument(help="A file of `fototui db backup`.", exists=True)],
) -> None:
    """Write a copy into an empty database, by pg_restore; all of it or nothing."""
    from fototui.db.schema import backup as copies
    from fototui.db.schema import migrate
    from fototui.domain.errors import ConflictError

    async def work(database: Database) -> str | None:
        if not await migrate.is_empty(database.engine):
            raise ConflictError(
                "The database at {address} holds a shop already. Name an empty one in "
                "DATABASE_URL, and nothing is written over.",
                address=database.address,
            )
        server = await migrate.server_version(database.engine)
        await copies.restore(database.url, file, server=server)
        return await migrate.current(database.engine)

    revision = _with_database(work)
    say(_("{file} is restored.").format(file=file))
    _tell_revision(revision)
