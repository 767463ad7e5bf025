"""What the core asks of an account system and of a risk engine, to read."""

from __future__ import annotations

from typing import Protocol

from workstation.services.accounts.model import Account, Risk


class AccountReader(Protocol):
    """Reads one account at a time, with a read-only credential."""

    async def read(self, account: str) -> Account:
        """Return the account as it stands now.

        Raises:
            SourceMissing: there is no such account.
            SourceError: it could not be read.
        """
        ...

    async def find(self, text: str) -> tuple[str, ...]:
        """Return the ids of accounts whose id, user name or e-mail is exactly `text`, at most 20."""
        ...

    async def aclose(self) -> None:
        """Release connections."""
        ...


class RiskReader(Protocol):
    """Reads what a risk engine says of one account."""

    async def risk(self, account: str) -> Risk:
        """Return the newest assessment; ``score`` is None where the engine has none.

        Raises:
            SourceError: the engine could not be asked. Unknown is never shown as zero.
        """
        ...

    async def aclose(self) -> None:
        """Release connections."""
        ...
