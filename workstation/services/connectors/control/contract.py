"""Account control by our own HTTP contract, version 1 (``docs/connectors.md``), with the write token."""

from __future__ import annotations

from typing import Any, Literal

import msgspec

from workstation.services.accounts.model import Account
from workstation.services.accounts.ports import AccountReader
from workstation.services.acts.control import Act, Receipt, Sent
from workstation.services.connectors.control import effects
from workstation.services.connectors.decoding import decode
from workstation.services.connectors.endpoint import route
from workstation.services.connectors.http import HttpSystem
from workstation.services.errors import SourceDenied, SourceGarbled, SourceMissing


class _Done(msgspec.Struct, frozen=True):
    key: str
    act: Act
    account: str
    status: Literal["done"]
    reference: str
    etag: str


class ContractControl:
    """An :class:`~workstation.services.acts.control.AccountControl` over the contract.

    The write token opens nothing but acts, so reading goes through a reader with its own token.

    Args:
        http: the system with the write token; closed with this control.
        reader: reads accounts; closed with this control.
    """

    def __init__(self, http: HttpSystem, reader: AccountReader) -> None:
        self._http = http
        self._reader = reader

    async def read(self, account: str) -> Account:
        """Return the account as it stands now. Raises SourceError."""
        return await self._reader.read(account)

    async def execute(self, key: str, account: str, act: Act, params: dict[str, Any], etag: str) -> Receipt:
        """Do `act` once; see :class:`~workstation.services.acts.control.AccountControl`.

        The reason that travels is our request's id: what was written about the client stays here.
        """
        if act is Act.REMOVE_CLIENT_LOCK:
            raise SourceDenied("The client's own lock binds staff too; nobody can remove it.", "It ends by itself.")
        answer = await self._http.send(
            "POST",
            route("v1", "accounts", account, "acts"),
            json={"act": act, "params": params, "reason": f"request {key}"},
            headers={"Idempotency-Key": key, "If-Match": f'"{etag}"'},
        )
        return self._receipt(await decode(answer.body, _Done, self._http.name), key, account, act)

    async def reconcile(self, key: str, account: str, act: Act, params: dict[str, Any]) -> Receipt:
        """Ask what became of `key`, without acting. Raises SourceError when that cannot be asked now."""
        try:
            done = await self._http.get(route("v1", "acts", key), _Done)
        except SourceMissing:
            return Receipt(sent=Sent.NEVER_ARRIVED)
        return self._receipt(done, key, account, act)

    def holds(self, account: Account, act: Act, params: dict[str, Any]) -> bool | None:
        """Return whether `account` shows the effect of `act`; None where no read can show it."""
        return effects.holds(account, act, params)

    async def aclose(self) -> None:
        """Release connections, the reader's too."""
        await self._http.aclose()
        await self._reader.aclose()

    def _receipt(self, done: _Done, key: str, account: str, act: Act) -> Receipt:
        """Believe a receipt only if it is for exactly this act."""
        if (done.key, done.account, done.act) != (key, account, act):
            raise SourceGarbled(
                f"{self._http.name} answered with the receipt of another act.", "What was done is not known: read back."
            )
        return Receipt(sent=Sent.DONE, reference=done.reference, etag=done.etag)
