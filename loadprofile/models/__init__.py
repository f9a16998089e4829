"""Models at rest: saved with skops, checked by hash, never unpickled."""
