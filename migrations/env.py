"""Alembic's entry: runs on the connection that `fototui.db.schema.migrate` hands over."""

from alembic import context

from fototui.db.base import Base
from fototui.db.models import books
from fototui.db.models import inbound as door
from fototui.db.models import operations as work
from fototui.db.models import orders as models

assert all((books, door, models, work))  # imported for their tables

context.configure(
    connection=context.config.attributes["connection"],
    target_metadata=Base.metadata,
    compare_type=True,
    compare_server_default=True,
    transaction_per_migration=False,
)
with context.begin_transaction():
    context.run_migrations()
