"""Readings of more meters than memory holds: files -> a spool on disk -> any meters of it, as a cube."""
