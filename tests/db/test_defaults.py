"""The program writes every moment itself: a database may have lost its columns' defaults."""

from sqlalchemy import func, select, text

from fototui.db.base import Base
from fototui.db.database import Database
from fototui.db.models.operations import Activity
from fototui.db.models.orders import ColoringVersion, Order
from tests.factories import make_coloring, make_order

_DEFAULTS = text(
    "SELECT format('ALTER TABLE %I ALTER %I DROP DEFAULT', table_name, column_name) "
    "FROM information_schema.columns "
    "WHERE table_schema = 'public' AND column_default = 'now()'"
)


async def test_no_moment_needs_its_columns_default(database: Database) -> None:
    async with database.engine.begin() as connection:
        dropped = list(await connection.scalars(_DEFAULTS))
        for statement in dropped:
            await connection.execute(text(statement))
    assert len(dropped) > 10
    async with database.session() as session, session.begin():
        order = await make_order(session)
        await make_coloring(session, order.line_items[0].images[0])
        session.add(Activity(operator="eva", action="noted"))
    async with database.session() as session:
        for model in (Order, ColoringVersion, Activity):
            assert await session.scalar(select(func.count()).select_from(model)) == 1


def test_every_column_with_a_default_moment_is_written() -> None:
    left = [
        str(column)
        for table in Base.metadata.tables.values()
        for column in table.columns
        if column.server_default is not None
        and "now()" in str(getattr(column.server_default, "arg", ""))
        and column.default is None
    ]
    assert left == []
