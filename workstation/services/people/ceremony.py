"""The two ceremonies that need a superuser: founding a team, and bringing back a lost factor (docs/people.md).

Both leave in the audit what anybody can check afterwards: the founding the signatures of both founders' keys over one
statement, the recovery whose sealed keys were used. Nothing here can stop the owner of the machine; it makes that what
he does without others shows.
"""

from __future__ import annotations

import base64
import hashlib
import os
import secrets
import threading
from collections.abc import Callable
from typing import Any

import msgspec
import psycopg
from psycopg.types.json import Jsonb

from workstation.services.acts.proofs import Candidate, Verifier
from workstation.services.acts.refusals import refused
from workstation.services.acts.stepup import Devices, assertion_of
from workstation.services.clock import Clock
from workstation.services.errors import Invalid, StepUpFailed
from workstation.services.people.factors import credential_of
from workstation.services.store.logins import make_login

#: NIST SP 800-63B-4, 3.1.1.2: at least 15 characters where the password is the only factor of a login.
PASSWORD_MIN = 15
#: Bytes of a sealed key: as many bits as a code generator's secret.
SEALED_BYTES = 20


class Founder(msgspec.Struct, frozen=True, kw_only=True):
    """Somebody who founds: `standing` is lead, or senior for the second one."""

    login: str
    person: str
    name: str
    standing: str
    email: str = ""


class Founded(msgspec.Struct, frozen=True, kw_only=True):
    """What came of a founding: the statement, and each founder's sealed key, shown once."""

    statement: str
    sealed: dict[str, str]


class Ceremony:
    """The room: a store, the keys that are plugged in, and what people are told and asked.

    Args:
        connection: of a superuser, to the store's database, autocommit.
        rp_id: WebAuthn relying-party id.
        devices: where security keys come from.
        clock: for the statement.
        say: tells everybody in the room; waits where a key must be changed.
    """

    def __init__(
        self,
        connection: psycopg.Connection[Any],
        rp_id: str,
        devices: Devices,
        clock: Clock,
        say: Callable[[str], object],
    ) -> None:
        self._connection = connection
        self._rp_id = rp_id
        self._devices = devices
        self._clock = clock
        self._say = say
        self._verifier = Verifier(rp_id, os.urandom(32))

    async def found(self, team: str, founders: tuple[Founder, Founder], passwords: dict[str, str]) -> Founded:
        """Enrol the first two of a store, each with a key that signs the same statement.

        Args:
            team: of both.
            founders: the first one a lead.
            passwords: by login, typed by each.

        Raises:
            Invalid: a password is too short, or both are one person.
            StepUpFailed: a key did not do its part.
            Refused: people are enrolled already.
        """
        first, second = founders
        if first.person == second.person or first.login == second.login or first.standing != "lead":
            raise Invalid("A founding needs two people, the first one a lead.", "Name two people.")
        if any(len(passwords[f.login]) < PASSWORD_MIN for f in founders):
            raise Invalid(
                "The password is too short.", f"It needs at least {PASSWORD_MIN} characters (NIST SP 800-63B-4)."
            )
        if self._value("SELECT count(*) FROM wsd.staff"):
            raise refused("founded_already")
        made = {f.login: await self._new_key(f.login) for f in founders}
        statement = self._statement(team, founders, made)
        signed = {f.login: await self._signature(f.login, statement, *made[f.login]) for f in founders}
        sealed = {f.login: sealed_key() for f in founders}
        people = [
            {
                **msgspec.structs.asdict(f),
                "team": team,
                "languages": ["en"],
                "kind": "fido2",
                "cred": made[f.login][0].hex(),
                "data": made[f.login][1].hex(),
                "signature": signed[f.login],
                "recovery": digest(sealed[f.login]).hex(),
            }
            for f in founders
        ]
        with self._connection.transaction():
            for f in founders:
                make_login(self._connection, f.login, passwords[f.login], f"ws_{f.standing}")
            self._connection.execute("SELECT ws.found(%s, %s)", (statement, Jsonb(people)))
        return Founded(statement=statement, sealed=sealed)

    async def recover(self, login: str, sealed: tuple[str, str], reason: str) -> tuple[tuple[str, str], ...]:
        """Give `login` a new key by two people's sealed keys; every factor that it had ends.

        Returns:
            (whose, the new sealed key) for each key that was used; they are shown once.

        Raises:
            StepUpFailed: the new key did not do its part.
            Refused: the sealed keys are not of two people, or the login or the reason is not one.
        """
        credential, data = await self._new_key(login)
        new = [sealed_key(), sealed_key()]
        answer = self._value(
            "SELECT ws.recover(%s, %s, 'fido2', %s, %s, %s, %s)",
            login,
            [plain(key) for key in sealed],
            credential,
            data,
            [digest(key) for key in new],
            reason,
        )
        if "denied" in answer:
            raise refused(answer["denied"])
        return tuple(zip(answer["holders"], new, strict=True))

    async def _new_key(self, login: str) -> tuple[bytes, bytes]:
        self._say(f"{login}: plug in your key and touch it.")
        challenge = secrets.token_bytes(32)
        answer = credential_of(self._devices, self._rp_id, login, challenge, [], threading.Event())
        found = await self._verifier.enrol("fido2", login, challenge, {"register": answer}, 0.0)
        if not found.ok:
            raise StepUpFailed("The key's answer was not accepted.", "Try again, or use another key.")
        return found.cred_id, found.data

    async def _signature(self, login: str, statement: str, credential: bytes, data: bytes) -> str:
        self._say(f"{login}: touch your key again, to sign:\n  {statement}")
        challenge = hashlib.sha256(statement.encode()).digest()
        answer = assertion_of(self._devices, self._rp_id, challenge, [credential], threading.Event())
        factor = Candidate(kind="fido2", cred_id=credential, data=data, last_counter=0)
        if not self._verifier.judge(login, challenge, {"fido2": answer}, [factor], 0.0).ok:
            raise StepUpFailed("The key's signature was not accepted.", "Try again, or use another key.")
        return msgspec.json.encode(answer).decode()

    def _statement(self, team: str, founders: tuple[Founder, Founder], made: dict[str, tuple[bytes, bytes]]) -> str:
        cluster = self._value("SELECT system_identifier FROM pg_control_system()")
        who = "; ".join(
            f"{f.name} ({f.person}) as {f.login}, {f.standing}, key {made[f.login][0].hex()}" for f in founders
        )
        return f"We found team {team} of store {cluster} on {self._clock.now():%Y-%m-%dT%H:%M:%SZ}: {who}."

    def _value(self, statement: str, *args: object) -> Any:
        row = self._connection.execute(statement.encode(), args or None).fetchone()
        assert row is not None
        return row[0]


def sealed_key() -> str:
    """Return a fresh key for an envelope: 160 bits in base32, in groups that can be read aloud."""
    text = base64.b32encode(secrets.token_bytes(SEALED_BYTES)).decode()
    return "-".join(text[i : i + 4] for i in range(0, len(text), 4))


def plain(key: str) -> str:
    """Return a sealed key as it is digested: capitals without hyphens and blanks."""
    return "".join(key.upper().replace("-", "").split())


def digest(key: str) -> bytes:
    """Return what the store keeps of a sealed key. 160 random bits need no slow hash."""
    return hashlib.sha256(plain(key).encode()).digest()
