"""Alembic's entry: run by ledger.db.migrate only, on the administrator's connection and in the transaction it hands over."""

from alembic import context
from ledger.db.identity import VERSION_SCHEMA, VERSION_TABLE

connection = context.config.attributes["connection"]
context.configure(
    connection=connection,
    version_table=VERSION_TABLE,
    version_table_schema=VERSION_SCHEMA,
    transaction_per_migration=False,
)
with context.begin_transaction():
    context.run_migrations()
