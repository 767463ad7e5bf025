"""The outside world behind the core's protocols, a file a backend."""
