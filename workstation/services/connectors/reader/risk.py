"""Risk by way of the reader."""

from __future__ import annotations

from workstation.services.accounts.model import Risk
from workstation.services.connectors.reader.client import ReaderClient
from workstation.services.connectors.risk.contract import ContractRisk


class ReaderRisk:
    """A :class:`~workstation.services.accounts.ports.RiskReader` behind view tickets.

    Args:
        client: the way to the reader; closed by the accounts that share it.
    """

    def __init__(self, client: ReaderClient) -> None:
        self._client = client

    async def risk(self, account: str) -> Risk:
        """Return the newest assessment; ``score`` is None where the engine has none.

        Raises:
            Refused: the store gives no right to look at the account.
            SourceMissing: no engine is configured there.
            SourceError: the engine could not be asked.
        """
        return await ContractRisk(self._client.of(account)).risk(account)

    async def aclose(self) -> None:
        """The client is not ours to close."""
