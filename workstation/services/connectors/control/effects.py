"""How each act shows on an account: the read-back, the same for every account system."""

from __future__ import annotations

from typing import Any

from workstation.services.accounts.model import Account, LockKind, Status
from workstation.services.acts.control import Act
from workstation.services.errors import Invalid


def holds(account: Account, act: Act, params: dict[str, Any]) -> bool | None:
    """Return whether `account` shows the effect of `act`; None where no read can show it.

    Args:
        account: as read after the act.
        act: what was done.
        params: its parameters, ``{"factor": id}`` or ``{"hold": id}`` where it needs one.

    Raises:
        Invalid: the parameter that the act needs is missing.
    """
    match act:
        case Act.LOCK:
            # A lock by failed sign-ins that ends by itself is not what was asked for.
            lasting = [lock for lock in account.locks if lock.kind is not LockKind.FAILED_SIGN_INS or not lock.until]
            return account.status is Status.LOCKED and bool(lasting or not account.locks)
        case Act.FREEZE_WITHDRAWALS:
            return bool(account.holds)
        case Act.END_SESSIONS:
            return not account.sessions
        case Act.UNLOCK:
            return all(lock.kind is LockKind.CLIENT for lock in account.locks) and not (
                params.get("end_sessions") and account.sessions
            )
        case Act.LIFT_HOLD:
            return needed(params, "hold") not in {hold.id for hold in account.holds}
        case Act.REMOVE_FACTOR:
            return needed(params, "factor") not in {factor.id for factor in account.factors}
        case Act.REMOVE_CLIENT_LOCK:
            return all(lock.kind is not LockKind.CLIENT for lock in account.locks)
        case Act.SEND_PASSWORD_RESET:
            return None


def needed(params: dict[str, Any], name: str) -> str:
    """Return the id that the act is about.

    Raises:
        Invalid: it is missing or no text.
    """
    value = params.get(name)
    if not isinstance(value, str) or not value:
        raise Invalid(f"The act needs the id of a {name}.", "Ask for it again and choose one.")
    return value
