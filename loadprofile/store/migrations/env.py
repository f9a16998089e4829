"""Run by Alembic; the connection and its transaction come from ``loadprofile.store.migrating``."""

from alembic import context

from loadprofile.store import access_tables, meter_tables, work_tables  # noqa: F401 - they fill METADATA
from loadprofile.store.columns import METADATA

context.configure(
    connection=context.config.attributes["connection"], target_metadata=METADATA, transactional_ddl=True
)
context.run_migrations()
