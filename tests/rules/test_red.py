"""What somebody with an own login can hold open, and that the broker goes on for everybody else."""

from __future__ import annotations

import asyncio
import json
import secrets
from collections.abc import Iterator
from datetime import datetime
from typing import Any

import msgspec
import psycopg
import pyotp
import pytest

from tests.rules import asking
from tests.rules.installation import REASON, SECRET, Installation, Killed, answer
from tests.rules.red import LOCK, Hold, asked, held, holding
from workstation.services.accounts.model import Account, Factor
from workstation.services.acts.putting_off import PuttingOff
from workstation.services.clock import SystemClock
from workstation.services.errors import SourceDown
from workstation.services.store.migrate import migrate

#: The broker's word to a client; one channel.
NOTICE = json.dumps(
    [{"message_id": "<n@x.invalid>", "recipient": "c@x.invalid", "subject": "s", "body": "b", "language": "en"}]
)


@pytest.fixture
def broker(ws: Installation) -> psycopg.Connection[Any]:
    """The broker's login; a statement that would wait for a person fails instead of hanging the test."""
    connection = ws.connect("ws_executor")
    connection.execute("SET statement_timeout = '5s'")
    return connection


@pytest.fixture(autouse=True)
def quiet(ws: Installation) -> None:
    asking.forget(ws)


@pytest.fixture
def hold(ws: Installation) -> Iterator[Hold]:
    with holding(ws) as begin:
        yield begin


def proof_waits(ws: Installation, login: str) -> str:
    """Send a right code; return the challenge that waits for the broker."""
    desk = ws.desk(login)
    row = desk.execute("SELECT id FROM ws.challenge()").fetchone()
    assert row is not None
    desk.execute("SELECT ws.prove(%s, %s::jsonb)", (row[0], json.dumps({"code": pyotp.TOTP(SECRET).now()})))
    return str(row[0])


def notice(of: str) -> str:
    """Return the mails of a notice; an id is used once in the whole store."""
    return NOTICE.replace("<n", f"<{of}")


def test_a_veto_held_open_does_not_keep_clients_from_being_told(
    ws: Installation, broker: psycopg.Connection[Any], hold: Hold
) -> None:
    request = asked(ws)
    idle = hold("ana", "SELECT ws.veto(%s, 'held open')", request["id"])
    assert answer(broker, "SELECT ws.announce(%s, %s::jsonb)", request["id"], notice("veto")) == 0
    idle.rollback()
    assert answer(broker, "SELECT ws.announce(%s, %s::jsonb)", request["id"], notice("veto")) == 1


def test_an_approval_held_open_does_not_either(ws: Installation, broker: psycopg.Connection[Any], hold: Hold) -> None:
    request = asked(ws)
    hold("erika", "SELECT ws.approve(%s, '\\x00')", request["id"])
    assert answer(broker, "SELECT ws.announce(%s, %s::jsonb)", request["id"], notice("approval")) == 0


def test_a_case_held_open_keeps_no_notice_and_no_no_back(
    ws: Installation, broker: psycopg.Connection[Any], hold: Hold
) -> None:
    """What is written beside a case (a mail that names it) does not wait for whoever writes in the case."""
    request = asked(ws)
    hold("david", "SELECT ws.note(%s, 'held open')", request["case_id"])
    assert answer(broker, "SELECT ws.announce(%s, %s::jsonb)", request["id"], notice("case")) == 1
    until = request["vetoable_until"]
    said = answer(broker, "SELECT ws.client_veto(%s, %s, %s, '')", secrets.token_bytes(32), request["id"], until)
    assert said == "ok"
    assert answer(ws.su, "SELECT state FROM wsd.request WHERE id = %s", request["id"]) == "vetoed"


def test_a_clients_no_that_cannot_be_written_down_waits_and_the_next_ones_do_not(ws: Installation, hold: Hold) -> None:
    """Two say no, and the first one's request is held open: the second counts at once, the first as soon as it can."""
    first, second = asked(ws), asked(ws)
    for request in (first, second):
        until = datetime.fromisoformat(request["vetoable_until"])
        ws.box.tokens.append(ws.links.token(request["id"], until))
    ws.broke("attending.announce")
    idle = hold("ana", "SELECT ws.veto(%s, 'held open')", first["id"])
    state = "SELECT state FROM wsd.request WHERE id = %s"

    async def listen() -> None:
        broker = ws.broker()
        try:
            assert await broker.attending.hear(now=True)
            assert broker.attending.said_no(first["id"])
            assert answer(ws.su, state, second["id"]) == "vetoed"
            assert answer(ws.su, "SELECT count(*) FROM wsd.veto_cursor WHERE cursor = '2'") == 0
            idle.rollback()
            assert await broker.attending.hear(now=True)
            assert not broker.attending.said_no(first["id"])
        finally:
            await broker._disconnect()

    asyncio.run(listen())
    assert answer(ws.su, state, first["id"]) == "vetoed"
    assert answer(ws.su, "SELECT cursor FROM wsd.veto_cursor") == "2"


def test_a_factor_held_open_costs_its_owner_his_proof_and_nobody_else(ws: Installation, hold: Hold) -> None:
    ws.reset_factors()
    hold("ana", "SELECT ws.end_factor('ana', %s, %s)", b"t" * 16, REASON)
    hers, his = proof_waits(ws, "ana"), proof_waits(ws, "ben")
    ws.broke("judge")
    assert answer(ws.desk("ana"), "SELECT ws.proof_result(%s)", hers) == "busy"
    assert answer(ws.desk("ben"), "SELECT ws.proof_result(%s)", his) == "ok"


def test_an_elevation_held_open_does_not_stop_the_judge(ws: Installation, hold: Hold) -> None:
    """Stepping up on one terminal ends elevated mode on the other, whose row that one may hold."""
    first = hold("erika", "SELECT 1")
    first.commit()
    first.autocommit = True
    assert ws.step_up(first) == "ok"
    first.autocommit = False
    answer(first, "SELECT ws.offer_seal(sha256('x'))")
    ws.su.execute("UPDATE wsd.factor SET last_counter = 0")
    hers, his = proof_waits(ws, "erika"), proof_waits(ws, "ben")
    ws.broke("judge")
    assert answer(ws.desk("erika"), "SELECT ws.proof_result(%s)", hers) == "busy"
    assert answer(ws.desk("ben"), "SELECT ws.proof_result(%s)", his) == "ok"


def test_an_offer_held_open_does_not_stop_the_judge(ws: Installation, hold: Hold) -> None:
    ws.reset_factors()
    ana = ws.desk("ana")
    row = ana.execute("SELECT change, id FROM ws.offer_factor('totp', 'mine')").fetchone()
    assert row is not None
    ana.execute('SELECT ws.prove(%s, \'{"sealed": "00"}\')', (row[1],))
    hold("ana", "SELECT ws.withdraw_change(%s)", row[0])
    his = proof_waits(ws, "ben")
    ws.broke("judge")
    assert answer(ws.desk("ben"), "SELECT ws.proof_result(%s)", his) == "ok"


def test_a_request_held_open_does_not_keep_a_lock_from_being_set(ws: Installation, hold: Hold) -> None:
    """Somebody holds his own released request; the next one, which protects a client, is executed all the same."""
    mine, theirs = held(ws, "ana"), held(ws, "ben")
    first = answer(ws.desk("ana"), LOCK, mine, REASON)
    second = answer(ws.desk("ben"), LOCK, theirs, REASON)
    hold("ana", "SELECT ws.veto(%s, 'held open')", first["id"])
    ws.broke("release")
    state = "SELECT state FROM wsd.request WHERE id = %s"
    assert answer(ws.su, state, second["id"]) == "executed"
    assert answer(ws.su, state, first["id"]) == "pending"


def test_no_daemon_waits_long_for_anybody_and_an_administrators_word_stays(ws: Installation) -> None:
    daemons = ("ws_executor", "ws_courier", "ws_notary", "ws_reader")
    for daemon in daemons:
        assert answer(ws.connect(daemon), "SHOW lock_timeout") == "1s", daemon
    ws.su.execute("ALTER ROLE ws_courier IN DATABASE ws SET lock_timeout = '3s'")
    migrate(ws.lease.superuser_dsn("postgres"))
    assert [answer(ws.connect(d), "SHOW lock_timeout") for d in daemons] == ["1s", "3s", "1s", "1s"]


def test_what_cannot_be_written_down_stops_only_its_own_account(ws: Installation) -> None:
    """An account system that says NUL (which no text of PostgreSQL can hold) must not stop everybody's facts."""
    ws.su.execute("UPDATE wsd.request SET state = 'vetoed' WHERE state = 'pending'")
    for account in ("NULL-1", "FINE-1"):
        case = held(ws, "david", account)
        assert answer(ws.desk("david"), "SELECT ws.ask_facts(%s, '')", case) == {"ready": False}
    honest = ws.control.shown

    def shown(account: str) -> Account:
        said = honest(account)
        return msgspec.structs.replace(said, factors=(Factor(id="f\0", kind="totp"),)) if account == "NULL-1" else said

    ws.control.shown = shown  # type: ignore[method-assign]
    try:
        ws.broke("attending.facts")
    finally:
        ws.control.shown = honest  # type: ignore[method-assign]
    known = "SELECT count(*) FROM wsd.account_fact WHERE account_id = %s"
    assert answer(ws.su, known, "FINE-1") == 1
    assert answer(ws.su, known, "NULL-1") == 0
    assert answer(ws.su, "SELECT count(*) FROM wsd.fact_wanted") == 0


def test_what_was_done_is_on_record_whatever_the_account_system_answers(ws: Installation) -> None:
    request = answer(ws.desk("ana"), LOCK, held(ws, "ana"), REASON)
    ws.control.fail["after effect"] = SourceDown("sent\0, and \ud800 no answer")
    ws.control.fail["reconcile"] = SourceDown("not\0 now")
    ws.broke("release")
    row = ws.su.execute("SELECT state, why FROM wsd.request WHERE id = %s", (request["id"],)).fetchone()
    assert row is not None
    assert row[0] == "unknown"
    assert "sent␀, and ⟦U+D800⟧ no answer" in row[1]
    ws.broke("reconcile")
    assert answer(ws.su, "SELECT state FROM wsd.request WHERE id = %s", request["id"]) == "executed"


def test_what_stands_still_says_so_with_what_to_do(ws: Installation) -> None:
    """By the store's clock, with a broker or without: to the person at once, to the leads after five minutes, once."""
    request = answer(ws.desk("ana"), LOCK, held(ws, "ana"), REASON)
    stage = "SELECT ws.requests(%s) -> 0 ->> 'stage'"
    assert answer(ws.desk("ana"), stage, request["case_id"]) == "released, the broker takes it next"
    ws.cooled(request["id"], "6 min")
    assert "see whether the broker runs" in answer(ws.desk("ana"), stage, request["case_id"])
    ws.control.fail["after effect"] = Killed()
    with pytest.raises(Killed):
        ws.broke("release")
    ws.su.execute(
        "UPDATE wsd.execution SET claimed = claimed - interval '6 min' WHERE request_id = %s", (request["id"],)
    )
    assert "look at the account" in answer(ws.desk("ana"), stage, request["case_id"])
    for _ in range(2):
        ws.broke("sweep")
    about = "SELECT count(*) FROM wsd.alert WHERE kind = 'act_stuck' AND case_id = %s"
    assert answer(ws.su, about, request["case_id"]) == 1
    ws.broke("reconcile", "tell")
    assert answer(ws.su, "SELECT state FROM wsd.request WHERE id = %s", request["id"]) == "executed"


def test_an_item_that_keeps_failing_is_said_once_a_minute_and_then_called_stuck() -> None:
    now = [0.0]
    said: list[dict[str, Any]] = []

    class Hands(SystemClock):
        def monotonic(self) -> float:
            return now[0]

    putting_off = PuttingOff(Hands(), lambda event, **fields: said.append({"event": event, **fields}))
    for second in range(0, 200, 10):
        now[0] = float(second)
        with putting_off.apart("tell", "R1"):
            raise psycopg.errors.LockNotAvailable
    assert [(line["event"], line["seconds"]) for line in said] == [
        ("put_off", 0),
        ("put_off", 60),
        ("stuck", 120),
        ("stuck", 180),
    ]
    assert said[-1]["do"]
    with pytest.raises(psycopg.OperationalError), putting_off.apart("tell", "R1"):
        raise psycopg.errors.AdminShutdown


def test_whoever_keeps_a_transaction_open_is_reported(ws: Installation, hold: Hold) -> None:
    for _ in range(2):
        hold("ben", "SELECT ws.queue()")
        assert answer(ws.desk("ws_executor"), "SELECT ws.reap('0 s', '60 s')") >= 1
    assert answer(ws.su, "SELECT count(*) FROM wsd.alert WHERE kind = 'session_ended' AND about = 'ben'") == 1


def test_no_transaction_outlives_its_connection(ws: Installation) -> None:
    """A prepared transaction would hold its locks with no session that could be ended."""
    ana = ws.connect("ana", autocommit=False)
    ana.execute("SELECT ws.challenge()")
    assert answer(ana, "PREPARE TRANSACTION 'stays'") == "55000"


def test_a_case_held_open_stops_no_mail(ws: Installation, hold: Hold) -> None:
    """A reply to a case that somebody holds open is filed at once; the case itself is put right when it is free."""
    case = held(ws, "ana")
    ws.su.execute("UPDATE wsd.case_file SET waiting_since = now() - interval '1 h' WHERE id = %s", (case,))
    ref = answer(ws.su, "SELECT ref FROM wsd.case_file WHERE id = %s", case)
    hold("ana", "SELECT ws.note(%s, 'held open')", case)
    courier = ws.connect("ws_courier")
    mail = json.dumps(
        {"message_id": f"<{secrets.token_hex(8)}@c.invalid>", "case_token": ref, "subject": "s", "text": "t"}
    )
    filed = answer(courier, "SELECT ws.inbox_file('1', %s::jsonb, %s)", mail, secrets.token_bytes(8))
    assert answer(ws.su, "SELECT case_id FROM wsd.mail WHERE id = %s", filed) == case
    waiting = "SELECT waiting_since IS NOT NULL FROM wsd.case_file WHERE id = %s"
    assert answer(ws.su, waiting, case) is True
    ws.broke("sweep")
    assert answer(ws.su, waiting, case) is True
    assert answer(ws.desk("ws_executor"), "SELECT ws.reap('0 s', '60 s')") >= 1
    ws.broke("sweep")
    assert answer(ws.su, waiting, case) is False
