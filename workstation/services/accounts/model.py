"""A client's account, as an identity system shows it to staff.

Every text that a client or an outside system chose is Untrusted. Times are aware UTC datetimes.
Enumerations are closed: a value that is not listed refuses the whole answer (it could be a lock that
this version does not know), see ``connectors``.
"""

from __future__ import annotations

from datetime import datetime
from enum import StrEnum

import msgspec


class Status(StrEnum):
    """Whether the account can be used at all."""

    ACTIVE = "active"
    LOCKED = "locked"
    CLOSED = "closed"
    #: Ours: no account system knows this id (an imported identity). Never shown as fine, never accepted.
    UNKNOWN = "unknown"


class ContactKind(StrEnum):
    """How a client is reached."""

    EMAIL = "email"
    PHONE = "phone"


class Contact(msgspec.Struct, frozen=True, kw_only=True):
    """An address or number. Several of a kind may be listed: those replaced keep `replaced_at`."""

    kind: ContactKind
    value: str
    verified_at: datetime | None = None
    replaced_at: datetime | None = None


class LockKind(StrEnum):
    """Who set a lock. A client's own lock binds staff too (tier 4)."""

    FAILED_SIGN_INS = "failed_sign_ins"
    SECURITY = "security"
    STAFF = "staff"
    CLIENT = "client"


class Lock(msgspec.Struct, frozen=True, kw_only=True):
    """What keeps the client from signing in."""

    id: str
    kind: LockKind
    set_at: datetime
    reason: str = ""
    until: datetime | None = None


class Hold(msgspec.Struct, frozen=True, kw_only=True):
    """What keeps funds from leaving while the client can sign in."""

    id: str
    kind: str
    set_at: datetime
    reason: str = ""
    until: datetime | None = None


class Factor(msgspec.Struct, frozen=True, kw_only=True):
    """A second factor: ``totp``, ``passkey``, ``sms`` or ``recovery_codes``."""

    id: str
    kind: str
    label: str = ""
    enrolled_at: datetime | None = None
    last_used_at: datetime | None = None


class Session(msgspec.Struct, frozen=True, kw_only=True):
    """A live sign-in."""

    id: str
    started_at: datetime
    last_seen_at: datetime | None = None
    ip: str = ""
    device: str = ""
    country: str = ""


class Standing(msgspec.Struct, frozen=True, kw_only=True):
    """Something that outlives a session: ``api_key``, ``withdrawal_address``, ``trusted_device``, ``mail_rule`` …"""

    id: str
    kind: str
    label: str = ""
    created_at: datetime | None = None


class SimState(StrEnum):
    """What the carrier says of the client's SIM card. `UNKNOWN` is shown as unknown and is never fine."""

    UNCHANGED = "unchanged"
    SWAPPED = "swapped"
    UNKNOWN = "unknown"
    #: The account has no number, so there is nothing to swap.
    NO_PHONE = "no_phone"


class Account(msgspec.Struct, frozen=True, kw_only=True):
    """One client account with the version (`etag`) at which it was read.

    `sim_changed_at` is the last change that is known of; `password_changed_at` is the account's beginning where the
    password was never changed, and None where nobody knows. `tells` names the kinds of which `standing` lists every
    one: of any other kind, what is not listed may be there all the same.
    """

    id: str
    etag: str
    status: Status
    name: str = ""
    username: str = ""
    language: str = ""
    country: str = ""
    created_at: datetime | None = None
    kyc_level: int | None = None
    balance_usd: float | None = None
    vip: bool = False
    contacts: tuple[Contact, ...] = ()
    locks: tuple[Lock, ...] = ()
    holds: tuple[Hold, ...] = ()
    factors: tuple[Factor, ...] = ()
    sessions: tuple[Session, ...] = ()
    standing: tuple[Standing, ...] = ()
    tells: tuple[str, ...] = ()
    sim: SimState = SimState.UNKNOWN
    sim_changed_at: datetime | None = None
    password_changed_at: datetime | None = None

    def address_on_record(self, before: datetime, kind: ContactKind = ContactKind.EMAIL) -> Contact | None:
        """Return the contact that was verified before `before` and had not been replaced by then.

        This is where a reply goes: an intruder who changes the address does not get to read it. Of
        several, the one verified last.
        """
        known = [
            c
            for c in self.contacts
            if c.kind is kind
            and c.verified_at is not None
            and c.verified_at < before
            and (c.replaced_at is None or c.replaced_at >= before)
        ]
        return max(known, key=lambda c: c.verified_at or before, default=None)


class RiskReason(msgspec.Struct, frozen=True, kw_only=True):
    """One reason of a score: a code, a sentence, the points that it added, the events that caused it."""

    code: str
    text: str
    points: float = 0.0
    events: tuple[str, ...] = ()


class Risk(msgspec.Struct, frozen=True, kw_only=True):
    """A score with its scale (``0-100``, ``0-1`` …). No data is None, never 0."""

    score: float | None
    scale: str
    level: str = ""
    computed_at: datetime | None = None
    reasons: tuple[RiskReason, ...] = ()
