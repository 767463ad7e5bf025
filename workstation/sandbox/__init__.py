"""A simulated exchange with known truth; only `workstation demo` and the tests reach it."""
