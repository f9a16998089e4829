"""Alembic scripts; see ``loadprofile.store.migrating``."""
