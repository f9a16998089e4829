"""Load profiles to feature tables; a column's name is its recipe."""
