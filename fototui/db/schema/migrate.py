"""Bring a database's schema to the revision that this program needs, and say where it stands."""

from collections.abc import Callable
from io import StringIO
from pathlib import Path
from typing import TypeVar

from alembic import command
from alembic.config import Config
from alembic.runtime.migration import MigrationContext
from alembic.script import ScriptDirectory
from alembic.script.revision import RevisionError
from alembic.util.exc import CommandError
from sqlalchemy import Connection, text
from sqlalchemy.ext.asyncio import AsyncEngine

import fototui
from fototui.db.errors import DatabaseError, SchemaError, SqlState
from fototui.db.schema import state
from fototui.db.schema.counts import mend_count, require_count
from fototui.db.schema.differences import differences
from fototui.db.schema.state import SHOP_REVISIONS, Plan

T = TypeVar("T")

LONGEST_STATEMENT = 900.0
"""Seconds that one statement of a migration may take.

A `Database` gives statements up sooner; one that is to migrate large tables is made with
`statement_seconds=LONGEST_STATEMENT`.
"""

# While a migration waits for a table, all who come after it wait too.
_LOCK_SECONDS = 10
# Two terminals that start at once must not migrate at once. Any number serves.
_ADVISORY_LOCK = 0x666F746F  # "foto"
_BUSY = (SqlState.LOCK_NOT_AVAILABLE, SqlState.DEADLOCK_DETECTED)


def _script_location() -> Path:
    """Where migrations are: inside an installed wheel, or at the top of a checkout."""
    package = Path(fototui.__file__).parent
    shipped = package / "migrations"
    return shipped if shipped.is_dir() else package.parent / "migrations"


def _config(connection: Connection | None = None) -> Config:
    config = Config(stdout=StringIO())  # it would report to the terminal by itself
    config.set_main_option("script_location", str(_script_location()).replace("%", "%%"))
    config.attributes["connection"] = connection
    return config


def _scripts() -> ScriptDirectory:
    return ScriptDirectory.from_config(_config())


def head() -> str:
    """The revision that this program's models need."""
    revision = _scripts().get_current_head()
    assert revision is not None
    return revision


async def current(engine: AsyncEngine) -> str | None:
    """The revision at which the database stands; None for one that was never migrated."""
    return await _run(engine, lambda c: MigrationContext.configure(c).get_current_revision())


async def plan(engine: AsyncEngine, revision: str = "head") -> Plan:
    """Tell what an upgrade will do, changing nothing.

    Args:
        engine: The database.
        revision: Where to; the newest where not given.

    Raises:
        SchemaError: See `upgrade`.
    """
    return await _run(engine, lambda c: state.plan(c, _scripts(), revision))


async def is_empty(engine: AsyncEngine) -> bool:
    """Whether a database has no tables yet.

    Args:
        engine: The database.

    Raises:
        SchemaError: It holds another program's tables, or is newer than this program.
    """
    return await _run(engine, lambda c: state.examine(c, _scripts())) is None


async def server_version(engine: AsyncEngine) -> int:
    """The server's major version."""
    number = await _run(engine, lambda c: c.scalar(text("SHOW server_version_num")))
    return int(str(number)) // 10_000


async def upgrade(engine: AsyncEngine, revision: str = "head") -> None:
    """Bring the schema forward, and count the orders anew, in one transaction.

    Args:
        engine: The database.
        revision: Where to; the newest where not given.

    Raises:
        SchemaError: There is no such revision, the database stands at one unknown here or holds
            another program's tables, or its tables are in use.
    """

    def work(connection: Connection) -> None:
        if state.examine(connection, _scripts()) is not None:
            _lock_tables(connection)
        command.upgrade(_config(connection), revision)
        mend_count(connection)

    await _run(engine, work, exclusive=True)


async def downgrade(engine: AsyncEngine, revision: str) -> None:
    """Take the schema back, in one transaction; the shop's own tables stay.

    Args:
        engine: The database.
        revision: Where to: a revision, or "-1".

    Raises:
        SchemaError: There is no such revision, it is below the shop's, the database stands at one
            unknown here, or its tables are in use.
    """

    def work(connection: Connection) -> None:
        if state.examine(connection, _scripts()) is None:
            raise SchemaError("The database has no tables of fototui; nothing was changed.")
        if revision in ("base", *SHOP_REVISIONS[:-1]):
            raise state.below_the_shop()
        _lock_tables(connection)
        command.downgrade(_config(connection), revision)

    await _run(engine, work, exclusive=True)


async def check(engine: AsyncEngine) -> None:
    """Hold the models against the migrated schema, and what is kept against what there is.

    Args:
        engine: The database.

    Raises:
        SchemaError: Migrations have not all run, models and schema differ, or the number of orders
            is wrong.
    """
    await require_head(engine)
    if found := await _run(engine, differences):
        raise SchemaError(
            "Models and migrations differ: {reason}. Undo what was changed by hand; who changed "
            "the models writes a migration.",
            reason="; ".join(found),
        )
    await _run(engine, require_count)


async def require_head(engine: AsyncEngine) -> None:
    """Refuse a database whose schema this program does not know.

    Args:
        engine: The database.

    Raises:
        SchemaError: Migrations have not all run, or the database is newer than the program.
    """
    found = await current(engine)
    if found == head():
        return
    known = {script.revision for script in _scripts().walk_revisions()}
    if found is None:
        raise SchemaError("The database has no tables of fototui yet. Run: fototui db upgrade")
    if found in known:
        raise SchemaError(
            "The database stands at revision {found}, this program needs {head}. "
            "Run: fototui db upgrade",
            found=found,
            head=head(),
        )
    raise state.unknown(found)


def _lock_tables(connection: Connection) -> None:
    """Wait for the tables once and for all of them, before anything is changed.

    Taken one by one as the migrations come to them, they could be waited for in a circle with a
    program that is at work.
    """
    tables = "orders, line_items, images, coloring_versions, svg_versions"
    connection.execute(text(f"LOCK TABLE {tables} IN ACCESS EXCLUSIVE MODE"))


async def _run(
    engine: AsyncEngine, work: Callable[[Connection], T], *, exclusive: bool = False
) -> T:
    try:
        async with engine.begin() as connection:
            if exclusive:
                # Adding a column takes a moment; adding an index to a large table takes longer
                # than any query of the day may.
                await connection.execute(
                    text(f"SET LOCAL statement_timeout = '{LONGEST_STATEMENT:.0f}s'")
                )
                # Another upgrade is worth waiting for longer than a program at work.
                await connection.execute(text("SET LOCAL lock_timeout = '1min'"))
                await connection.execute(text(f"SELECT pg_advisory_xact_lock({_ADVISORY_LOCK})"))
                await connection.execute(text(f"SET LOCAL lock_timeout = '{_LOCK_SECONDS}s'"))
            return await connection.run_sync(work)
    except (CommandError, RevisionError) as error:
        raise SchemaError("{reason} Compare with: fototui db current", reason=str(error)) from error
    except DatabaseError as error:
        if error.sqlstate in _BUSY:
            raise SchemaError(
                "Another program uses the tables and did not let go of them for {seconds} s; "
                "nothing was changed. Stop it, or try again in a quiet moment.",
                seconds=_LOCK_SECONDS,
            ) from error
        raise
