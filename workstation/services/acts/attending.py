"""What the broker does around an act: attests facts, tells the client, hears him, lets withdrawals rest."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from datetime import UTC, datetime
from typing import Any

import msgspec
import psycopg

from workstation.services.accounts.model import Account
from workstation.services.acts.control import AccountControl, Act, Sent
from workstation.services.acts.facts import attested
from workstation.services.acts.putting_off import PuttingOff
from workstation.services.acts.veto import Answers, Judged, Links, Waiting
from workstation.services.clock import Clock, to_micros
from workstation.services.daemon import Log
from workstation.services.errors import Invalid, SourceDenied, SourceError, SourceMissing

#: How often the clients' answers are read while a request can still be stopped; a claim reads them in any case.
VETOES_S = 2.0
#: Pages of answers in one go, so that a flood of them stops nothing else.
PAGES = 20

Rows = Callable[..., Awaitable[list[tuple[Any, ...]]]]
WarnClient = Callable[[Waiting, Account, str], list[dict[str, str]]]


class Vetoes(msgspec.Struct, frozen=True):
    """How a client is told of what waits, and how he stops it. `answers` is None where the exchange keeps none."""

    warn: WarnClient
    links: Links
    answers: Answers | None = None


class Attending:
    """The chores, a step at a time.

    Args:
        rows: runs a statement in the store as the broker.
        control: the account system.
        vetoes: None where this broker tells nobody beforehand; then no act that needs it is ever released.
        clock: for how often to look.
        log: one line per event.
    """

    def __init__(self, rows: Rows, control: AccountControl, vetoes: Vetoes | None, clock: Clock, log: Log) -> None:
        self._rows = rows
        self._control = control
        self._vetoes = vetoes
        self._clock = clock
        self._log = log
        self.putting_off = PuttingOff(clock, log)
        self._heard = -VETOES_S
        self._cursor = ""
        self._unheard: dict[str, Judged] = {}

    async def facts(self) -> int:
        """Read the accounts that somebody waits for, and attest what is there; return how many."""
        wanted = await self._rows("SELECT account_id FROM ws.facts_wanted()")
        for (account,) in wanted:
            try:
                await self.attest(await self._control.read(account))
            except (SourceError, Invalid) as error:
                await self._no_facts(account, error.what)
            except psycopg.DataError as error:
                await self._no_facts(account, type(error).__name__)
        return len(wanted)

    async def _no_facts(self, account: str, why: str) -> None:
        self._log("account.unreadable", account=account, why=why)
        await self._rows("SELECT ws.attest_facts(%s, '', NULL)", (account,))

    async def attest(self, account: Account) -> None:
        """Write down what was just read of an account."""
        said = msgspec.json.encode(attested(account)).decode()
        await self._rows("SELECT ws.attest_facts(%s, %s, %s::jsonb)", (account.id, account.etag, said))

    async def announce(self) -> int:
        """Tell the clients whose accounts somebody asked to loosen; return of how many requests."""
        if self._vetoes is None:
            return 0
        told = 0
        for row in await self._rows("SELECT * FROM ws.unannounced()"):
            waiting = _waiting(row)
            try:
                account = await self._control.read(waiting.account)
            except SourceError as error:
                self._log("account.unreadable", request=waiting.id, why=error.what)
                continue
            mails = self._vetoes.warn(waiting, account, self._vetoes.links.link(waiting))
            with self.putting_off.apart("announce", waiting.id):
                await self._rows("SELECT ws.announce(%s, %s::jsonb)", (waiting.id, msgspec.json.encode(mails).decode()))
                self._log("veto.notice", request=waiting.id, mails=len(mails))
                told += 1
        return told

    def said_no(self, request: str) -> bool:
        """Return whether the client's no to this request is here and waits to be put on record."""
        return request in self._unheard

    async def hear(self, *, now: bool = False) -> bool:
        """Read what clients answered, and stop what they stopped.

        Args:
            now: read in any case; else only every :data:`VETOES_S` and while something can be stopped.

        Returns:
            Whether all answers were read. A claim that waits for this does not go on without it.
        """
        if self._vetoes is None or self._vetoes.answers is None:
            return True
        if not now:
            if self._clock.monotonic() - self._heard < VETOES_S:
                return True
            self._heard = self._clock.monotonic()
            if not (await self._rows("SELECT ws.vetoable()"))[0][0]:
                return True
        if not await self._again():
            self._cursor = (await self._rows("SELECT ws.veto_cursor()"))[0][0] or ""
        for _ in range(PAGES):
            try:
                page = await self._vetoes.answers.read(self._cursor)
            except SourceError as error:
                self._log("vetoes.unreadable", why=error.what)
                return False
            await self._judge([answer.token for answer in page.answers])
            if not page.answers:
                return True
            self._cursor = page.next
            await self._read_so_far()
        self._log("vetoes.many", pages=PAGES)
        return False

    async def _again(self) -> bool:
        """Put on record what could not be at the last look; return whether our cursor is ahead of the store's."""
        if not self._unheard:
            return False
        for one in list(self._unheard.values()):
            await self._record(one, 0)
        await self._read_so_far()
        return True

    async def _read_so_far(self) -> None:
        """Move the store's cursor, but never past a no that is not on record: after a crash it is read again."""
        if not self._unheard:
            await self._rows("SELECT ws.veto_read(%s)", (self._cursor,))

    async def _judge(self, tokens: list[str]) -> None:
        """Put links on record: every one that we signed, and the first of a page that we did not.

        Anybody can send made-up links to the exchange's page, and a thousand of them say no more than one.
        """
        assert self._vetoes is not None
        found = [self._vetoes.links.judge(token) for token in tokens]
        forged = [one for one in found if one.why]
        for one in [*(one for one in found if not one.why), *forged[:1]]:
            await self._record(one, len(forged))

    async def _record(self, one: Judged, forged: int) -> None:
        """Put one link on record; one whose request a person's open transaction holds is kept for the next look."""
        if not one.why:
            self._unheard[str(one.request)] = one
        with self.putting_off.apart("veto", one.request):
            result = await self._rows(
                "SELECT ws.client_veto(%s, %s, %s, %s)", (one.digest, one.request, one.until, one.why)
            )
            self._unheard.pop(str(one.request), None)
            self._log("client.veto", request=one.request, result=result[0][0], forged=forged)

    async def rest(self) -> int:
        """Let withdrawals rest after the acts that ask for it; return how many holds were looked at."""
        due = await self._rows("SELECT id, account_id, hold_key, hold_until FROM ws.holds_due()")
        for request, account, key, until in due:
            state, why = await self._hold(account, str(key), until.astimezone(UTC))
            with self.putting_off.apart("hold", request):
                await self._rows("SELECT ws.hold_settle(%s, %s, %s)", (request, state, why))
                self._log("hold", request=str(request), state=state, why=why)
        return len(due)

    async def _hold(self, account: str, key: str, until: datetime) -> tuple[str, str]:
        """Set the hold and return what a reading shows: ``set``, ``due`` (again later) or ``refused`` (never)."""
        params = {"until": until.isoformat().replace("+00:00", "Z")}
        try:
            before = await self._control.read(account)
            if not _rests(before, until):
                await self._freeze(key, before, params)
            after = await self._control.read(account)
        except (SourceDenied, SourceMissing, Invalid) as error:
            return "refused", error.what
        except SourceError as error:
            return "due", error.what
        return ("set", "") if _rests(after, until) else ("due", "the account does not show it")

    async def _freeze(self, key: str, account: Account, params: dict[str, Any]) -> None:
        known = await self._control.reconcile(key, account.id, Act.FREEZE_WITHDRAWALS, params)
        if known.sent is not Sent.DONE:
            await self._control.execute(key, account.id, Act.FREEZE_WITHDRAWALS, params, account.etag)


def _rests(account: Account, until: datetime) -> bool:
    """Return whether a hold that ends no earlier than `until`, or not by itself, is on the account."""
    return any(hold.until is None or hold.until >= until for hold in account.holds)


def _waiting(row: tuple[Any, ...]) -> Waiting:
    return Waiting(
        id=str(row[0]),
        account=row[1],
        act=row[2],
        case_ref=row[3],
        language=row[4],
        trouble_since_us=to_micros(row[5]),
        created=row[6].astimezone(UTC),
        not_before=row[7].astimezone(UTC),
        until=row[8].astimezone(UTC),
    )
