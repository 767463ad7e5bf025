"""Account timelines: the event model, sources, gaps, and what an analyst does to events."""
