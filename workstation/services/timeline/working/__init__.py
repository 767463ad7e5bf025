"""The working set: the events of one account as columns that answer at once."""
