"""Alembic's entry: runs on the connection that `fototui.db.schema.migrate` hands over."""

from alembic import context

from fototui.db.base import Base
from fototui.db.models import load_all

load_all()

context.configure(
    connection=context.config.attributes["connection"],
    target_metadata=Base.metadata,
    compare_type=True,
    compare_server_default=True,
    transaction_per_migration=False,
)
with context.begin_transaction():
    context.run_migrations()
