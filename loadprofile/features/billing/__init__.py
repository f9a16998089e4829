"""What bills say of a client."""
