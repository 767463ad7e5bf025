"""A running demo to attack: real daemons, a real exchange, and what an attacker really has."""

from __future__ import annotations

import argparse
import asyncio
import os
import signal
import sys
from asyncio.subprocess import DEVNULL, PIPE
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager
from pathlib import Path
from typing import Any, NamedTuple

import psycopg

from tests.story import driver, processes
from workstation.commands.common import Where
from workstation.sandbox.place import Place
from workstation.services.errors import Refused
from workstation.services.store import embedded
from workstation.services.store.embedded_cluster import embedded_binaries
from workstation.services.vault import credential_file
from workstation.services.views import Request
from workstation.services.workbench import Workbench

REASON = driver.REASON


class Said(NamedTuple):
    """What a program answered."""

    code: int
    out: str
    err: str


class Arena:
    """The demo, the superuser of its database, and everybody's credentials.

    Args:
        place: the demo's directory.
    """

    def __init__(self, place: Place) -> None:
        self.place = place
        self._lease = embedded.start(place.directory / "store")
        self.su = psycopg.connect(self._lease.superuser_dsn("ws"), autocommit=True)

    def close(self) -> None:
        """Let go of the database."""
        self.su.close()
        self._lease.close()

    @asynccontextmanager
    async def sitting(self, *logins: str) -> AsyncIterator[list[Workbench]]:
        """Sign people in to the product, each at a desk of their own."""
        desks: list[Workbench] = []
        try:
            desks.extend([await self._desk(login) for login in logins])
            yield desks
        finally:
            for desk in desks:
                await desk.aclose()

    async def _desk(self, login: str) -> Workbench:
        return await Where(argparse.Namespace(dir=self.place.directory, person=login, settings=None)).desk()

    async def password(self, login: str) -> str:
        """Return a person's or daemon's password of the store."""
        daemon = {"ws_executor": "broker", "ws_courier": "courier", "ws_notary": "notary", "ws_reader": "reader"}
        if login in daemon:
            path = self.place.directory / "daemons" / daemon[login] / credential_file(f"store:{login}")
            return path.read_text()
        found = await self.place.secrets(login).get(f"store:{login}")
        assert found is not None
        return found

    async def connect(self, login: str, *, autocommit: bool = True) -> psycopg.Connection[Any]:
        """Return a bare connection under somebody's own login."""
        password = await self.password(login)
        return psycopg.connect(self._lease.dsn(login, password, "ws"), autocommit=autocommit, application_name="psql")

    async def psql(self, login: str, statement: str) -> Said:
        """Run a statement with psql under somebody's own login."""
        argv = [str(embedded_binaries().path("psql")), "-X", "-At", "-h", self._lease.host, "-U", login, "-d", "ws"]
        env = {"PATH": os.defpath, "PGPASSWORD": await self.password(login)}
        done = await asyncio.create_subprocess_exec(*argv, "-c", statement, env=env, stdout=PIPE, stderr=PIPE)
        out, err = await done.communicate()
        return Said(done.returncode or 0, out.decode(), err.decode())

    async def workstation(self, *argv: str, env: dict[str, str] | None = None) -> Said:
        """Run a command of the product."""
        command = [sys.executable, "-m", "workstation.cli", *argv]
        done = await asyncio.create_subprocess_exec(*command, env=env, stdin=DEVNULL, stdout=PIPE, stderr=PIPE)
        out, err = await done.communicate()
        return Said(done.returncode or 0, out.decode(), err.decode())

    def value(self, statement: str, *args: object) -> Any:
        """Return the one value of a superuser's query."""
        row = self.su.execute(statement.encode(), args or None).fetchone()
        return row[0] if row else None

    @contextmanager
    def past_the_triggers(self) -> Iterator[None]:
        """Let the superuser write what no rule would: time that has passed, or a crime."""
        self.su.execute("SET session_replication_role = replica")
        try:
            yield
        finally:
            self.su.execute("SET session_replication_role = origin")

    def pid(self, daemon: str) -> int:
        """Return the process of a daemon."""
        return processes.appears(self.place.directory, f" {daemon} ")

    @contextmanager
    def broker_asleep(self) -> Iterator[None]:
        """Keep the broker from its work, as a busy machine might."""
        pid = self.pid("broker")
        os.kill(pid, signal.SIGSTOP)
        try:
            yield
        finally:
            if Path(f"/proc/{pid}").exists():
                os.kill(pid, signal.SIGCONT)

    async def ends_as(self, request: Request, *states: str) -> str:
        """Wait until a request is in one of `states`; return why it is."""

        async def look() -> tuple[str, str]:
            row = self.su.execute("SELECT state, why FROM wsd.request WHERE id = %s", (request.id,)).fetchone()
            assert row is not None
            return str(row[0]), str(row[1])

        _, why = await driver.until(look, lambda now: now[0] in states, f"request in {states}")
        return why


async def asked(desk: Workbench, act: str = "send_password_reset") -> Request:
    """Take a case, step up and ask for an act that one other person must approve."""
    row = await desk.claim_next()
    assert row is not None
    await desk.open_case(row.id)
    await driver.step_up(desk)
    return await desk.request_act(row.id, act, {}, "CLIENT_REQUEST_VERIFIED", REASON)


async def approved(desk: Workbench, request: Request) -> Request:
    """Approve a request after a step-up for exactly it."""
    await driver.step_up(desk, request.request_hash)
    return await desk.approve(request)


async def refused(deed: Any) -> str:
    """Await a deed that must be refused; return the rule that did it."""
    try:
        await deed
    except Refused as error:
        return error.rule
    raise AssertionError("it got through")
