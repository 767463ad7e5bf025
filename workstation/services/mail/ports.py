"""What mail asks of the outside: a mailbox, and the two tables behind it.

A mailbox either hands a mail over, or says which of three things happened instead. The difference is
what keeps a client from getting the same mail twice:

===================  =================================================  =====================
`Mailbox.send`       what is known                                      the outbox row becomes
===================  =================================================  =====================
returns              the server took the mail over                      ``sent``
`SourceBusy`         nothing was handed over; it may work later         ``queued``, with a delay
`SourceDenied`       the server refused this mail or recipient for good ``failed``
anything else        it may have gone out (`SendUnknown` says so)       ``unknown``
===================  =================================================  =====================
"""

from __future__ import annotations

from datetime import datetime
from typing import Protocol

import msgspec

from workstation.services.errors import SourceDown
from workstation.services.mail.inbound import Inbound


class SendUnknown(SourceDown):
    """The link ended after the mail's text was on its way: it may have gone out or not.

    RFC 1047 describes the case: the server has the mail, its answer got lost. Never send again.
    """


class House(msgspec.Struct, frozen=True, kw_only=True):
    """Who we are in mail.

    Attributes:
        brand: the name that clients know, such as ``Example Exchange``.
        address: the one address that mail is sent from.
        authserv: the name that our own mail server writes into Authentication-Results (RFC 8601, 2.5).
        hosts: the exchange's own web hosts, the only ones that a link may name; ASCII, lower case.
    """

    brand: str
    address: str
    authserv: str
    hosts: frozenset[str] = frozenset()

    @property
    def domain(self) -> str:
        """The domain of the address, which also ends our Message-IDs."""
        return self.address.rpartition("@")[2]


class OutRow(msgspec.Struct, frozen=True, kw_only=True):
    """A row of the outbox that is being sent. The recipient was frozen when the analyst pressed the key.

    `in_reply_to` is one Message-ID or empty, `refs` Message-IDs separated by spaces.
    """

    id: int
    case_ref: str
    message_id: str
    recipient: str
    subject: str
    body: str
    language: str
    in_reply_to: str
    refs: str
    created: datetime


class Mailbox(Protocol):
    """One mailbox of the team, to read and to send from. Implementations pass ``tests/mail/contract.py``."""

    async def fetch(self, after: str | None) -> list[tuple[str, bytes]]:
        """Return some mails that came after the cursor `after`, oldest first, each with its own cursor.

        At least once: after a crash or when the mailbox was rebuilt, mails come again, and whoever files
        them drops what is there already. An empty list says that there is nothing new.

        Raises:
            SourceError: the mailbox could not be read.
        """
        ...

    async def sent(self, message_id: str) -> bool:
        """Return whether a mail with this Message-ID lies among those that were sent.

        Raises:
            SourceError: it could not be looked up; that is not a no.
        """
        ...

    async def send(self, message: bytes, recipient: str) -> None:
        """Hand `message` (RFC 5322, CRLF) over for exactly one recipient and keep a copy among the sent ones.

        Raises:
            SourceBusy: nothing was handed over; later it may work.
            SourceDenied: this mail or recipient was refused for good; nothing was handed over.
            SendUnknown: the mail may have gone out.
        """
        ...

    async def aclose(self) -> None:
        """Release connections."""
        ...


class OutboxStore(Protocol):
    """The outbox, seen by the courier. Every call is one committed transaction.

    Telling what became of a row that is not in ``sending`` changes nothing and may raise Invalid.
    """

    async def claim(self) -> OutRow | None:
        """Turn the oldest queued row that is due (recall window and delay are over) into ``sending``."""
        ...

    async def stuck(self) -> list[OutRow]:
        """Return the rows that a courier which is gone left in ``sending``."""
        ...

    async def sent(self, row: int, at: datetime) -> None:
        """The server took the mail over at `at` (UTC)."""
        ...

    async def unknown(self, row: int, why: str) -> None:
        """Nobody knows whether it went out; an analyst decides. Never sent again by itself."""
        ...

    async def failed(self, row: int, why: str) -> None:
        """It was refused for good and did not go out."""
        ...

    async def again(self, row: int, why: str) -> None:
        """It was not handed over: back to ``queued``, due a while later."""
        ...


class InboxStore(Protocol):
    """The inbox, seen by the courier."""

    async def cursor(self) -> str | None:
        """Return the cursor of the last mail that was filed, None at the very beginning."""
        ...

    async def file(self, inbound: Inbound, raw: bytes, cursor: str) -> None:
        """Keep the mail, its raw bytes and the cursor in one transaction; the same mail twice is kept once."""
        ...
