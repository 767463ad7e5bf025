"""Who else has a value, by way of the reader."""

from __future__ import annotations

from collections.abc import Sequence

from workstation.services.connectors.accounts.sharing import ContractSharing
from workstation.services.connectors.reader.client import ReaderClient
from workstation.services.timeline.related import Shares
from workstation.services.timeline.source import Span


class ReaderSharing:
    """A :class:`~workstation.services.timeline.related.Sharing` behind view tickets: each question is on record.

    Args:
        client: the way to the reader; closed by the accounts that share it.
    """

    def __init__(self, client: ReaderClient) -> None:
        self._client = client

    async def sharing(self, account: str, field: str, values: Sequence[str], span: Span) -> Shares:
        """Return who else has values of this account.

        Raises:
            Refused: the store gives no right to look at the account.
            SourceMissing: nobody there can say.
            SourceError: it could not be asked.
        """
        return await ContractSharing(self._client.of(account)).sharing(account, field, values, span)

    async def aclose(self) -> None:
        """The client is not ours to close."""
