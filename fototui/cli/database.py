"""`fototui db`: the schema.

Alembic is imported by these commands alone; all others start without it.
"""

from collections.abc import Awaitable, Callable
from typing import Annotated, TypeVar

import typer
from sqlalchemy.ext.asyncio import AsyncEngine

from fototui.cli.output import print_json
from fototui.cli.runner import run, say, settings_for_command
from fototui.runtime.compose import open_database

T = TypeVar("T")

app = typer.Typer(
    help="Bring the database's schema up to date, or look where it stands.", no_args_is_help=True
)


def _with_engine(work: Callable[[AsyncEngine], Awaitable[T]]) -> T:
    from fototui.db.schema import migrate

    settings = settings_for_command()

    async def main() -> T:
        async with open_database(settings, statement_seconds=migrate.LONGEST_STATEMENT) as database:
            return await work(database.engine)

    return run(main())


@app.command()
def upgrade(revision: Annotated[str, typer.Argument(help="Where to.")] = "head") -> None:
    """Bring the schema forward; safe to repeat, and to run from several terminals at once."""
    from fototui.db.schema import migrate

    _with_engine(lambda engine: migrate.upgrade(engine, revision))
    say(f"The database stands at revision {_with_engine(migrate.current)}.")


@app.command()
def downgrade(revision: Annotated[str, typer.Argument(help="A revision, -1, or base.")]) -> None:
    """Take the schema back. What newer columns and tables hold is lost."""
    from fototui.db.schema import migrate

    _with_engine(lambda engine: migrate.downgrade(engine, revision))
    say(f"The database stands at revision {_with_engine(migrate.current) or 'base'}.")


@app.command()
def current(as_json: Annotated[bool, typer.Option("--json", help="Print JSON.")] = False) -> None:
    """Print the revision at which the database stands."""
    from fototui.db.schema import migrate

    revision = _with_engine(migrate.current)
    if as_json:
        print_json({"revision": revision, "needed": migrate.head()})
    else:
        typer.echo(revision or "base")


@app.command()
def check() -> None:
    """Fail unless the database's schema is exactly what this program's models need."""
    from fototui.db.schema import migrate

    _with_engine(migrate.check)
    say("Models and schema agree.")
