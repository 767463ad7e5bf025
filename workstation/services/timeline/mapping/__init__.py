"""Raw records of outside systems into our events, a file a source."""
