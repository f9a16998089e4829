"""The high-dimensional space: correlation filter, scaling, principal planes."""
