"""`workstation admin` about people, as people call it: with a key, a session and a broker of their own."""

from __future__ import annotations

import argparse
import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from pathlib import Path

import pyotp
import pytest

from tests.people.keys import PluggedKey
from tests.people.staff import REASON, Staff
from tests.rules.installation import RP
from workstation.commands import admin
from workstation.commands.admin_people import PARTS, Here
from workstation.services.acts.stepup import StepUp
from workstation.services.errors import Invalid, Refused, StepUpFailed
from workstation.services.people.ceremony import digest
from workstation.services.store.session import Session, convert
from workstation.services.views import Person

Call = Callable[..., Awaitable[None]]


@pytest.fixture(scope="module")
def keys(staff: Staff, tmp_path_factory: pytest.TempPathFactory) -> Iterator[dict[str, PluggedKey]]:
    """A key for each of those who do something here."""
    made = {}
    for login in ("fay", "gina", "erika", "david"):
        key = PluggedKey(tmp_path_factory.mktemp(login) / "key.json")
        data = key.soft.enrol(RP)
        staff.su.execute("SELECT ws.enrol_factor(%s, 'fido2', %s, %s)", (login, data[18:50], data))
        made[login] = key
    yield made
    staff.su.execute("DELETE FROM wsd.factor WHERE kind = 'fido2'")


@pytest.fixture
async def call(staff: Staff, keys: dict[str, PluggedKey]) -> AsyncIterator[Call]:
    """Run a part of the command as somebody, while a broker works."""
    stop = asyncio.Event()
    broker = asyncio.create_task(staff.ws.broker().run(stop))

    async def go(login: str, *words: str) -> None:
        parser = argparse.ArgumentParser()
        admin.configure(parser)
        args = parser.parse_args(words)
        session = Session(staff.ws.conninfo(login), "admin")
        try:
            person = convert(await session.open(), Person)
            devices = [keys[login]] if login in keys else []
            here = Here(session, person, StepUp(session, RP, lambda: devices), None)
            await PARTS[args.part](args, here)
        finally:
            await session.aclose()

    yield go
    stop.set()
    await broker


def change_of(capsys: pytest.CaptureFixture[str]) -> str:
    return capsys.readouterr().out.split("admin confirm ")[-1].split()[0]


async def test_a_grant_from_end_to_end(staff: Staff, call: Call, capsys: pytest.CaptureFixture[str]) -> None:
    who = staff.newcomer(2, group="ws_l2")
    await call("fay", "grant", who, "unlock", "--days", "30", "--reason", REASON)
    change = change_of(capsys)
    with pytest.raises(Refused, match="Nobody approves an own"):
        await call("fay", "confirm", change)
    await call("erika", "confirm", change)
    await call("fay", "team")
    shown = capsys.readouterr().out
    assert "unlock until" in next(line for line in shown.splitlines() if line.startswith(who))
    await call("gina", "revoke", who, "unlock", "--reason", REASON)
    assert staff.one("SELECT wsd.granted(s, 'unlock') FROM wsd.staff s WHERE login = %s", who) is False


async def test_a_person_comes_and_goes(staff: Staff, call: Call, capsys: pytest.CaptureFixture[str]) -> None:
    words = "invite peter --person P90 --name Peter --standing l1 --team A --language en --email p@exchange.example"
    await call("fay", *words.split())
    said = capsys.readouterr().out
    password = said.strip().rpartition(" ")[2]
    await call("gina", "confirm", said.split("admin confirm ")[1].split()[0])
    session = Session(staff.ws.lease.dsn("peter", password, "ws"), "first")
    assert (await session.open())["name"] == "Peter"
    await session.aclose()
    await call("gina", "standing", "peter", "l2", "--reason", REASON)
    await call("erika", "confirm", change_of(capsys))
    await call("fay", "standing", "peter", "l1", "--reason", REASON)
    assert "at once" in capsys.readouterr().out
    await call("fay", "disable", "peter", "--reason", REASON)
    assert staff.one("SELECT enabled FROM wsd.staff WHERE login = 'peter'") is False
    await call("fay", "alerts")
    assert "Peter was disabled" in capsys.readouterr().out


async def test_a_factor_is_offered_and_confirmed(
    staff: Staff, call: Call, keys: dict[str, PluggedKey], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    who = staff.newcomer(3, group="ws_senior")
    keys[who] = PluggedKey(tmp_path / "key.json")
    await call(who, "factor", "add", "--label", "blue")
    await call("fay", "confirm", change_of(capsys))
    await call(who, "factor", "list")
    listed = capsys.readouterr().out
    assert "blue" in listed
    with pytest.raises(StepUpFailed, match="already"):
        await call(who, "factor", "add", "--label", "the same again")
    credential = next(line for line in listed.splitlines() if "  fido2 " in line).split()[0]
    with pytest.raises(Invalid, match="hexadecimal"):
        await call("fay", "factor", "end", "--login", who, "--cred", "blue", "--reason", REASON)
    await call("fay", "factor", "end", "--login", who, "--cred", credential, "--reason", REASON)
    assert staff.one("SELECT count(*) FROM wsd.factor WHERE login = %s AND enabled AND kind = 'fido2'", who) == 0


async def test_a_code_generator_is_offered(
    staff: Staff, call: Call, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    who = staff.newcomer()

    def typed(prompt: str) -> str:
        shown = capsys.readouterr().out
        return pyotp.parse_uri(next(line for line in shown.splitlines() if line.startswith("otpauth"))).now()  # type: ignore[union-attr]

    monkeypatch.setattr("getpass.getpass", typed)
    await call(who, "factor", "add", "--kind", "totp", "--label", "phone")
    await call("gina", "confirm", change_of(capsys))
    assert staff.one("SELECT count(*) FROM wsd.factor WHERE login = %s AND enabled AND label = 'phone'", who) == 1


async def test_a_drill_and_its_review(call: Call, capsys: pytest.CaptureFixture[str]) -> None:
    await call("david", "break-glass-drill", "INC-77", "--reason", REASON)
    said = capsys.readouterr().out
    assert said.count("✓") == 4 and "✗" not in said
    await call("fay", "reviews")
    shown = capsys.readouterr().out
    assert "DRILL INC-77" in shown and "no act" in shown
    await call("fay", "review", shown.split()[0], "justified", "--reason", REASON)
    await call("fay", "reviews")
    assert "INC-77" not in capsys.readouterr().out


async def test_a_sealed_key_is_made_by_its_owner_and_agreed_to(
    staff: Staff, call: Call, capsys: pytest.CaptureFixture[str]
) -> None:
    await call("fay", "sealed-key")
    said = capsys.readouterr().out
    await call("erika", "confirm", said.split("admin confirm ")[1].split()[0])
    key = said.strip().rpartition(" ")[2]
    kept = staff.su.execute("SELECT digest FROM wsd.recovery_key WHERE person_id = 'P7' AND used IS NULL").fetchall()
    assert [bytes(row[0]) for row in kept] == [digest(key)]
    await call("fay", "sealed-key")
    await call("erika", "confirm", change_of(capsys))
    assert staff.one("SELECT count(*) FROM wsd.recovery_key WHERE person_id = 'P7' AND used IS NULL") == 1


async def test_unlocking(staff: Staff, call: Call) -> None:
    who = staff.newcomer()
    staff.su.execute("UPDATE wsd.throttle SET fails = 5, locked_until = 'infinity' WHERE login = %s", (who,))
    await call("fay", "unlock", who, "--reason", REASON)
    assert staff.one("SELECT locked_until FROM wsd.throttle WHERE login = %s", who) is None


async def test_without_a_way_to_step_up_it_says_why(staff: Staff, call: Call) -> None:
    lead = staff.newcomer(3, "lead", "ws_lead")
    staff.su.execute("UPDATE wsd.factor SET enabled = false WHERE login = %s", (lead,))
    with pytest.raises(StepUpFailed, match="no way to step up") as caught:
        await call(lead, "unlock", "ana", "--reason", REASON)
    assert "enrolled" in caught.value.hint
