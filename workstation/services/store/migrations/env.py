"""How Alembic finds the tables; runs on the connection that `migrate` hands in, inside its transaction."""

from __future__ import annotations

from alembic import context
from sqlmodel import SQLModel

from workstation.services.store import tables

context.configure(
    connection=context.config.attributes["connection"],
    target_metadata=SQLModel.metadata,
    version_table_schema=tables.SCHEMA,
    include_schemas=True,
    include_name=lambda name, type_, parents: name == tables.SCHEMA if type_ == "schema" else True,
    compare_server_default=True,
    autogenerate_plugins=["alembic.autogenerate.*", "alembic.ext.checkconstraint_byname"],
)
with context.begin_transaction():
    context.run_migrations()
