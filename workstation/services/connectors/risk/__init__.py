"""Risk engines, to read."""
