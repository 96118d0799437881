"""Alembic's way in: the connection is handed over by `migrating`, inside whose transaction everything happens."""

from alembic import context

context.configure(connection=context.config.attributes["connection"], transactional_ddl=True, transaction_per_migration=False)
context.run_migrations()
