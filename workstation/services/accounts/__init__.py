"""Client accounts as an identity system shows them, and the ports through which they are read."""
