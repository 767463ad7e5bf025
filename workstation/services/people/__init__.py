"""People, levels and procedures."""
