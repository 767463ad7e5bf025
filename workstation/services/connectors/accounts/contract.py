"""Accounts by our own HTTP contract, version 1 (``docs/connectors.md``), with the read token."""

from __future__ import annotations

import msgspec

from workstation.services.accounts.model import Account, Status
from workstation.services.connectors.answers import Answer
from workstation.services.connectors.decoding import decode
from workstation.services.connectors.endpoint import route
from workstation.services.connectors.http import HttpSystem
from workstation.services.errors import SourceGarbled

#: Ids that a search gives at most; the contract says so and we do not take more on trust.
FOUND_MAX = 20


class _Found(msgspec.Struct, frozen=True):
    accounts: list[str]


class ContractAccounts:
    """An :class:`~workstation.services.accounts.ports.AccountReader` over the contract.

    Args:
        http: the system with the read token; closed with this reader.
    """

    def __init__(self, http: HttpSystem) -> None:
        self._http = http

    async def read(self, account: str) -> Account:
        """Return the account as it stands now.

        Raises:
            SourceMissing: there is no such account.
            SourceGarbled: the answer is about another account, or its version is not said twice the same.
            SourceError: it could not be read.
        """
        answer = await self._http.fetch(route("v1", "accounts", account))
        return await checked_account(answer, account, self._http.name)

    async def find(self, text: str) -> tuple[str, ...]:
        """Return the ids of accounts whose id, user name or e-mail is exactly `text`, at most 20."""
        if not text.strip():
            return ()
        found = await self._http.get(route("v1", "accounts"), _Found, [("q", text.strip())])
        return tuple(found.accounts[:FOUND_MAX])

    async def aclose(self) -> None:
        """Release connections."""
        await self._http.aclose()


async def checked_account(answer: Answer, account: str, system: str) -> Account:
    """Decode an account and make sure that it is the one asked for, at a version that is certain.

    Raises:
        SourceGarbled: it is not.
    """
    read = await decode(answer.body, Account, system)
    if read.id != account:
        raise SourceGarbled(f"{system} answered with another account than was asked for.", "Nothing of it was used.")
    if read.status is Status.UNKNOWN:
        # Our own word for an account that no system knows; an answer that uses it says nothing.
        raise SourceGarbled(f"{system} does not say whether the account can be used.", "Nothing of it was used.")
    if not read.etag or answer.etag != read.etag:
        raise SourceGarbled(
            f"{system} does not say clearly which version of the account this is.",
            "An approval could not be tied to it. Tell who runs that system.",
        )
    return read
