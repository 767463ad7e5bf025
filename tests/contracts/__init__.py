"""One class of tests a port: every implementation subclasses it and hands in what it is tried on."""
