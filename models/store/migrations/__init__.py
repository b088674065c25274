"""Alembic migrations of the hub store; run by `open_store`, one transaction each, never by hand."""
