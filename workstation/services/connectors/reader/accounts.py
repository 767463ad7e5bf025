"""Accounts by way of the reader, masked."""

from __future__ import annotations

import msgspec

from workstation.services.accounts.model import Account
from workstation.services.connectors.accounts.contract import FOUND_MAX, ContractAccounts
from workstation.services.connectors.endpoint import route
from workstation.services.connectors.reader.client import ReaderClient


class _Found(msgspec.Struct, frozen=True):
    accounts: list[str]


class ReaderAccounts:
    """An :class:`~workstation.services.accounts.ports.AccountReader` behind view tickets.

    Args:
        client: the way to the reader; closed with this.
    """

    def __init__(self, client: ReaderClient) -> None:
        self._client = client

    async def read(self, account: str) -> Account:
        """Return the account as it stands now, masked.

        Raises:
            Refused: the store gives no right to look at it.
            SourceMissing: there is no such account.
            SourceError: it could not be read.
        """
        return await ContractAccounts(self._client.of(account)).read(account)

    async def find(self, text: str) -> tuple[str, ...]:
        """Return the ids of accounts whose id, user name or e-mail is exactly `text`, at most 20. Counts as a view."""
        if not text.strip():
            return ()
        system = self._client.searching(text.strip())
        try:
            found = await system.get(route("v1", "accounts"), _Found, [("q", text.strip())])
        finally:
            await system.aclose()
        return tuple(found.accounts[:FOUND_MAX])

    async def aclose(self) -> None:
        """Release connections."""
        await self._client.aclose()
