"""STEG-style client and invoice tables: read, repaired, audited."""
