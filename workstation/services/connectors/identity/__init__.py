"""Identity providers of the staff."""
