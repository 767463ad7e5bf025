"""The courier's core: takes queued mail to the mailbox and what came in to the store. No SQL, no sockets.

Two promises, whatever breaks and whenever it is killed:

* **Never two mails.** A row is ``sending`` in the store before the first byte leaves. What is found in
  ``sending`` afterwards is looked up by its Message-ID among the sent ones: found is ``sent``, not found
  is ``unknown``, and an ``unknown`` row is never sent again by a program (``docs/decisions/0006-outbox.md``).
* **None lost silently.** A mail that came in moves the cursor in the same transaction that keeps it;
  one that the store cannot keep as it is, is kept as its raw bytes.
"""

from __future__ import annotations

import asyncio
from datetime import datetime

import msgspec

from workstation.services.clock import Clock
from workstation.services.daemon import Log, pause
from workstation.services.errors import Invalid, SourceBusy, SourceDenied, SourceError, StoreError, WorkstationError
from workstation.services.mail import tokens
from workstation.services.mail.inbound import Inbound, parse, stand_in
from workstation.services.mail.message import build
from workstation.services.mail.ports import House, InboxStore, Mailbox, OutboxStore, OutRow

#: Seconds between looks at the outbox (the recall window is 15 s) and at an empty inbox.
OUTBOX_EVERY, INBOX_EVERY = 1.0, 5.0
#: Seconds to leave a failing mailbox alone: the first time, and at most.
PAUSE_FIRST, PAUSE_MOST = 2.0, 120.0


class _Pause:
    """When something may be tried again, on the monotonic clock."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._until = float("-inf")
        self._next = PAUSE_FIRST

    @property
    def over(self) -> bool:
        return self._clock.monotonic() >= self._until

    def failed(self, asked: float | None = None) -> float:
        """Wait twice as long as the last time, or as long as was asked for; returns the seconds."""
        seconds = min(max(self._next, asked or 0.0), PAUSE_MOST)
        self._next = min(self._next * 2, PAUSE_MOST)
        self._until = self._clock.monotonic() + seconds
        return seconds

    def idle(self, seconds: float) -> None:
        self._until = self._clock.monotonic() + seconds
        self._next = PAUSE_FIRST

    def worked(self) -> None:
        self._until = float("-inf")
        self._next = PAUSE_FIRST


class _Outcome(msgspec.Struct, frozen=True, kw_only=True):
    """What became of a row, until the store knows it."""

    row: int
    case: str
    state: str
    why: str = ""
    at: datetime | None = None


class Courier:
    """One courier works one mailbox; a second one on the same store would take the first's rows for stuck.

    Args:
        outbox: what is to be sent.
        inbox: where mail that came in is kept.
        mailbox: the way out and in.
        clock: dates the mails and measures pauses.
        house: who we are.
        log: called with a word and fields; never with an address or a text.
        key: signs the case tokens in subjects, see :mod:`workstation.services.mail.tokens`.
    """

    def __init__(
        self,
        outbox: OutboxStore,
        inbox: InboxStore,
        mailbox: Mailbox,
        clock: Clock,
        *,
        house: House,
        log: Log,
        key: bytes | None = None,
    ) -> None:
        self._outbox = outbox
        self._inbox = inbox
        self._mailbox = mailbox
        self._clock = clock
        self._house = house
        self._log = log
        self._key = key
        self._owed: _Outcome | None = None
        self._recovered = False
        self._sending, self._reading, self._looking = _Pause(clock), _Pause(clock), _Pause(clock)

    async def run(self, stop: asyncio.Event) -> None:
        """Work until `stop` is set; a mail that is on its way is finished first. Trouble is logged and tried again."""
        self._log("courier.started")
        while not stop.is_set():
            try:
                busy = await self.step()
            except WorkstationError as error:
                self._log("courier.trouble", why=error.sentence())
                busy = False
            if not busy:
                await pause(stop, OUTBOX_EVERY)
        self._log("courier.stopped")

    async def step(self) -> bool:
        """Do what is due now: settle, recover, take in one batch, send one mail. Returns whether there was anything.

        Raises:
            StoreError: the store could not be asked. Nothing is lost by calling again.
        """
        try:
            settled = await self._settle()
            await self._recover()
            received = await self._receive()
            return await self._send() or settled or received
        except StoreError:
            # Whether the call reached the store is not known; a claim may have: look for stuck rows again.
            self._recovered = False
            raise

    async def _settle(self) -> bool:
        """Tell the store what became of the last row; until it knows, nothing else is sent."""
        owed = self._owed
        if owed is None:
            return False
        try:
            await self._tell(owed)
        except Invalid as error:
            # The row is not in ``sending`` any more: an earlier call reached the store and its answer got lost.
            self._log("mail.settled_before", outbox=owed.row, why=error.sentence())
        self._owed = None
        self._log(f"mail.{owed.state}", outbox=owed.row, case=owed.case, why=owed.why)
        return True

    async def _tell(self, owed: _Outcome) -> None:
        if owed.state == "sent":
            await self._outbox.sent(owed.row, owed.at or self._clock.now())
        elif owed.state == "again":
            await self._outbox.again(owed.row, owed.why)
        elif owed.state == "failed":
            await self._outbox.failed(owed.row, owed.why)
        else:
            await self._outbox.unknown(owed.row, owed.why)

    async def _recover(self) -> None:
        """Look up the rows that a killed courier left in ``sending``."""
        if self._recovered or not self._looking.over:
            return
        for row in await self._outbox.stuck():
            try:
                found = await self._mailbox.sent(row.message_id)
            except SourceError as error:
                seconds = self._looking.failed()
                self._log("mail.lookup_failed", outbox=row.id, why=error.sentence(), again_in_s=seconds)
                return
            why = "" if found else "The courier was interrupted at this mail, and it is not among the sent ones."
            state = "sent" if found else "unknown"
            self._owed = _Outcome(row=row.id, case=row.case_ref, state=state, why=why, at=self._clock.now())
            await self._settle()
        self._recovered = True
        self._looking.worked()

    async def _receive(self) -> bool:
        if not self._reading.over:
            return False
        try:
            mails = await self._mailbox.fetch(await self._inbox.cursor())
        except SourceError as error:
            seconds = self._reading.failed()
            self._log("inbox.unreadable", why=error.sentence(), again_in_s=seconds)
            return False
        for cursor, raw in mails:
            await self._file(raw, cursor)
        if mails:
            self._reading.worked()
        else:
            self._reading.idle(INBOX_EVERY)
        return bool(mails)

    async def _file(self, raw: bytes, cursor: str) -> None:
        house = self._house
        inbound = await asyncio.to_thread(parse, raw, house.authserv, brand=house.brand, our_address=house.address)
        inbound = self._without_false_token(inbound)
        try:
            await self._inbox.file(inbound, raw, cursor)
        except Invalid as error:
            await self._inbox.file(stand_in(raw, f"The store refused this mail: {error.sentence()}"), raw, cursor)
            self._log("inbox.refused", why=error.sentence())
        self._log("mail.received", size=inbound.size, verified=inbound.verified, thread=inbound.case_token)

    def _without_false_token(self, inbound: Inbound) -> Inbound:
        """Take off a case token that our key did not sign: a guessed number joins no case."""
        if not inbound.case_token or self._key is None:
            return inbound
        if tokens.right_tag(inbound.case_token, inbound.token_tag, self._key):
            return inbound
        return msgspec.structs.replace(inbound, case_token="", token_tag="")

    async def _send(self) -> bool:
        if not self._sending.over:
            return False
        row = await self._outbox.claim()
        if row is None:
            return False
        self._owed = await self._attempt(row)
        return await self._settle()

    async def _attempt(self, row: OutRow) -> _Outcome:
        """Send one mail and return what is known of it afterwards, see the table in :mod:`.ports`."""

        def outcome(state: str, why: str = "") -> _Outcome:
            return _Outcome(row=row.id, case=row.case_ref, state=state, why=why, at=self._clock.now())

        try:
            letter = build(row, house=self._house, now=self._clock.now(), key=self._key)
        except Invalid as error:
            return outcome("failed", error.sentence())
        try:
            await self._mailbox.send(letter.raw, letter.recipient)
        except SourceBusy as error:
            self._sending.failed(error.retry_after)
            return outcome("again", error.sentence())
        except SourceDenied as error:
            return outcome("failed", error.sentence())
        except WorkstationError as error:
            self._sending.failed()
            return outcome("unknown", error.sentence())
        self._sending.worked()
        return outcome("sent")


async def serve(
    conninfo: str,
    mailbox: Mailbox,
    clock: Clock,
    stop: asyncio.Event,
    log: Log,
    *,
    house: House,
    key: bytes | None = None,
) -> None:
    """Run the courier on a PostgreSQL store until `stop` is set, then let go of mailbox and store.

    Args:
        conninfo: libpq connection string of the courier's own role.
        mailbox: closed at the end.
        clock: usually the system's.
        stop: set by the process entry on SIGTERM.
        log: writes one JSON line a call.
        house: who we are.
        key: signs the case tokens.
    """
    from workstation.services.mail.store import SqlStore

    store = SqlStore(conninfo)
    try:
        await Courier(store, store, mailbox, clock, house=house, log=log, key=key).run(stop)
    finally:
        await mailbox.aclose()
        await store.aclose()
