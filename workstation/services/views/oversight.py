"""What leads and auditors see: looks, reveals, alerts, the audit."""

from __future__ import annotations

from datetime import datetime

import msgspec


class Reveal(msgspec.Struct, frozen=True, kw_only=True):
    """A masked field that was shown for a minute, and why."""

    field: str
    reason: str
    at: datetime


class Look(msgspec.Struct, frozen=True, kw_only=True):
    """One purpose for which somebody looked at an account.

    `kind`: case, escalation or reason. `looked` is what was read under it (account, events and their source, risk,
    pin …); empty where the right was taken and not used.
    """

    id: int
    account: str
    login: str
    name: str
    level: int
    role: str
    kind: str
    case_id: int | None
    case_ref: str
    reason: str
    first_at: datetime
    last_at: datetime
    looked: tuple[str, ...] = ()
    reveals: tuple[Reveal, ...] = ()


class Alert(msgspec.Struct, frozen=True, kw_only=True):
    """What a lead must see the same day. `about` is the login that it is about."""

    id: int
    at: datetime
    kind: str
    about: str
    about_name: str
    case_id: int | None
    text: str


class AuditRow(msgspec.Struct, frozen=True, kw_only=True):
    """One record of the audit."""

    chain: str
    seq: int
    at: datetime
    actor: str
    level: int | None
    event: str
    outcome: str
    object: str
    payload: str
    hash: str
