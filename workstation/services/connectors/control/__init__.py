"""Account systems, to change: the broker's side."""
