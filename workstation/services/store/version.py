"""Which version of the store this workstation speaks to."""

#: The newest migration. A store of another one is refused with a sentence that says what to do.
SCHEMA = "0002"
