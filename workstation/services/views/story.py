"""What an intrusion leaves behind: what the intruder made, whether it still stands, and which accounts share traces."""

from __future__ import annotations

from datetime import datetime
from enum import StrEnum

import msgspec


class MadeKind(StrEnum):
    """What somebody can make or change in an account so that it outlives his visit."""

    SESSION = "session"
    PASSWORD = "password"  # noqa: S105 - a word, no secret
    FACTOR = "factor"
    FACTOR_OFF = "factor_off"
    CONTACT = "contact"
    API_KEY = "api_key"
    WITHDRAWAL_ADDRESS = "withdrawal_address"
    MAIL_RULE = "mail_rule"
    TRUSTED_DEVICE = "trusted_device"
    ACCESS = "access"


class Made(msgspec.Struct, frozen=True, kw_only=True):
    """Something that was made or changed, as the log tells it.

    ``target`` names it where the source does; ``detail`` is a session's device and network, or a factor's or contact's
    kind. ``last_us`` and ``count`` are of all events about the same thing. ``sure`` is False where the log does not say
    whether it worked, ``mixed`` True where labels call the event both the owner's and the intruder's. ``row`` is the
    first event in the working set.
    """

    kind: MadeKind
    action: str
    target: str
    at_us: int
    source: str
    event_id: str
    row: int
    detail: str = ""
    last_us: int = 0
    count: int = 1
    sure: bool = True
    mixed: bool = False


class Traces(msgspec.Struct, frozen=True, kw_only=True):
    """What the intruder made, oldest first, and the changes that nobody labelled yet: in all, and since the trouble."""

    made: tuple[Made, ...] = ()
    unlabelled: int = 0
    unlabelled_since: int = 0
    intruder: int = 0


class Still(StrEnum):
    """Whether something still stands, by what the account system says now."""

    LIVE = "live"
    GONE = "gone"
    UNKNOWN = "unknown"


class Left(msgspec.Struct, frozen=True, kw_only=True):
    """One thing and how it stands; ``why`` says what that rests on, ``id`` is what the account system calls it."""

    made: Made
    state: Still
    why: str
    id: str = ""


class LeftStanding(msgspec.Struct, frozen=True, kw_only=True):
    """Everything that was made, held against the account as it was read at ``read_at``.

    ``problem`` says why it could not be read: then nothing is known of any of it.
    """

    things: tuple[Left, ...]
    read_at: datetime
    problem: str = ""


class Observed(msgspec.Struct, frozen=True, kw_only=True):
    """A value seen in this account's own events: a device, an address … ``whose`` is what the labels say of it."""

    field: str
    value: str
    first_us: int
    last_us: int
    events: int
    whose: str = ""


class Tie(msgspec.Struct, frozen=True, kw_only=True):
    """A value that another account has too.

    ``accounts`` is how many have it in all, this one included; ``weight`` from 0 (says nothing) to 1. ``first_us``,
    ``last_us`` and ``events`` are of the other account, ``here`` of this one.
    """

    here: Observed
    accounts: int
    weight: float
    first_us: int
    last_us: int
    events: int


class RelatedAccount(msgspec.Struct, frozen=True, kw_only=True):
    """Another account, how strongly it is tied to this one (0 to 1), and by what, the strongest first."""

    account: str
    weight: float
    ties: tuple[Tie, ...]


class Common(msgspec.Struct, frozen=True, kw_only=True):
    """A value that so many accounts have that it ties none of them: an office's network, a carrier."""

    field: str
    value: str
    accounts: int


class Related(msgspec.Struct, frozen=True, kw_only=True):
    """Accounts that share observables with this one, the most strongly tied first.

    ``asked`` counts the values asked about; ``unasked`` says in sentences what could not be, and ``problems`` what was
    not answered. ``population`` is how many accounts there are at all, 0 where nobody says.
    """

    accounts: tuple[RelatedAccount, ...]
    read_at: datetime
    asked: int = 0
    population: int = 0
    common: tuple[Common, ...] = ()
    unasked: tuple[str, ...] = ()
    problems: tuple[str, ...] = ()
