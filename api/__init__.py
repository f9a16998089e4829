"""The doors: command line and, later, the service."""
