"""The reader and the right to look."""
