"""Nothing moved since you looked: the facts that a packet and an approval rest on, and their difference."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable

from workstation.services.accounts.model import Account
from workstation.services.views import Difference, Fact

#: Facts that stop an approval when they moved: who can get in, and what can leave.
BLOCKING = frozenset({"status", "locks", "withdrawal holds", "second factors", "contacts", "left standing"})


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


def _listed(items: Iterable[str]) -> str:
    return ", ".join(sorted(items)) or "none"


def _digest(values: list[str]) -> str:
    return hashlib.sha256("\0".join(values).encode()).hexdigest()[:12]
