"""The terminal workstation of account-security analysts."""

__version__ = "0.1.0"
