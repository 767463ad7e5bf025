"""What the broker asks of an account system, to change it. Nothing else in the product holds this port."""

from __future__ import annotations

from enum import StrEnum
from typing import Any, Protocol

import msgspec

from workstation.services.accounts.model import Account


class Act(StrEnum):
    """The acts that can be asked for. Tiers and approvers are the database's policy, not this list."""

    LOCK = "lock"
    FREEZE_WITHDRAWALS = "freeze_withdrawals"
    END_SESSIONS = "end_sessions"
    UNLOCK = "unlock"
    LIFT_HOLD = "lift_hold"
    REMOVE_FACTOR = "remove_factor"
    SEND_PASSWORD_RESET = "send_password_reset"  # noqa: S105 - the name of an act
    REMOVE_CLIENT_LOCK = "remove_client_lock"


class Sent(StrEnum):
    """What is known of an act that was sent."""

    DONE = "done"
    NEVER_ARRIVED = "never_arrived"
    UNKNOWN = "unknown"


class Receipt(msgspec.Struct, frozen=True, kw_only=True):
    """What the account system answered: its own reference and the version after the act, where it has one."""

    sent: Sent
    reference: str = ""
    etag: str = ""


class AccountControl(Protocol):
    """Executes acts with the write credential. Implementations pass ``tests/contracts/control.py``."""

    async def read(self, account: str) -> Account:
        """Return the account as it stands now (before the act, and again as read-back)."""
        ...

    async def execute(self, key: str, account: str, act: Act, params: dict[str, Any], etag: str) -> Receipt:
        """Do `act` once.

        Args:
            key: the idempotency key; the same key never acts twice.
            account: the account's id.
            act: what to do.
            params: ``{"factor": id}``, ``{"hold": id}`` or empty.
            etag: the version that the approval rests on; another one refuses.

        Raises:
            SourceChanged: the account is of another version now; nothing was done.
            SourceDenied, SourceMissing, Invalid: refused; nothing was done.
            SourceError: it is not known whether it was done: call :meth:`reconcile`, never this again.
        """
        ...

    async def reconcile(self, key: str, account: str, act: Act, params: dict[str, Any]) -> Receipt:
        """Find out what became of `key` without acting.

        Raises:
            SourceError: the system cannot be asked now.
        """
        ...

    def holds(self, account: Account, act: Act, params: dict[str, Any]) -> bool | None:
        """Return whether `account` shows the effect of `act`; None where no read can show it (a sent mail)."""
        ...

    async def aclose(self) -> None:
        """Release connections."""
        ...
