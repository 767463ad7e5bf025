"""The first two people, and the worst day: who was there shows, and one alone gets nowhere."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import psycopg
import pytest
from fido2.ctap import CtapDevice

from tests.people.keys import PluggedKey
from tests.rules.installation import RP, Installation, answer
from workstation.services.acts.proofs import Candidate, Verifier
from workstation.services.clock import FrozenClock
from workstation.services.errors import Invalid, Refused, StepUpFailed
from workstation.services.people.ceremony import Ceremony, Founded, Founder, digest, sealed_key
from workstation.services.store import embedded
from workstation.services.store.migrate import migrate

LENA = Founder(login="lena", person="P1", name="Lena L.", standing="lead", email="lena@exchange.example")
SINA = Founder(login="sina", person="P2", name="Sina S.", standing="senior")
PASSWORDS = {"lena": "a password of length", "sina": "another of good length"}
WHY = "all keys burned in the office fire"


class Room:
    """A ceremony whose people plug in their keys when they are told to."""

    def __init__(self, connection: psycopg.Connection[Any], directory: Path) -> None:
        self.directory = directory
        self.directory.mkdir(exist_ok=True)
        self.plugged: list[CtapDevice] = []
        self.said: list[str] = []
        self.ceremony = Ceremony(
            connection, RP, lambda: self.plugged, FrozenClock(datetime(2026, 5, 1, 9, tzinfo=UTC)), self.say
        )

    def say(self, words: str) -> None:
        self.said.append(words)
        self.plugged = [PluggedKey(self.directory / f"{words.partition(':')[0]}.json")]


@pytest.fixture(scope="module")
def lease(tmp_path_factory: pytest.TempPathFactory) -> Iterator[embedded.Lease]:
    with embedded.start(tmp_path_factory.mktemp("founding") / "store") as made:
        migrate(made.superuser_dsn("postgres"))
        yield made


@pytest.fixture(scope="module")
def ws(lease: embedded.Lease) -> Iterator[Installation]:
    """A store with rules and nobody in it."""
    made = Installation(lease)
    yield made
    made.close()


@pytest.fixture(scope="module")
def room(ws: Installation, tmp_path_factory: pytest.TempPathFactory) -> Room:
    return Room(ws.su, tmp_path_factory.mktemp("keys"))


@pytest.fixture(scope="module")
async def founded(ws: Installation, room: Room) -> Founded:
    with pytest.raises(Invalid, match="two people"):
        await room.ceremony.found("A", (LENA, LENA), PASSWORDS)
    with pytest.raises(Invalid, match="password is too short"):
        await room.ceremony.found("A", (LENA, SINA), {"lena": "short", "sina": "short"})
    return await room.ceremony.found("A", (LENA, SINA), PASSWORDS)


def test_both_keys_signed_one_statement_and_anybody_can_check_that(ws: Installation, founded: Founded) -> None:
    (payload,) = ws.su.execute("SELECT payload FROM wsd.audit WHERE event = 'founding'").fetchone()  # type: ignore[misc]
    record = json.loads(payload)
    assert record["statement"] == founded.statement
    assert "lena" in founded.statement and "sina" in founded.statement
    challenge = hashlib.sha256(founded.statement.encode()).digest()
    for person in record["people"]:
        factor = Candidate(
            kind="fido2", cred_id=bytes.fromhex(person["cred"]), data=bytes.fromhex(person["data"]), last_counter=0
        )
        proof = {"fido2": json.loads(person["signature"])}
        assert Verifier(RP, bytes(32)).judge(person["login"], challenge, proof, [factor], 0.0).ok
        assert not Verifier(RP, bytes(32)).judge(person["login"], b"x" * 32, proof, [factor], 0.0).ok
        assert "recovery" not in person
    assert all(key not in payload for key in founded.sealed.values())


def test_they_sign_in_and_founding_is_done_once(ws: Installation, lease: embedded.Lease, founded: Founded) -> None:
    assert founded
    for founder, level in ((LENA, 3), (SINA, 3)):
        with psycopg.connect(lease.dsn(founder.login, PASSWORDS[founder.login], "ws")) as desk:
            me = answer(desk, "SELECT ws.whoami()")
            assert (me["level"], me["name"]) == (level, founder.name)
    assert answer(ws.su, "SELECT ws.found('again', '[]')") == "42501"


async def test_a_second_founding_is_refused(room: Room, founded: Founded) -> None:
    with pytest.raises(Refused, match="already"):
        await room.ceremony.found("B", (LENA, SINA), PASSWORDS)


async def test_two_sealed_keys_bring_one_login_back(ws: Installation, room: Room, founded: Founded) -> None:
    old = ws.su.execute("SELECT cred_id FROM wsd.factor WHERE login = 'sina' AND enabled").fetchall()
    sealed = founded.sealed
    with pytest.raises(Refused, match="two different people"):
        await room.ceremony.recover("sina", (sealed["lena"], sealed["lena"]), WHY)
    with pytest.raises(Refused, match="two different people"):
        await room.ceremony.recover("sina", (sealed["lena"], "AAAA-BBBB"), WHY)
    with pytest.raises(Refused, match="too short"):
        await room.ceremony.recover("sina", (sealed["lena"], sealed["sina"]), "fire")
    typed = (sealed["lena"].lower().replace("-", " "), sealed["sina"])
    new = dict(await room.ceremony.recover("sina", typed, WHY))
    now = ws.su.execute("SELECT cred_id FROM wsd.factor WHERE login = 'sina' AND enabled").fetchall()
    assert len(now) == 1 and now != old
    assert set(new) == {"P1", "P2"}
    with pytest.raises(Refused, match="two different people"):
        await room.ceremony.recover("sina", (sealed["lena"], sealed["sina"]), WHY)
    assert dict(await room.ceremony.recover("lena", (new["P1"], new["P2"]), WHY))
    outcomes = ws.su.execute("SELECT outcome FROM wsd.audit WHERE event = 'recovery' ORDER BY ts").fetchall()
    assert [o[0] for o in outcomes].count("ok") == 2
    assert [o[0] for o in outcomes].count("denied") == 4
    with psycopg.connect(ws.lease.dsn("lena", PASSWORDS["lena"], "ws")) as desk:
        assert {a["kind"] for a in answer(desk, "SELECT ws.alerts()")} == {"recovery"}


async def test_a_sealed_key_of_somebody_who_left_opens_nothing(ws: Installation, room: Room, founded: Founded) -> None:
    digests = {}
    add = "INSERT INTO wsd.recovery_key(person_id, digest) VALUES (%s, %s)"
    for person in ("P1", "P2"):
        digests[person] = sealed_key()
        ws.su.execute(add, (person, digest(digests[person])))
    ws.su.execute("UPDATE wsd.staff SET enabled = false WHERE login = 'lena'")
    try:
        with pytest.raises(Refused, match="two different people"):
            await room.ceremony.recover("sina", (digests["P1"], digests["P2"]), WHY)
    finally:
        ws.su.execute("UPDATE wsd.staff SET enabled = true WHERE login = 'lena'")


async def test_a_person_who_is_not_there_is_not_brought_back(room: Room, founded: Founded) -> None:
    with pytest.raises(Refused):
        await room.ceremony.recover("nobody", ("A", "B"), WHY)


async def test_a_key_that_nobody_plugs_in(ws: Installation, founded: Founded) -> None:
    empty = Ceremony(ws.su, RP, list, FrozenClock(datetime(2026, 5, 1, tzinfo=UTC)), lambda words: None)
    with pytest.raises(StepUpFailed, match="plugged in"):
        await empty.recover("sina", ("A", "B"), WHY)


def test_what_the_installer_does_past_the_ceremony_is_an_alarm(ws: Installation, founded: Founded) -> None:
    ws._login("sly", "ws_lead")
    ws.su.execute("SELECT ws.enrol('sly', 'P9', 'Sly', 3::smallint, 'lead', 'A', '{}')")
    ws.su.execute("SELECT ws.enrol_factor('sly', 'totp', 'x', 'x')")
    with psycopg.connect(ws.lease.dsn("lena", PASSWORDS["lena"], "ws")) as desk:
        kinds = [a["kind"] for a in answer(desk, "SELECT ws.alerts()") if a["about"] == "sly"]
    assert sorted(kinds) == ["installer.enrol", "installer.factor"]
    assert ("sly",) in ws.su.execute("SELECT object FROM wsd.audit WHERE event = 'installer.enrol'").fetchall()
