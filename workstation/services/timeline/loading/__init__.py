"""Filling a working set from many sources at once, in a process of its own that never holds up a key."""
