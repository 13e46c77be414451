"""Alembic's way into the ledger: always over a connection that is open already (`ledger/schema.py`)."""

from alembic import context

from tg_fetcher_dagster.ledger.tables import metadata

context.configure(
    connection=context.config.attributes["connection"],
    target_metadata=metadata,
    render_as_batch=True,  # SQLite changes a table only by making it anew
)
with context.begin_transaction():
    context.run_migrations()
