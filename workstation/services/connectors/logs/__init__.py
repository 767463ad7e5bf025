"""Log stores as event sources."""
