"""Alembic's entry: run by ledger.db.migrate only, on the administrator's connection it hands over."""

from alembic import context
from ledger.db.revision import VERSION_SCHEMA, VERSION_TABLE
from ledger.db.roles import OWNER

connection = context.config.attributes["connection"]
# every object belongs to a role nobody can log in as; committed, so that a failed revision does not undo it
connection.exec_driver_sql(f"SET ROLE {OWNER}")
connection.commit()
context.configure(
    connection=connection,
    version_table=VERSION_TABLE,
    version_table_schema=VERSION_SCHEMA,
    transaction_per_migration=True,
)
with context.begin_transaction():
    context.run_migrations()
