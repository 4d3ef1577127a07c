"""Alembic's entry: runs on the connection that `fototui.db.migrate` hands over."""

from alembic import context

from fototui.db import door, models, work
from fototui.db.base import Base

assert all((door, models, work))  # imported for their tables

context.configure(
    connection=context.config.attributes["connection"],
    target_metadata=Base.metadata,
    compare_type=True,
    compare_server_default=True,
    transaction_per_migration=False,
)
with context.begin_transaction():
    context.run_migrations()
