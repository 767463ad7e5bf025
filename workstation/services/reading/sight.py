"""How a desk looks at client data: for a purpose that the store knows, with a reader in the house or without one."""

from __future__ import annotations

import hashlib
from datetime import datetime
from typing import TYPE_CHECKING, Protocol

import msgspec

from workstation.services.accounts.model import Account, ContactKind, Status
from workstation.services.accounts.ports import AccountReader
from workstation.services.acts.refusals import refused
from workstation.services.clock import Clock
from workstation.services.errors import SourceMissing
from workstation.services.reading.summary import summary
from workstation.services.text import mask_email
from workstation.services.timeline.event import Event
from workstation.services.views import Pin

if TYPE_CHECKING:
    from workstation.services.store.session import Session

HOUR_S = 3600.0
#: What stands for the client's first name in a mail until the store fills it in.
NAME_HOLE = "{name}"


class Purposes:
    """What this session opened, and why: cases with their account, and accounts with a typed reason."""

    def __init__(self) -> None:
        #: case → (account id, since when there is trouble)
        self.cases: dict[int, tuple[str, datetime]] = {}
        self.reasons: dict[str, str] = {}

    def of(self, account: str) -> int | str:
        """Return the case last opened for an account, or the reason that was typed for it.

        Raises:
            Refused: this session did not open it.
        """
        for case in reversed(self.cases):
            if self.cases[case][0] == account:
                return case
        if account not in self.reasons:
            raise refused("not_opened")
        if not self.reasons[account]:
            raise refused("ticket_expired")
        return self.reasons[account]

    def spent(self, account: str) -> None:
        """A typed reason was for one look; the next look needs one of its own."""
        if account in self.reasons:
            self.reasons[account] = ""


class Given(msgspec.Struct, frozen=True, kw_only=True):
    """A view ticket, as it is given out once; `left` is how many further accounts this hour allows."""

    token: str
    kind: str
    until: datetime
    left: int


class TicketBook(Protocol):
    """Where view tickets come from: the session of the person who looks, or, in a loader, a question to it."""

    async def get(self, account: str) -> Given:
        """Return a ticket for what the account is open for now. Raises Refused with the rule in words, StoreError."""
        ...

    async def search(self, text: str) -> Given:
        """Return a ticket for one search. Raises Refused, StoreError."""
        ...

    def drop(self, account: str) -> None:
        """Forget a ticket that does not hold any more."""
        ...


class Tickets:
    """Gets view tickets from the store and keeps them while they last. Tokens stay in this object.

    Args:
        session: of the person who looks.
        purposes: what was opened.
    """

    def __init__(self, session: Session, purposes: Purposes) -> None:
        self._session = session
        self._purposes = purposes
        self._given: dict[str, tuple[int | str, Given]] = {}

    async def get(self, account: str) -> Given:
        """Return a ticket for what the account is open for now. Raises Refused with the rule in words, StoreError."""
        why = self._purposes.of(account)
        known = self._given.get(account)
        if known is not None and known[0] == why:
            return known[1]
        if isinstance(why, int):
            given = await self._session.typed(Given, "view_ticket", why)
        else:
            given = await self._session.typed(Given, "view_ticket_reason", account, why)
        self._given[account] = why, given
        return given

    async def search(self, text: str) -> Given:
        """Return a ticket for one search. Raises Refused, StoreError."""
        return await self._session.typed(Given, "search_ticket", hashlib.sha256(text.encode()).digest())

    def drop(self, account: str) -> None:
        """Forget a ticket that does not hold any more, and with it the reason that was typed for it."""
        known = self._given.pop(account, None)
        if known is not None and isinstance(known[0], str):
            self._purposes.spent(account)


class Addressee(msgspec.Struct, frozen=True, kw_only=True):
    """Where the reply of a case goes. `address` is empty where the reader keeps it; `name` is for the greeting."""

    address: str
    masked: str
    name: str


class Sight(Protocol):
    """What a desk needs beside accounts, events and risk."""

    @property
    def fills_name(self) -> bool:
        """Whether :data:`NAME_HOLE` in a mail is filled on its way, because nobody here knows the name."""
        ...

    async def admit(self, account: str) -> Given:
        """Take the right to look, for the purpose for which the account was opened. Raises Refused, StoreError."""
        ...

    async def find(self, text: str) -> tuple[str, ...]:
        """Return ids of accounts that `text` names exactly. Raises Refused, SourceError."""
        ...

    async def field(self, account: str, field: str) -> tuple[str, ...]:
        """Return a revealed field's values; the reveal is on record already. Raises SourceError."""
        ...

    async def pin(self, case: int, account: str, event: Event) -> Pin:
        """Keep the record of `event`, as its source sent it, as evidence of the case. Raises Refused, SourceError."""
        ...

    async def addressee(self, case: int, account: str, since: datetime) -> Addressee | None:
        """Return where the case's mail goes; None where no address was verified before the trouble."""
        ...

    async def aclose(self) -> None:
        """Let go of everything."""
        ...


class Direct:
    """Without a reader: this process reads with tokens of its own, and purpose and budget are a habit, not a wall.

    Args:
        session: of the person who looks.
        accounts: the account system.
        tickets: for the record and the budget, which count an account again after an hour.
        clock: for that hour.
    """

    def __init__(self, session: Session, accounts: AccountReader, tickets: Tickets, clock: Clock) -> None:
        self._session = session
        self._accounts = accounts
        self._tickets = tickets
        self._clock = clock
        self._since: dict[str, float] = {}

    @property
    def fills_name(self) -> bool:
        """False: the name is known here."""
        return False

    async def admit(self, account: str) -> Given:
        """Take the right to look, once an hour."""
        now = self._clock.monotonic()
        if now - self._since.get(account, now) > HOUR_S:
            self._tickets.drop(account)
            del self._since[account]
        given = await self._tickets.get(account)
        self._since.setdefault(account, now)
        return given

    async def find(self, text: str) -> tuple[str, ...]:
        """Return ids of accounts that `text` names exactly; that counts as a view."""
        await self._tickets.search(text)
        return await self._accounts.find(text)

    async def field(self, account: str, field: str) -> tuple[str, ...]:
        """Return the field's values."""
        read = await self._accounts.read(account)
        if field == "name":
            return (read.name,) if read.name else ()
        kind = ContactKind.EMAIL if field == "email" else ContactKind.PHONE
        return tuple(c.value for c in read.contacts if c.kind is kind and c.replaced_at is None)

    async def pin(self, case: int, account: str, event: Event) -> Pin:
        """Keep the event as it came here."""
        return await self._session.typed(Pin, "pin", case, event.source, event.id, summary(event), event.raw)

    async def addressee(self, case: int, account: str, since: datetime) -> Addressee | None:
        """Return the address on record and the first name."""
        read = await read_or_unknown(self._accounts, account)
        contact = read.address_on_record(since)
        if contact is None:
            return None
        name = read.name.split()[0] if read.name.strip() else ""
        return Addressee(address=contact.value, masked=mask_email(contact.value), name=name)

    async def aclose(self) -> None:
        """Nothing of its own to let go of."""


async def read_or_unknown(accounts: AccountReader, account: str) -> Account:
    """Return the account; one that no system knows is ``unknown``. Raises SourceError."""
    try:
        return await accounts.read(account)
    except SourceMissing:
        return Account(id=account, etag="", status=Status.UNKNOWN)
