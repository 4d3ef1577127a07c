"""The schema's revision that this program needs, told without Alembic, whose import takes long."""

from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncEngine

NEEDED = "b3d5f7a92c81"
"""The newest of `migrations/`; written anew with each migration."""


async def stands(engine: AsyncEngine) -> bool:
    """Whether a database stands at the needed revision.

    Args:
        engine: The database.
    """
    async with engine.connect() as connection:
        if await connection.scalar(text("SELECT to_regclass('alembic_version')")) is None:
            return False
        found = await connection.scalars(text("SELECT version_num FROM alembic_version"))
        return found.all() == [NEEDED]
