"""A mailbox that fails, to show and test how everything around it behaves."""

from __future__ import annotations

from workstation.services.errors import SourceDown, SourceError


class FailingMailbox:
    """Raises `error` from every call (by default: no answer)."""

    def __init__(self, error: SourceError | None = None) -> None:
        self._error = error or SourceDown("The mail server does not answer.", "It is tried again by itself.")

    async def fetch(self, after: str | None) -> list[tuple[str, bytes]]:
        """Raise the error."""
        raise self._error

    async def sent(self, message_id: str) -> bool:
        """Raise the error."""
        raise self._error

    async def send(self, message: bytes, recipient: str) -> None:
        """Raise the error. SourceDown here means that the mail may have gone out, as the port says."""
        raise self._error

    async def aclose(self) -> None:
        """Nothing to release."""
