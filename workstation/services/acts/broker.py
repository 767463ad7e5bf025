"""The broker: alone holds the account-control write credential, and alone may let a request out.

It listens on nothing. It reads from the database what is released, claims it (which checks everything
again), acts once with the request's id as idempotency key, reads the account back and writes the proof.
After a crash it finds out what became of an act; it never sends one again blindly.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from datetime import UTC, datetime
from typing import Any

import msgspec
import psycopg

from workstation.services.accounts.model import Account
from workstation.services.acts.attending import Attending, Vetoes
from workstation.services.acts.control import AccountControl, Act, Receipt, Sent
from workstation.services.acts.proofs import Candidate, Enrolled, Judgement, Verifier
from workstation.services.clock import Clock, to_micros
from workstation.services.daemon import Log, pause
from workstation.services.errors import Invalid, SourceChanged, SourceDenied, SourceError, SourceMissing
from workstation.services.text import clean

#: How often the broker looks for proofs and released requests. A person waits for it, so it is short;
#: the two queries read partial indexes that are empty nearly always.
POLL_S = 0.1
#: How often open transactions are reaped, late requests expired and unknown ones looked at again.
SWEEP_S = 5.0
#: A proof as text: what a person sent is taken apart here, where one that cannot be read stops nobody else's.
PROOFS = "SELECT id, login, challenge, bind, proof::text, kind, cred_id, data, last_counter, offer FROM ws.proofs()"
#: How much of what an account system says is kept, in characters.
SAID = 2_000
#: How long an act that may have been done is given before its effect is looked for a last time.
SETTLE_S = 1.5


class Released(msgspec.Struct, frozen=True, kw_only=True):
    """A request that may be executed now, or was let out and has no proof yet."""

    id: str
    account: str
    act: Act
    params: dict[str, Any]
    reason: str


class Notice(msgspec.Struct, frozen=True, kw_only=True):
    """An executed act of which the client was not told yet."""

    id: str
    account: str
    act: str
    case_ref: str
    language: str
    trouble_since_us: int
    settled: datetime


#: What a stranger's bytes raise in parsers: too deep, too large, not what they say they are.
UNREADABLE = (
    ValueError,
    TypeError,
    KeyError,
    IndexError,
    AttributeError,
    ArithmeticError,
    RecursionError,
    AssertionError,
)

TellClient = Callable[[Notice, Account], list[dict[str, str]]]


class Broker:
    """The work of the daemon, a step at a time.

    Args:
        conninfo: libpq connection string of ``ws_executor``.
        control: the account system, with the write credential.
        verifier: judges step-up proofs.
        tell: composes the mails of a notice: dicts of message_id, recipient, subject, body, language.
        clock: for TOTP.
        log: one line per event.
        wait: pauses before an unknown act's effect is looked for.
        vetoes: how clients are told beforehand; without it, acts that they may stop are never released.
    """

    def __init__(
        self,
        conninfo: str,
        control: AccountControl,
        verifier: Verifier,
        tell: TellClient,
        clock: Clock,
        log: Log,
        wait: Callable[[float], Awaitable[None]] = asyncio.sleep,
        *,
        vetoes: Vetoes | None = None,
    ) -> None:
        self._conninfo = psycopg.conninfo.make_conninfo(conninfo, application_name="broker", connect_timeout="5")
        self._connection: psycopg.AsyncConnection[Any] | None = None
        self._control = control
        self._verifier = verifier
        self._tell = tell
        self._clock = clock
        self._log = log
        self._wait = wait
        self._vetoes = vetoes
        self.attending = Attending(self._rows, control, vetoes, clock, log)
        self._apart = self.attending.putting_off.apart

    async def run(self, stop: asyncio.Event) -> None:
        """Work until `stop`; a database that goes away is waited for."""
        swept = -SWEEP_S
        while not stop.is_set():
            try:
                if self._clock.monotonic() - swept >= SWEEP_S:
                    swept = self._clock.monotonic()
                    await self.sweep()
                    await self.reconcile()
                busy = await self.judge() + await self.attend() + await self.release() + await self.tell()
            except psycopg.Error as error:
                self._log("store.away", why=str(error).splitlines()[0] if str(error) else type(error).__name__)
                await self._disconnect()
                busy = 0
                await pause(stop, 1.0)
            if not busy:
                await pause(stop, POLL_S)
        await self._disconnect()
        await self._control.aclose()
        if self._vetoes is not None and self._vetoes.answers is not None:
            await self._vetoes.answers.aclose()

    async def judge(self) -> int:
        """Judge the proofs that wait; return how many were judged."""
        done = 0
        challenges: dict[Any, list[tuple[Any, ...]]] = {}
        for row in await self._rows(PROOFS):
            challenges.setdefault(row[0], []).append(row)
        for identifier, rows in challenges.items():
            with self._apart("judge", rows[0][1]):
                await (self._enrol(identifier, rows[0]) if rows[0][9] else self._attest(identifier, rows))
                done += 1
        return done

    async def _attest(self, identifier: Any, rows: list[tuple[Any, ...]]) -> None:
        _, login, challenge, _, proof, *_ = rows[0]
        factors = [Candidate(kind=r[5], cred_id=r[6], data=r[7], last_counter=r[8]) for r in rows if r[5]]
        try:
            sent = msgspec.json.decode(proof)
            found = await self._verifier.verify(login, challenge, sent, factors, self._clock.now().timestamp())
        except UNREADABLE as error:
            self._log("proof.unreadable", login=login, why=type(error).__name__)
            found = Judgement(ok=False, why="bad_message")
        result = await self._rows(
            "SELECT ws.attest(%s, %s, %s, %s, %s, %s)",
            (identifier, found.ok, found.kind, found.cred_id, found.counter, found.why),
        )
        self._log("step_up", login=login, method=found.kind, result=result[0][0])

    async def _enrol(self, identifier: Any, row: tuple[Any, ...]) -> None:
        """Judge the proof of a factor that is offered as new: that it works, not that it counts."""
        _, login, challenge, _, proof, *_, kind = row
        try:
            sent = msgspec.json.decode(proof)
            found = await self._verifier.enrol(kind, login, challenge, sent, self._clock.now().timestamp())
        except UNREADABLE as error:
            self._log("proof.unreadable", login=login, why=type(error).__name__)
            found = Enrolled(ok=False, why="bad_message")
        result = await self._rows(
            "SELECT ws.attest_offer(%s, %s, %s, %s, %s)", (identifier, found.ok, found.cred_id, found.data, found.why)
        )
        self._log("factor.offered", login=login, kind=kind, result=result[0][0])

    async def attend(self) -> int:
        """Do what stands around the acts: facts, notices beforehand, answers, holds; return how much there was."""
        await self.attending.hear()
        return await self.attending.facts() + await self.attending.announce() + await self.attending.rest()

    async def release(self) -> int:
        """Execute what is released; return how many were let out."""
        done = 0
        for row in await self._rows("SELECT * FROM ws.releasable()"):
            # Who cannot be heard may have said no.
            if row[9] and not await self.attending.hear(now=True):
                continue
            if self.attending.said_no(str(row[0])):
                continue
            with self._apart("release", row[0]):
                done += await self._let_out(_released(row), row[8])
        return done

    async def _let_out(self, request: Released, tier: int) -> bool:
        """Claim and execute one request; return whether it was let out."""
        try:
            before = await self._control.read(request.account)
        except SourceError as error:
            self._log("account.unreadable", request=request.id, why=error.what)
            return False
        if tier >= 2:
            await self.attending.attest(before)
        answer = (await self._rows("SELECT ws.claim(%s, %s)", (request.id, before.etag)))[0][0]
        self._log("claim", request=request.id, act=request.act, result=answer)
        if answer == "ok":
            await self._execute(request, before.etag)
        return bool(answer == "ok")

    async def _execute(self, request: Released, etag: str) -> None:
        try:
            receipt = await self._control.execute(request.id, request.account, request.act, request.params, etag)
        except (SourceChanged, SourceDenied, SourceMissing, Invalid) as error:
            await self._settle(request, "failed", Receipt(sent=Sent.NEVER_ARRIVED), "", error.what)
        except SourceError as error:
            self._log("act.unknown", request=request.id, why=error.what)
            await self._wait(SETTLE_S)
            await self._find_out(request, error.what)
        else:
            await self._prove(request, receipt)

    async def reconcile(self) -> int:
        """Find out what became of the acts that have no proof; return how many there were."""
        rows = await self._rows("SELECT * FROM ws.unsettled()")
        for row in rows:
            etag = row[8] if row[9] == "executing" else ""
            with self._apart("reconcile", row[0]):
                await self._find_out(_released(row), "the broker was interrupted after it let the act out", etag)
        return len(rows)

    async def _find_out(self, request: Released, why: str, first_time_at: str = "") -> None:
        """Settle by what the account system knows of the request's key.

        With `first_time_at`, an act that it never saw is sent for the first time, at that version only: the
        broker was killed between the claim and the wire, and the key keeps a late twin from acting twice.
        """
        try:
            receipt = await self._control.reconcile(request.id, request.account, request.act, request.params)
        except SourceError as error:
            await self._settle(request, "unknown", Receipt(sent=Sent.UNKNOWN), "", f"{why}; {error.what}")
            return
        if receipt.sent is Sent.DONE:
            await self._prove(request, receipt)
        elif receipt.sent is Sent.NEVER_ARRIVED and first_time_at:
            await self._execute(request, first_time_at)
        elif receipt.sent is Sent.NEVER_ARRIVED:
            await self._settle(request, "failed", receipt, "", f"{why}; the account system never saw it")
        else:
            await self._settle(request, "unknown", receipt, "", why)

    async def _prove(self, request: Released, receipt: Receipt) -> None:
        """Read the account again and settle by what it shows, not by what was answered."""
        try:
            after = await self._control.read(request.account)
        except SourceError as error:
            await self._settle(
                request, "unknown", receipt, "", f"done as answered, but it cannot be read back: {error.what}"
            )
            return
        shown = self._control.holds(after, request.act, request.params)
        if shown is False:
            await self._settle(request, "unknown", receipt, readback(after), "the account does not show the effect")
        else:
            note = "" if shown else "no read can show this effect; the account system's answer stands for it"
            await self._settle(request, "executed", receipt, readback(after), note, after.etag)

    async def _settle(
        self, request: Released, outcome: str, receipt: Receipt, shown: str, why: str, etag: str = ""
    ) -> None:
        # what an account system says may be no text that the store can keep, and what was done must be on record
        said = (clean(word, SAID) for word in (receipt.reference, etag or receipt.etag, shown, why))
        await self._rows("SELECT ws.settle(%s, %s, %s, %s, %s, %s)", (request.id, outcome, *said))
        self._log("settle", request=request.id, act=request.act, outcome=outcome, why=why)

    async def tell(self) -> int:
        """Queue the notices to clients of executed acts and of broken glass; return of how many they were told."""
        told = await self._tell_glass()
        for row in await self._rows("SELECT * FROM ws.untold()"):
            notice = Notice(
                id=str(row[0]),
                account=row[1],
                act=row[2],
                case_ref=row[4],
                language=row[5],
                trouble_since_us=to_micros(row[6]),
                settled=row[7].astimezone(UTC),
            )
            try:
                account = await self._control.read(notice.account)
            except SourceError as error:
                self._log("account.unreadable", request=notice.id, why=error.what)
                continue
            mails = msgspec.json.encode(self._tell(notice, account)).decode()
            with self._apart("tell", notice.id):
                await self._rows("SELECT ws.tell_client(%s, %s::jsonb)", (notice.id, mails))
                told += 1
        return told

    async def _tell_glass(self) -> int:
        """Tell the clients on whose accounts one person alone may act now."""
        told = 0
        for row in await self._rows("SELECT * FROM ws.glass_untold()"):
            notice = Notice(
                id=f"break-glass {row[0]}",
                account=row[1],
                act="break_glass",
                case_ref=row[2],
                language=row[3],
                trouble_since_us=to_micros(row[4]),
                settled=row[5].astimezone(UTC),
            )
            try:
                account = await self._control.read(notice.account)
            except SourceError as error:
                self._log("account.unreadable", request=notice.id, why=error.what)
                continue
            mails = msgspec.json.encode(self._tell(notice, account)).decode()
            with self._apart("tell", notice.id):
                await self._rows("SELECT ws.tell_glass(%s, %s::jsonb)", (row[0], mails))
                told += 1
        return told

    async def sweep(self) -> None:
        """End transactions that hold others up, expire what nobody approved, forget old challenges; show our key."""
        for statement in ("SELECT ws.reap()", "SELECT ws.sweep()", "SELECT ws.purge()"):
            await self._rows(statement)
        await self._rows("SELECT ws.publish_seal_key(%s)", (self._verifier.seal_key,))

    async def _rows(self, statement: str, args: tuple[Any, ...] = ()) -> list[tuple[Any, ...]]:
        if self._connection is None or self._connection.closed:
            self._connection = await psycopg.AsyncConnection.connect(self._conninfo, autocommit=True)
        cursor = await self._connection.execute(statement.encode(), args)
        return await cursor.fetchall()

    async def _disconnect(self) -> None:
        connection, self._connection = self._connection, None
        if connection is not None:
            await connection.close()


def _released(row: tuple[Any, ...]) -> Released:
    return Released(id=str(row[0]), account=row[1], act=Act(row[2]), params=row[3], reason=f"{row[4]}: {row[5]}")


def readback(account: Account) -> str:
    """Return what the account shows, in one line, without personal data."""
    locks = ", ".join(lock.kind for lock in account.locks) or "none"
    holds = ", ".join(hold.kind for hold in account.holds) or "none"
    factors = ", ".join(factor.kind for factor in account.factors) or "none"
    return (
        f"status {account.status}; locks {locks}; holds {holds}; factors {factors}; "
        f"sessions {len(account.sessions)}; version {account.etag}"
    )
