"""One matplotlib Figure for each stage's value: pure functions, no files, no pyplot, no global state."""
