"""The mailbox of an installation that has none: nothing comes in, nothing goes out, and it says so."""

from __future__ import annotations

from workstation.services.errors import SourceBusy


class NullMailbox:
    """No mailbox. Mail stays queued until one is configured; it is never taken for sent."""

    async def fetch(self, after: str | None) -> list[tuple[str, bytes]]:
        """Return nothing: no mail can come in."""
        return []

    async def sent(self, message_id: str) -> bool:
        """Return False: nothing was ever sent from here."""
        return False

    async def send(self, message: bytes, recipient: str) -> None:
        """Refuse, so that the mail stays queued.

        Raises:
            SourceBusy: always.
        """
        raise SourceBusy("No mailbox is configured.", "Set `mail` in the settings; the mail waits.", retry_after=60.0)

    async def aclose(self) -> None:
        """Nothing to release."""
