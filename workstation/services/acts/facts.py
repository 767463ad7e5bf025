"""Nothing moved since you looked: the facts that a packet and an approval rest on, and their difference."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable
from datetime import datetime
from typing import Any

from workstation.services.accounts.model import Account, Contact, SimState
from workstation.services.views import Difference, Fact

#: Facts that stop an approval when they moved: who can get in, and what can leave.
BLOCKING = frozenset(
    {
        "status",
        "locks",
        "withdrawal holds",
        "second factors",
        "contacts",
        "left standing",
        "SIM card",
        "password changed",
    }
)


def facts_of(account: Account) -> tuple[Fact, ...]:
    """Return the account's facts, by name. Contacts appear as a digest, so that no packet holds an address."""
    contacts = sorted(f"{c.kind}:{c.value}:{c.verified_at}" for c in account.contacts if c.replaced_at is None)
    return (
        Fact(name="status", value=str(account.status)),
        Fact(name="locks", value=_listed(f"{lock.kind} {lock.id}" for lock in account.locks)),
        Fact(name="withdrawal holds", value=_listed(f"{hold.kind} {hold.id}" for hold in account.holds)),
        Fact(name="second factors", value=_listed(f"{f.kind} {f.id}" for f in account.factors)),
        Fact(name="contacts", value=f"{len(contacts)}, digest {_digest(contacts)}"),
        Fact(name="sessions", value=_listed(s.id for s in account.sessions)),
        Fact(name="left standing", value=_listed(f"{s.kind} {s.id}" for s in account.standing)),
        Fact(name="SIM card", value=_sim(account)),
        Fact(name="password changed", value=_day(account.password_changed_at)),
        Fact(name="version", value=account.etag or "none"),
    )


def differences(before: tuple[Fact, ...], now: tuple[Fact, ...]) -> tuple[Difference, ...]:
    """Return what is not as it was; the ones that block first. The version alone says nothing and is left out."""
    was = {fact.name: fact.value for fact in before}
    found = [
        Difference(name=f.name, before=was.get(f.name, "not known then"), now=f.value, blocks=f.name in BLOCKING)
        for f in now
        if f.name != "version" and was.get(f.name) != f.value
    ]
    return tuple(sorted(found, key=lambda d: not d.blocks))


def attested(account: Account) -> dict[str, Any]:
    """Return what the broker writes into the store of an account that it read: facts that rules look at.

    Addresses and numbers are there as SHA-256 of their lower case, so that a mail's sender can be compared and no
    address is kept twice. Times are RFC 3339.
    """
    return {
        "status": str(account.status),
        "balance_usd": account.balance_usd,
        "sim": str(account.sim),
        "sim_changed_at": _instant(account.sim_changed_at),
        "password_changed_at": _instant(account.password_changed_at),
        "contacts": [_contact(contact) for contact in account.contacts],
        "named": {
            "factors": {f.id: f.kind for f in account.factors},
            "locks": {lock.id: str(lock.kind) for lock in account.locks},
            "holds": {hold.id: hold.kind for hold in account.holds},
            "standing": {s.id: s.kind.replace("_", " ") for s in account.standing},
            "sessions": {s.id: "" for s in account.sessions},
            "contacts": {address_hash(c.value): str(c.kind) for c in account.contacts if c.replaced_at is None},
        },
    }


def address_hash(value: str) -> str:
    """Return the SHA-256 of an address or number in lower case, hexadecimal."""
    return hashlib.sha256(value.lower().encode()).hexdigest()


def _contact(contact: Contact) -> dict[str, str | None]:
    return {
        "kind": str(contact.kind),
        "sha256": address_hash(contact.value),
        "verified_at": _instant(contact.verified_at),
        "replaced_at": _instant(contact.replaced_at),
    }


def _instant(at: datetime | None) -> str | None:
    return None if at is None else at.isoformat()


def _sim(account: Account) -> str:
    when = f" on {_day(account.sim_changed_at)}" if account.sim is SimState.SWAPPED and account.sim_changed_at else ""
    return str(account.sim).replace("_", " ") + when


def _day(at: datetime | None) -> str:
    return "unknown" if at is None else f"{at:%Y-%m-%d}"


def _listed(items: Iterable[str]) -> str:
    return ", ".join(sorted(items)) or "none"


def _digest(values: list[str]) -> str:
    return hashlib.sha256("\0".join(values).encode()).hexdigest()[:12]
