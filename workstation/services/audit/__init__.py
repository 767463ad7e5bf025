"""The audit: reading it and proving that it was not changed."""
