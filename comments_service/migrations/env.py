"""Alembic environment: runs the migrations over the connection that `upgrade` passes."""

from alembic import context

from comments_service.store.tables import metadata

context.configure(
    connection=context.config.attributes["connection"],
    target_metadata=metadata,
    # SQLite can alter little in place; in batch mode Alembic copies the table instead.
    render_as_batch=True,
)
with context.begin_transaction():
    context.run_migrations()
