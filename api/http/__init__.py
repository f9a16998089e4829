"""The HTTP service: settings -> app -> routes; problems, security and limits stand beside them."""
