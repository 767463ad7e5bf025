"""Purpose-bound reading: the reader's process, what it masks, and how a desk looks at an account with or without it."""
