"""Alembic's entry: runs the migrations on the connection that `open_store` hands over."""

from alembic import context

from models.store.tables import metadata

connection = context.config.attributes["connection"]
# SQLite's DDL is transactional once the driver's own transaction handling is off, which `Database` sees to.
context.configure(connection=connection, target_metadata=metadata, transactional_ddl=True)
with context.begin_transaction():
    context.run_migrations()
