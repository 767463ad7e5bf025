"""An hour with a login: what was valid once, used again, elsewhere or by another. Each attempt, and where it ended."""

from __future__ import annotations

import hashlib
import json
import secrets
from typing import Any

import psycopg
import pyotp
import pytest

from tests.rules import asking
from tests.rules.installation import REASON, SECRET, Control, Installation, answer
from tests.rules.red import asked, held

PROVE = "SELECT ws.prove(%s, %s::jsonb)"
CODE = "SELECT ws.intent(%s, 'remove_factor', %s::jsonb)"


@pytest.fixture(autouse=True)
def quiet(ws: Installation) -> None:
    ws.control = Control()
    asking.forget(ws)


def challenge(desk: psycopg.Connection[Any], bind: bytes | None = None) -> str:
    row = desk.execute("SELECT id FROM ws.challenge(%s)", (bind,)).fetchone()
    assert row is not None
    return str(row[0])


def ended(ws: Installation, session: psycopg.Connection[Any]) -> None:
    """End a session and wait until the server has none of it left."""
    assert answer(ws.su, "SELECT pg_terminate_backend(%s, 5000)", session.info.backend_pid) is True


def right() -> str:
    return json.dumps({"code": pyotp.TOTP(SECRET).now()})


def test_a_challenge_is_answered_by_whom_it_was_given(ws: Installation) -> None:
    hers = challenge(ws.desk("ana"))
    assert answer(ws.desk("ben"), PROVE, hers, right()) == "DENIED:unknown_challenge"
    assert answer(ws.desk("ben"), "SELECT ws.proof_result(%s)", hers) is None


def test_a_challenge_elevates_the_session_that_asked_for_it_and_no_other(ws: Installation) -> None:
    """A proof that was relayed to another session of the same login elevates the first one, or nobody."""
    asking_for, other = ws.connect("erika"), ws.connect("erika")
    identifier = challenge(asking_for)
    assert answer(other, PROVE, identifier, right()) == {"ok": True}
    ws.broke("judge")
    assert answer(other, "SELECT ws.elevation()")["on"] is False
    assert answer(asking_for, "SELECT ws.elevation()")["on"] is True


def test_a_session_that_ended_is_not_elevated_and_its_number_is_nobodys(ws: Installation) -> None:
    gone = ws.connect("erika")
    identifier = challenge(gone)
    assert answer(gone, PROVE, identifier, right()) == {"ok": True}
    ended(ws, gone)
    ws.broke("judge")
    assert answer(ws.desk("erika"), "SELECT ws.proof_result(%s)", identifier) == "backend_gone"


def test_a_code_counts_once_whoever_of_the_person_uses_it(ws: Installation) -> None:
    first, second = challenge(ws.desk("erika")), challenge(ws.desk("erika"))
    same = right()
    for identifier in (first, second):
        assert answer(ws.desk("erika"), PROVE, identifier, same) == {"ok": True}
    ws.broke("judge")
    said = {answer(ws.desk("erika"), "SELECT ws.proof_result(%s)", i) for i in (first, second)}
    assert said == {"ok", "replayed_counter"}


def test_a_proof_is_not_sent_twice_and_not_late(ws: Installation) -> None:
    desk = ws.desk("erika")
    identifier = challenge(desk)
    assert answer(desk, PROVE, identifier, right()) == {"ok": True}
    assert answer(desk, PROVE, identifier, right()) == "DENIED:unknown_challenge"
    late = challenge(desk)
    ws.su.execute("UPDATE wsd.challenge SET expires = clock_timestamp() WHERE id = %s", (late,))
    assert answer(desk, PROVE, late, right()) == "DENIED:unknown_challenge"


def test_what_was_bound_to_one_act_pays_for_no_other(ws: Installation) -> None:
    """The intent is a hash of case, act and parameters; another parameter is another hash."""
    case = asking.ready(ws, "david", secrets.token_hex(6), "proofing", "possession")
    desk = ws.desk("david")
    passkey = json.dumps({"factor": "pk"})
    assert ws.step_up(desk, answer(desk, CODE, case, asking.FACTOR)) == "ok"
    version = f"e{ws.control.version}"
    assert answer(desk, asking.REQUEST, case, "remove_factor", passkey, REASON, version) == "DENIED:not_fresh"
    made = answer(desk, asking.REQUEST, case, "remove_factor", asking.FACTOR, REASON, version)
    assert made["state"] == "pending"
    answer(desk, "SELECT ws.veto(%s, 'again')", made["id"])
    assert answer(desk, asking.REQUEST, case, "remove_factor", asking.FACTOR, REASON, version) == "DENIED:not_fresh"


def test_a_hash_of_another_request_approves_nothing(ws: Installation) -> None:
    first, second = asked(ws), asked(ws)
    desk = ws.desk("erika")
    hash_ = bytes.fromhex(first["request_hash"])
    assert ws.step_up(desk, hash_) == "ok"
    assert answer(desk, "SELECT ws.approve(%s, %s)", second["id"], hash_) == "DENIED:hash_mismatch"


def test_an_approval_of_a_request_that_ended_is_of_no_use_for_the_next(ws: Installation) -> None:
    case = asking.ready(ws, "david", secrets.token_hex(6), "proofing", "possession")
    first = asking.ask_tier_3(ws, "david", case)
    assert asking.approve(ws, "erika", first) == "OK"
    assert answer(ws.desk("david"), "SELECT ws.veto(%s, 'another one')", first["id"]) == {"ok": True}
    ws.reset_factors()
    second = asking.ask_tier_3(ws, "david", case)
    assert second["request_hash"] != first["request_hash"]
    ws.mails_left()
    assert answer(ws.desk("ws_executor"), "SELECT ws.claim(%s, %s)", second["id"], "e1") == "cooling_down"
    ws.cooled(second["id"])
    assert answer(ws.desk("ws_executor"), "SELECT ws.claim(%s, %s)", second["id"], "e1") == "approvals"


def test_a_seal_is_offered_once(ws: Installation) -> None:
    desk = ws.desk("erika")
    assert ws.step_up(desk) == "ok"
    digest = hashlib.sha256(secrets.token_bytes(32)).digest()
    first = answer(desk, "SELECT ws.offer_seal(%s)", digest)
    ws.su.execute("INSERT INTO wsd.recovery_key(person_id, digest) VALUES ('P5', %s)", (digest,))
    assert first["state"] == "open"
    assert answer(desk, "SELECT ws.offer_seal(%s)", digest) == "DENIED:factor_malformed"


def test_a_view_ticket_is_of_one_account_one_session_and_its_reader(ws: Installation) -> None:
    account = secrets.token_hex(6)
    case = held(ws, "ana", account)
    session = ws.connect("ana")
    token = hashlib.sha256(answer(session, "SELECT ws.view_ticket(%s)", case)["token"].encode()).digest()
    reader = ws.desk("ws_reader")
    check = "SELECT ws.view_check(%s, %s, 'account', '', %s)"
    assert answer(reader, check, token, account, "10.0.0.1")["account"] == account
    assert answer(reader, check, token, "ANOTHER", "10.0.0.1") == "DENIED:ticket_other_account"
    assert answer(reader, check, token, account, "10.0.0.2") == "DENIED:ticket_other_peer"
    ended(ws, session)
    assert answer(reader, check, token, account, "10.0.0.1") == "DENIED:ticket_backend_gone"
    assert answer(ws.su, "SELECT count(*) FROM wsd.alert WHERE kind = 'view.ticket_stolen' AND about = 'ana'") == 1
