"""A store with its rules and people, as the abuse tests use it.

People: ana and ben (Level 1, P1 and P2), carla (Level 2, P3), david and his second login david2 (senior, P4), erika
(senior, P5), zed (senior of another team, P6), fay (lead, P7), gus (auditor, P8). All have the same TOTP secret.
"""

from __future__ import annotations

import asyncio
import json
import os
import secrets
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import psycopg
import pyotp

from workstation.services.accounts.model import Account, Lock, LockKind, Status
from workstation.services.acts.broker import Broker, Notice
from workstation.services.acts.control import Act, Receipt, Sent
from workstation.services.acts.proofs import Verifier
from workstation.services.clock import SystemClock, from_micros
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
DAEMONS = ("ws_executor", "ws_courier", "ws_notary")
REASON = "a reason text of enough length"


class Killed(BaseException):
    """Stands for kill -9 at this point."""


class Control:
    """An account system in memory that can be told where to fail."""

    def __init__(self) -> None:
        self.version = 1
        self.locked = True
        self.effects: list[str] = []
        self.seen: set[str] = set()
        self.fail: dict[str, BaseException] = {}
        self.shows_effect = True

    def _at(self, point: str) -> None:
        if point in self.fail:
            raise self.fail.pop(point)

    async def read(self, account: str) -> Account:
        self._at("read")
        locks = (Lock(id="l1", kind=LockKind.SECURITY, set_at=from_micros(0)),) if self.locked else ()
        status = Status.LOCKED if self.locked else Status.ACTIVE
        return Account(id=account, etag=f"e{self.version}", status=status, locks=locks)

    async def execute(self, key: str, account: str, act: Act, params: dict[str, Any], etag: str) -> Receipt:
        self._at("before effect")
        if key not in self.seen:
            self.seen.add(key)
            self.effects.append(key)
            self.version += 1
            if self.shows_effect:
                self.locked = act is not Act.UNLOCK
        self._at("after effect")
        return Receipt(sent=Sent.DONE, reference=f"r-{key}", etag=f"e{self.version}")

    async def reconcile(self, key: str, account: str, act: Act, params: dict[str, Any]) -> Receipt:
        self._at("reconcile")
        return Receipt(sent=Sent.DONE if key in self.seen else Sent.NEVER_ARRIVED)

    def holds(self, account: Account, act: Act, params: dict[str, Any]) -> bool | None:
        return not account.locks if act is Act.UNLOCK else bool(account.locks)

    async def aclose(self) -> None:
        """Nothing to release."""


class Installation:
    """A running store."""

    def __init__(self, lease: embedded.Lease) -> None:
        self.lease = lease
        self.verifier = Verifier(RP, os.urandom(32))
        self.passwords: dict[str, str] = {}
        self.control = Control()
        self.su = psycopg.connect(lease.superuser_dsn("ws"), autocommit=True)
        self._open: list[psycopg.Connection[Any]] = [self.su]
        self._desks: dict[str, psycopg.Connection[Any]] = {}

    def enrol(self) -> None:
        procedures.install(self.su, procedures.standard())
        for login, (person, level, role, team, group) in PEOPLE.items():
            self._login(login, group)
            self.su.execute(
                "SELECT ws.enrol(%s, %s, %s, %s::smallint, %s, %s, '{en}')", (login, person, login, level, role, team)
            )
            wrapped = self.verifier.wrap(login, SECRET)
            self.su.execute("SELECT ws.enrol_factor(%s, 'totp', %s, %s)", (login, b"t" * 16, wrapped))
        for daemon in DAEMONS:
            self._login(daemon, None)

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
        """Return this login's one lasting connection."""
        if login not in self._desks or self._desks[login].closed:
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
        )

    def broke(self, *steps: str) -> None:
        """Run steps of a fresh broker to their end."""

        async def go() -> None:
            broker = self.broker()
            try:
                for step in steps:
                    await getattr(broker, step)()
            finally:
                await broker._disconnect()

        asyncio.run(go())

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


@contextmanager
def installation(directory: Path) -> Iterator[Installation]:
    """Start a store with its rules and people; stop it at the end."""
    with embedded.start(directory) as lease:
        migrate(lease.superuser_dsn("postgres"))
        made = Installation(lease)
        try:
            made.enrol()
            yield made
        finally:
            made.close()
