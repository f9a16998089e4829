"""Physical emulation of what can happen to a meter, for training and tests."""
