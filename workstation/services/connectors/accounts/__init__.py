"""Account systems, to read."""
