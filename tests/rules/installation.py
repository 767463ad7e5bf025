"""A store with its rules and people, as the abuse tests use it.

People: ana and ben (Level 1, P1 and P2), carla (Level 2, P3), david and his second login david2 (senior, P4), erika
(senior, P5), zed (senior of another team, P6), fay (lead, P7), gus (auditor, P8). All have the same TOTP secret.
"""

from __future__ import annotations

import asyncio
import atexit
import fcntl
import json
import operator
import os
import secrets
import shutil
import subprocess
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from functools import cache
from pathlib import Path
from typing import Any

import msgspec
import psycopg
import pyotp

from workstation.services.accounts.model import (
    Account,
    Contact,
    ContactKind,
    Factor,
    Hold,
    Lock,
    LockKind,
    SimState,
    Status,
)
from workstation.services.acts.attending import Vetoes
from workstation.services.acts.broker import Broker, Notice
from workstation.services.acts.control import Act, Receipt, Sent
from workstation.services.acts.facts import attested
from workstation.services.acts.proofs import Verifier
from workstation.services.acts.telling import verified
from workstation.services.acts.veto import Answer, Links, Page, Waiting
from workstation.services.clock import SystemClock, from_micros
from workstation.services.errors import SourceDown
from workstation.services.people import procedures
from workstation.services.store import embedded
from workstation.services.store.logins import make_login
from workstation.services.store.migrate import migrate

RP = "ws.invalid"
SECRET = "JBSWY3DPEHPK3PXPJBSWY3DPEHPK3PXP"
PEOPLE = {
    "ana": ("P1", 1, "analyst", "A", "ws_l1"),
    "ben": ("P2", 1, "analyst", "A", "ws_l1"),
    "carla": ("P3", 2, "analyst", "A", "ws_l2"),
    "david": ("P4", 3, "analyst", "A", "ws_senior"),
    "david2": ("P4", 3, "analyst", "A", "ws_senior"),
    "erika": ("P5", 3, "analyst", "A", "ws_senior"),
    "zed": ("P6", 3, "analyst", "B", "ws_senior"),
    "fay": ("P7", 3, "lead", "A", "ws_lead"),
    "gus": ("P8", 1, "auditor", "A", "ws_auditor"),
}
DAEMONS = ("ws_executor", "ws_courier", "ws_notary", "ws_reader")
REASON = "a reason text of enough length"


class Killed(BaseException):
    """Stands for kill -9 at this point."""


LONG_AGO = datetime(2024, 1, 1, tzinfo=UTC)
EMAIL, PHONE = "client@x.invalid", "+15550001"
SEED = b"v" * 32


class Control:
    """An account system in memory that can be told where to fail. Every account looks like :attr:`like`."""

    def __init__(self) -> None:
        self.version = 1
        self.locked = True
        self.effects: list[str] = []
        self.seen: set[str] = set()
        self.fail: dict[str, BaseException] = {}
        self.shows_effect = True
        self.holds_set: list[Hold] = []
        self.like = Account(
            id="",
            etag="",
            status=Status.ACTIVE,
            balance_usd=100.0,
            sim=SimState.UNCHANGED,
            password_changed_at=LONG_AGO,
            contacts=(
                Contact(kind=ContactKind.EMAIL, value=EMAIL, verified_at=LONG_AGO),
                Contact(kind=ContactKind.PHONE, value=PHONE, verified_at=LONG_AGO),
            ),
            factors=(Factor(id="f1", kind="totp"), Factor(id="pk", kind="passkey")),
        )

    def _at(self, point: str) -> None:
        if point in self.fail:
            raise self.fail.pop(point)

    async def read(self, account: str) -> Account:
        self._at("read")
        return self.shown(account)

    def shown(self, account: str) -> Account:
        """Return the account as it stands."""
        locks = (Lock(id="l1", kind=LockKind.SECURITY, set_at=from_micros(0)),) if self.locked else ()
        status = Status.LOCKED if self.locked else Status.ACTIVE
        return msgspec.structs.replace(
            self.like, id=account, etag=f"e{self.version}", status=status, locks=locks, holds=tuple(self.holds_set)
        )

    def change(self, **fields: Any) -> None:
        """Change the account behind everybody's back."""
        self.like = msgspec.structs.replace(self.like, **fields)
        self.version += 1

    async def execute(self, key: str, account: str, act: Act, params: dict[str, Any], etag: str) -> Receipt:
        self._at("hold" if act is Act.FREEZE_WITHDRAWALS and "until" in params else "before effect")
        if key not in self.seen:
            self.seen.add(key)
            self.version += 1
            if act is Act.FREEZE_WITHDRAWALS and "until" in params:
                until = datetime.fromisoformat(params["until"])
                self.holds_set.append(Hold(id=key, kind="staff", set_at=LONG_AGO, until=until))
            else:
                self.effects.append(key)
                self._effect(act, params)
        self._at("after effect")
        return Receipt(sent=Sent.DONE, reference=f"r-{key}", etag=f"e{self.version}")

    def _effect(self, act: Act, params: dict[str, Any]) -> None:
        if not self.shows_effect:
            return
        if act is Act.REMOVE_FACTOR:
            stays = tuple(f for f in self.like.factors if f.id != params["factor"])
            self.like = msgspec.structs.replace(self.like, factors=stays)
        else:
            self.locked = act is not Act.UNLOCK

    async def reconcile(self, key: str, account: str, act: Act, params: dict[str, Any]) -> Receipt:
        self._at("reconcile")
        return Receipt(sent=Sent.DONE if key in self.seen else Sent.NEVER_ARRIVED)

    def holds(self, account: Account, act: Act, params: dict[str, Any]) -> bool | None:
        if act is Act.REMOVE_FACTOR:
            return params["factor"] not in {f.id for f in account.factors}
        return not account.locks if act is Act.UNLOCK else bool(account.locks)

    async def aclose(self) -> None:
        """Nothing to release."""


class Box:
    """The exchange's veto page in memory: what clients answered, in order."""

    def __init__(self) -> None:
        self.tokens: list[str] = []
        self.page = 2
        self.away = False

    async def read(self, cursor: str) -> Page:
        if self.away:
            raise SourceDown("the page is away")
        start = int(cursor or 0)
        found = tuple(Answer(token=t, at=LONG_AGO) for t in self.tokens[start : start + self.page])
        return Page(answers=found, next=str(start + len(found)))

    async def aclose(self) -> None:
        """Nothing to release."""


class Installation:
    """A running store."""

    def __init__(self, lease: embedded.Lease) -> None:
        self.lease = lease
        self.verifier = Verifier(RP, os.urandom(32))
        self.passwords: dict[str, str] = {}
        self.control = Control()
        self.box = Box()
        self.links = Links(SEED, "https://exchange.invalid/stop")
        self.su = psycopg.connect(lease.superuser_dsn("ws"), autocommit=True)
        self._open: list[psycopg.Connection[Any]] = [self.su]
        self._desks: dict[str, psycopg.Connection[Any]] = {}

    def enrol(self) -> None:
        procedures.install(self.su, procedures.standard())
        for login, (person, level, role, team, group) in PEOPLE.items():
            self.add(login, person, level, role, team, group)
        # A code counts for everything here, and beside a key: most tests are about something else.
        self.su.execute("UPDATE wsd.method_policy SET max_tier = 3, unless_owns = ''")
        self.su.execute(
            "INSERT INTO wsd.grant_of(login, act, given_by, until) "
            "SELECT s.login, p.act, 'fay', now() + interval '1 day' "
            "FROM wsd.staff s, wsd.policy p WHERE s.level = 2 AND p.tier >= 2 AND p.min_level <= 2"
        )
        for daemon in DAEMONS:
            self._login(daemon, None)

    def add(self, login: str, person: str, level: int, role: str, team: str, group: str) -> None:
        """Enrol one person with the common TOTP secret."""
        self._login(login, group)
        self.su.execute(
            "SELECT ws.enrol(%s, %s, %s, %s::smallint, %s, %s, '{en}')", (login, person, login, level, role, team)
        )
        wrapped = self.verifier.wrap(login, SECRET)
        self.su.execute("SELECT ws.enrol_factor(%s, 'totp', %s, %s)", (login, b"t" * 16, wrapped))

    def _login(self, login: str, group: str | None) -> None:
        self.passwords[login] = secrets.token_urlsafe(16)
        make_login(self.su, login, self.passwords[login], group)
        self.su.execute(f"ALTER ROLE {login} CONNECTION LIMIT 40")  # the tests open many on purpose

    def conninfo(self, login: str) -> str:
        return self.lease.dsn(login, self.passwords[login], "ws")

    def connect(self, login: str, *, autocommit: bool = True) -> psycopg.Connection[Any]:
        connection = psycopg.connect(self.conninfo(login), autocommit=autocommit, application_name="psql")
        self._open.append(connection)
        return connection

    def desk(self, login: str) -> psycopg.Connection[Any]:
        """Return this login's one lasting connection; a new one where the broker ended the last."""
        known = self._desks.get(login)
        if known is None or known.closed or not _lives(known):
            self._desks[login] = self.connect(login)
        return self._desks[login]

    def case(self, account: str, team: str = "A") -> int:
        row = self.su.execute(
            "INSERT INTO wsd.case_file(kind, account_id, team, language) "
            "VALUES ('access_lost', %s, %s, 'en') RETURNING id",
            (account, team),
        ).fetchone()
        assert row is not None
        return int(row[0])

    def broker(self, log: list[str] | None = None) -> Broker:
        def tell(notice: Notice, account: Account) -> list[dict[str, str]]:
            return [
                {
                    "message_id": f"<{notice.id}@x.invalid>",
                    "recipient": "client@x.invalid",
                    "subject": "done",
                    "body": "done",
                    "language": "en",
                }
            ]

        def warn(waiting: Waiting, account: Account, link: str) -> list[dict[str, str]]:
            return [
                {
                    "message_id": f"<warn.{waiting.id}.{n}@x.invalid>",
                    "recipient": address,
                    "subject": "stop?",
                    "body": link,
                    "language": "en",
                }
                for n, address in enumerate(verified(account, waiting.created))
            ]

        async def at_once(seconds: float) -> None:
            return None

        return Broker(
            self.conninfo("ws_executor"),
            self.control,
            self.verifier,
            tell,
            SystemClock(),
            lambda event, **fields: log.append(event) if log is not None else None,
            at_once,
            vetoes=Vetoes(warn, self.links, self.box),
        )

    def broke(self, *steps: str) -> None:
        """Run steps of a fresh broker to their end."""

        async def go() -> None:
            broker = self.broker()
            try:
                for step in steps:
                    await operator.attrgetter(step)(broker)()
            finally:
                await broker._disconnect()

        asyncio.run(go())

    def attest(self, account: str) -> None:
        """Have the account's facts attested as they stand, by the broker's own login."""
        now = self.control.shown(account)
        said = msgspec.json.encode(attested(now)).decode()
        self.desk("ws_executor").execute("SELECT ws.attest_facts(%s, %s, %s::jsonb)", (account, now.etag, said))

    def client_wrote(self, case: int, sender: str = EMAIL, verdict: str = "DMARC pass") -> None:
        """File a mail of the client in the case."""
        self.su.execute(
            "INSERT INTO wsd.mail(case_id, direction, state, message_id, sender, authenticity, raw) "
            "VALUES (%s, 'in', 'received', gen_random_uuid()::text, %s, %s, '\\x00')",
            (case, sender, verdict),
        )

    def proofs(self, login: str, case: int, *classes: str) -> None:
        """Pin an item for each class and record what it proves; the case is this login's."""
        desk = self.desk(login)
        for name in classes:
            pin = answer(desk, "SELECT ws.pin(%s, 'log', %s, 'it', '\\x01')", case, f"{name}{secrets.token_hex(4)}")
            made = answer(desk, "SELECT ws.record_proof(%s, %s, %s, 'what the item shows')", case, name, pin["id"])
            assert made["proof_class"] == name, made

    def mails_left(self) -> None:
        """Stand for the courier: every mail has left the house."""
        self.su.execute("UPDATE wsd.mail SET state = 'sent' WHERE direction = 'out' AND state = 'queued'")

    def cooled(self, request: str, age: str = "24 h 1 min") -> None:
        """Let time have passed since a request, its notice and its approvals; the link in the mail stays."""
        self.su.execute("SET session_replication_role = replica")
        for table, key, columns in (
            ("request", "id", ("created", "not_before", "approve_by")),
            ("approval", "request_id", ("decided", "execute_by", "approve_by")),
            ("veto_notice", "request_id", ("told",)),
        ):
            moved = ", ".join(f"{c} = {c} - %(age)s::interval" for c in columns)
            self.su.execute(f"UPDATE wsd.{table} SET {moved} WHERE {key} = %(id)s", {"age": age, "id": request})
        self.su.execute("UPDATE wsd.request r SET request_hash = wsd.request_hash(r) WHERE id = %s", (request,))
        self.su.execute(
            "UPDATE wsd.approval a SET request_hash = r.request_hash FROM wsd.request r "
            "WHERE r.id = a.request_id AND r.id = %s",
            (request,),
        )
        self.su.execute("SET session_replication_role = origin")

    def reset_factors(self) -> None:
        """Let a code be used again, and forget failures: the tests are quicker than thirty seconds."""
        self.su.execute("UPDATE wsd.factor SET last_counter = 0")
        self.su.execute("UPDATE wsd.throttle SET fails = 0, locked_until = NULL")

    def step_up(self, connection: psycopg.Connection[Any], bind: bytes | None = None, code: str = "") -> str:
        """Challenge, prove, let the broker judge; return the result."""
        row = connection.execute("SELECT id FROM ws.challenge(%s)", (bind,)).fetchone()
        assert row is not None
        if not code:
            self.su.execute("UPDATE wsd.factor SET last_counter = 0")
        proof = json.dumps({"code": code or pyotp.TOTP(SECRET).now()})
        connection.execute("SELECT ws.prove(%s, %s::jsonb)", (row[0], proof))
        self.broke("judge")
        answer = connection.execute("SELECT ws.proof_result(%s)", (row[0],)).fetchone()
        assert answer is not None
        return str(answer[0])

    def close(self) -> None:
        for connection in self._open:
            connection.close()


def answer(connection: psycopg.Connection[Any], statement: str, *args: object) -> Any:
    """Return the one value of a statement; a refusal as ``DENIED:rule``, an error as its SQLSTATE."""
    try:
        cursor = connection.execute(statement.encode(), args or None)
    except psycopg.Error as error:
        if connection.info.transaction_status.name == "INERROR" and not connection.autocommit:
            connection.rollback()
        return error.sqlstate
    if cursor.description is None:
        return f"rows={cursor.rowcount}"
    row = cursor.fetchone()
    value = row[0] if row else None
    return f"DENIED:{value['denied']}" if isinstance(value, dict) and "denied" in value else value


def _lives(connection: psycopg.Connection[Any]) -> bool:
    try:
        connection.execute("SELECT 1")
    except psycopg.OperationalError:
        return False
    return True


@cache
def _mould() -> tuple[Path, Verifier, dict[str, str]]:
    """Return the files of a store with its rules and people, stopped, and its secrets: made once a process."""
    home = Path(tempfile.mkdtemp(prefix="mould"))
    atexit.register(shutil.rmtree, home, ignore_errors=True)
    with embedded.start(home / "store") as lease:
        migrate(lease.superuser_dsn("postgres"))
        made = Installation(lease)
        made.enrol()
        made.close()
    with (home / "store" / "supervisor.lock").open() as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)  # until the server has stopped
    return home / "store" / "data", made.verifier, made.passwords


@contextmanager
def installation(directory: Path) -> Iterator[Installation]:
    """Start a store with its rules and people; stop it at the end."""
    data, verifier, passwords = _mould()
    directory.mkdir(mode=0o700, parents=True, exist_ok=True)
    subprocess.run(["cp", "-a", data, directory / "data"], check=True)
    with embedded.start(directory) as lease:
        made = Installation(lease)
        made.verifier, made.passwords = verifier, dict(passwords)
        try:
            yield made
        finally:
            made.close()
