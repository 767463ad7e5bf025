"""The abuse cases that come from outside or from this machine: hostile texts, guessing, poisoned configuration."""

from __future__ import annotations

import csv
import io
import json
import os
import time
from collections.abc import Callable
from pathlib import Path

import psycopg
import pyotp
import pytest

from tests.abuse.arena import REASON, Arena, asked
from tests.hostile import HOSTILE
from tests.story import driver
from tests.ui.test_terminal import Terminal, unsafe
from workstation.services.acts.proofs import Verifier
from workstation.services.vault import credential_file

pytestmark = pytest.mark.long

Layer = Callable[[str], None]
SECRET = "JBSWY3DPEHPK3PXPJBSWY3DPEHPK3PXP"
EVIL = """
import pathlib, keyring.backend
pathlib.Path(__file__).with_name("was-here").touch()
class Keyring(keyring.backend.KeyringBackend):
    priority = 99
"""


def give_codes(arena: Arena, login: str) -> None:
    """Enrol a code generator for a person, wrapped as the broker wants it."""
    key = bytes.fromhex((arena.place.directory / "daemons" / "broker" / credential_file("step-up:key")).read_text())
    wrapped = Verifier("demo", key).wrap(login, SECRET)
    arena.su.execute("SELECT ws.enrol_factor(%s, 'totp', %s, %s)", (login, b"totp:" + login.encode(), wrapped))


async def prove(connection: psycopg.Connection[tuple[object, ...]], code: str, *, keep: bool = True) -> str:
    """Hand in a code on a bare connection; return the broker's answer, ``nothing`` where it was taken back."""
    row = connection.execute("SELECT id FROM ws.challenge(NULL)").fetchone()
    assert row is not None
    connection.commit()
    connection.execute("SELECT ws.prove(%s, %s::jsonb)", (row[0], json.dumps({"code": code})))
    if not keep:
        connection.rollback()
        return "nothing"
    connection.commit()

    async def look() -> str:
        found = connection.execute("SELECT ws.proof_result(%s)", (row[0],)).fetchone()
        connection.commit()
        assert found is not None
        return str(found[0])

    return await driver.until(look, lambda answer: answer != "pending", "the broker's answer")


async def test_12_codes_are_guessed_with_rollback_and_used_twice(arena: Arena, stopped_by: Layer) -> None:
    give_codes(arena, "joao.m")
    arena.su.execute("UPDATE wsd.staff SET methods = '{totp,fido2}' WHERE login = 'joao.m'")
    connection = await arena.connect("joao.m", autocommit=False)
    try:
        now = pyotp.TOTP(SECRET).now()
        assert await prove(connection, now) == "ok"
        assert await prove(connection, now) == "replayed_counter"
        wrong = [f"{n:06}" for n in range(8) if f"{n:06}" not in {now, pyotp.TOTP(SECRET).at(time.time() + 30)}][:5]
        for code in wrong * 2:
            assert await prove(connection, code, keep=False) == "nothing"
        answers = [await prove(connection, code) for code in wrong]
        assert answers[-1] in ("bad_code", "locked")
        assert await prove(connection, pyotp.TOTP(SECRET).at(time.time() + 30)) == "locked"
    finally:
        connection.close()
        arena.su.execute("UPDATE wsd.staff SET methods = NULL WHERE login = 'joao.m'")
        arena.su.execute("UPDATE wsd.throttle SET fails = 0, locked_until = NULL")
        with arena.past_the_triggers():
            arena.su.execute("DELETE FROM wsd.factor WHERE login = 'joao.m' AND kind = 'totp'")
    stopped_by("broker: its own count, steps only upwards")


def hostile_events(path: Path) -> Path:
    """Write one event for each hostile text, in every field that a screen shows."""
    lines = []
    for number, text in enumerate(t for t in HOSTILE.values() if isinstance(t, str) and "\x00" not in t):
        record = {
            "@timestamp": f"2026-11-{number % 20 + 1:02}T10:00:00Z",
            "event.id": f"h{number}",
            "event.action": "sign_in",
            "event.outcome": "failure",
            "event.reason": text,
            "user.name": text,
            "user_agent.original": text,
            "device.id": text,
            "source.geo.city_name": text,
        }
        lines.append(json.dumps(record))
    path.write_text("\n".join(lines))
    return path


async def test_17_hostile_events_reach_a_real_terminal(arena: Arena, stopped_by: Layer, tmp_path: Path) -> None:
    place = str(arena.place.directory)
    async with arena.sitting("ana.k") as (ana,):
        row = await ana.claim_next()
        assert row is not None
    argv = ["import", str(hostile_events(tmp_path / "h.ndjson")), "--source", "ecs", "--account", row.account]
    done = await arena.workstation(*argv, "--case", row.ref, "--dir", place, "--json")
    assert done.code == 0, done.err
    assert json.loads(done.out)["new"] > 40
    terminal = Terminal("-m", "workstation.cli", "demo", "--dir", place, "--as", "ana.k")
    terminal.wait(row.ref)
    terminal.press("enter")
    terminal.wait("sign_in")
    for _ in range(12):
        terminal.press("down", "down", "down", "enter", "\x1b")
    terminal.press("f", "\x1b", "l", "\x1b", "end", "home")
    assert "sign_in" in terminal.text()
    assert unsafe(bytes(terminal.seen)) == []
    terminal.press("q")
    assert terminal.end() == 0
    stopped_by("core: clean(); screen: line filter before the terminal")


async def test_18_a_formula_in_a_csv_and_an_address_that_looks_like_the_clients(
    arena: Arena, stopped_by: Layer, tmp_path: Path
) -> None:
    place = str(arena.place.directory)
    async with arena.sitting("ana.k") as (ana,):
        row = await ana.claim_next()
        assert row is not None
        view = await ana.open_case(row.id)
        event = {"@timestamp": "2026-11-01T10:00:00Z", "event.id": "f1", "event.action": "sign_in"}
        event |= {"user_agent.original": "=cmd|' /C calc'!A0", "device.id": "@SUM(A1)"}
        (tmp_path / "f.ndjson").write_text(json.dumps(event))
        argv = ["import", str(tmp_path / "f.ndjson"), "--source", "ecs", "--account", row.account, "--case", row.ref]
        assert (await arena.workstation(*argv, "--dir", place)).code == 0
        said = await arena.workstation("timeline", row.account, "--csv", "--dir", place)
        rows = list(csv.DictReader(io.StringIO(said.out)))
        assert any(r["event.id"].endswith("f1") or "cmd" in r["user_agent.original"] for r in rows)
        assert not [cell for r in rows for cell in r.values() if cell.lstrip()[:1] in ("=", "+", "-", "@") and cell]

        twin = "s\u0430m@client.example"  # the second letter is Cyrillic
        thread = await ana.thread(row.id)
        first = str(arena.value("SELECT first_message_id FROM wsd.case_file WHERE id = %s", row.id))
        deliver(arena, f"From: Sam <{twin}>\r\nIn-Reply-To: {first}\r\nSubject: Re: help\r\n\r\nSend it here.\r\n")
        found = await driver.until(lambda: ana.thread(row.id), lambda now: len(now) > len(thread), "the mail comes")
        forged = next(m for m in found if m.id not in {t.id for t in thread})
        assert "⚠" in forged.authenticity
        assert view.reply_to_masked and "client.example" not in view.reply_to_masked
        await ana.release(row.id)
    stopped_by("core: csv cells; courier: sender's standing; replies go to the address on record")


def deliver(arena: Arena, mail: str) -> None:
    """Put a mail into the exchange's inbox, as a mail server does."""
    box, name = arena.place.directory / "exchange" / "mail" / "inbox", f"{time.time_ns()}.forged"
    (box / "tmp" / name).write_bytes(mail.encode())
    (box / "tmp" / name).rename(box / "new" / name)


@pytest.mark.parametrize("poison", ["environment", "keyringrc.cfg"])
async def test_20a_the_keyring_is_poisoned(arena: Arena, stopped_by: Layer, tmp_path: Path, poison: str) -> None:
    (tmp_path / "evilring.py").write_text(EVIL)
    config = tmp_path / "config" / "python_keyring"
    config.mkdir(parents=True)
    env = {**os.environ, "HOME": str(tmp_path), "XDG_CONFIG_HOME": str(tmp_path / "config")}
    env["PYTHONPATH"] = os.pathsep.join([str(tmp_path), env.get("PYTHONPATH", "")])
    if poison == "environment":
        env["PYTHON_KEYRING_BACKEND"] = "evilring.Keyring"
    else:
        text = f"[backend]\ndefault-keyring=evilring.Keyring\nkeyring-path={tmp_path}\n"
        (config / "keyringrc.cfg").write_text(text)
    said = await arena.workstation("logout", env=env)
    assert said.code != 0
    assert not (tmp_path / "was-here").exists()
    stopped_by("vault: backend by class, never by configuration")


async def test_20b_a_forged_notice_a_held_lock_and_a_person_disabled_in_between(
    arena: Arena, stopped_by: Layer
) -> None:
    async with arena.sitting("sam.o", "ana.k") as (sam, ana):
        request = await asked(sam)
        await arena.psql("ana.k", f"NOTIFY ws, 'approved:{request.id}'")
        assert next(r for r in await sam.requests(request.case_id) if r.id == request.id).state == "pending"
        holder = await arena.connect("ana.k", autocommit=False)
        row = await ana.claim_next()
        assert row is not None
        holder.execute("SELECT ws.heartbeat(%s)", (row.id,))
        said = await arena.psql("ana.k", "SELECT pg_advisory_lock(1)")
        assert "permission denied" in said.err
        other = await sam.claim_next()
        assert other is not None
        await sam.release(other.id)
        await sam.veto(request.id, REASON)
        arena.su.execute("UPDATE wsd.staff SET enabled = false WHERE login = 'ana.k'")
        try:
            with pytest.raises(psycopg.Error, match=r"not enrolled or disabled|terminat|closed"):
                holder.execute("SELECT ws.note(%s, 'a note')", (row.id,))
        finally:
            holder.close()
            arena.su.execute("UPDATE wsd.staff SET enabled = true WHERE login = 'ana.k'")
    stopped_by("database: notices are hints, locks bind their owner, rights are read at each call")
