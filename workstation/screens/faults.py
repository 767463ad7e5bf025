"""What is told of a fault."""

from __future__ import annotations

from workstation.services.errors import WorkstationError


def sentence(error: BaseException) -> str:
    """Return what is told of a fault. One that nobody foresaw is named, its values are not."""
    if isinstance(error, WorkstationError):
        return error.sentence()
    return f"Something that nobody foresaw went wrong here ({type(error).__name__}). What you typed is kept."
