"""Where Alembic begins: it works on the connection that `journal.migrating` hands over, within its transaction."""

from alembic import context

context.configure(connection=context.config.attributes["connection"])
with context.begin_transaction():
    context.run_migrations()
