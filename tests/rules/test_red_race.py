"""An hour with a login: two sessions at once, at each edge of a decision. Each attempt, and where it ended."""

from __future__ import annotations

import asyncio
import secrets
from collections.abc import Iterator
from typing import Any

import psycopg
import pytest

from tests.rules import asking
from tests.rules.installation import REASON, Control, Installation, answer
from tests.rules.red import LOCK, Hold, asked, held, holding

APPROVE = "SELECT ws.approve(%s, %s)"
STATE = "SELECT state FROM wsd.request WHERE id = %s"
LOCKS = """SELECT count(*) FROM wsd.request WHERE requester IN ('ana', 'ana2') AND tier = 0
            AND created > now() - interval '1 h'"""
APPROVALS = "SELECT count(*) FROM wsd.approval WHERE request_id = %s"


@pytest.fixture(autouse=True)
def quiet(ws: Installation) -> None:
    ws.control = Control()
    asking.forget(ws)


@pytest.fixture
def hold(ws: Installation) -> Iterator[Hold]:
    with holding(ws) as begin:
        yield begin


async def at_once(ws: Installation, calls: list[tuple[str, str, tuple[Any, ...]]]) -> list[Any]:
    """Run statements of several sessions at the same moment; return each one's value, refusal or SQLSTATE."""

    async def one(login: str, statement: str, args: tuple[Any, ...]) -> Any:
        async with await psycopg.AsyncConnection.connect(ws.conninfo(login), autocommit=True) as connection:
            await ready.wait()
            try:
                row = await (await connection.execute(statement.encode(), args)).fetchone()
            except psycopg.Error as error:
                return error.sqlstate
            value = row[0] if row else None
            return f"DENIED:{value['denied']}" if isinstance(value, dict) and "denied" in value else value

    ready = asyncio.Event()
    tasks = [asyncio.create_task(one(*call)) for call in calls]
    await asyncio.sleep(0)
    ready.set()
    return await asyncio.gather(*tasks)


def stepped_up(ws: Installation, login: str, request: dict[str, Any]) -> psycopg.Connection[Any]:
    """Return this login's desk with a fresh step-up for exactly this request."""
    desk = ws.desk(login)
    assert ws.step_up(desk, bytes.fromhex(request["request_hash"])) == "ok"
    return desk


def test_nobody_approves_what_he_works_on_in_another_session_at_that_moment(ws: Installation, hold: Hold) -> None:
    """His touch of the case is not committed, so no approval could see it: the approval takes the case's row first."""
    request = asked(ws)
    stepped_up(ws, "erika", request)
    steal = "SELECT ws.claim_case(%s, 'taken over for a moment, while nobody looks')"
    other = hold("erika", steal, request["case_id"])
    answer(other, "SELECT ws.note(%s, 'I work on this')", request["case_id"])
    hash_ = bytes.fromhex(request["request_hash"])
    assert answer(ws.desk("erika"), APPROVE, request["id"], hash_) == "55P03"
    other.commit()
    assert answer(ws.desk("erika"), APPROVE, request["id"], hash_) == "DENIED:worked_on_case"
    assert answer(ws.su, APPROVALS, request["id"]) == 0


def test_an_approval_and_a_veto_at_once_end_in_a_veto(ws: Installation, hold: Hold) -> None:
    request = asked(ws)
    desk = stepped_up(ws, "erika", request)
    idle = hold("ana", "SELECT ws.veto(%s, 'I say no')", request["id"])
    hash_ = bytes.fromhex(request["request_hash"])
    assert answer(desk, APPROVE, request["id"], hash_) == "55P03"
    idle.commit()
    assert answer(desk, APPROVE, request["id"], hash_) == "DENIED:closed_or_expired"
    assert answer(ws.su, STATE, request["id"]) == "vetoed"


def test_a_veto_that_comes_while_the_broker_claims_is_too_late_and_says_so(ws: Installation, hold: Hold) -> None:
    request = answer(ws.desk("ana"), LOCK, held(ws, "ana"), REASON)
    claim = hold("ws_executor", "SELECT ws.claim(%s, 'e1')", request["id"])
    assert answer(ws.desk("ben"), "SELECT ws.veto(%s, 'no')", request["id"]) == "55P03"
    claim.commit()
    assert answer(ws.desk("ben"), "SELECT ws.veto(%s, 'no')", request["id"]) == "DENIED:not_pending"
    ws.broke("reconcile")


def test_one_step_up_pays_for_one_approval_and_in_one_session(ws: Installation) -> None:
    """The elevation is of one backend: there is no second session that could spend it at the same moment."""
    first, second = asked(ws), asked(ws)
    desk = stepped_up(ws, "erika", first)
    paid = (first["id"], bytes.fromhex(first["request_hash"]))
    assert answer(ws.connect("erika"), APPROVE, *paid) == "DENIED:not_fresh"
    assert isinstance(answer(desk, APPROVE, *paid), dict)
    assert answer(desk, APPROVE, second["id"], bytes.fromhex(second["request_hash"])) == "DENIED:not_fresh"


def test_the_hours_last_lock_is_given_once(ws: Installation) -> None:
    """Twelve sessions of one person ask at once for more than the hour allows; her second login asks with them."""
    ws.add("ana2", "P1", 1, "analyst", "A", "ws_l1")
    most = int(answer(ws.su, "SELECT wsd.limit_of('protective_per_hour')"))
    begun = answer(ws.su, LOCKS)
    logins = ["ana" if n % 2 else "ana2" for n in range(most + 6)]
    calls = [(login, LOCK, (held(ws, login), REASON)) for login in logins]
    for start in range(0, len(calls), 12):
        asyncio.run(at_once(ws, calls[start : start + 12]))
    made = answer(ws.su, LOCKS)
    assert begun < most
    # two logins of one person have two purses for the moment in which both look: one more at most
    assert most <= made <= most + 1


def test_eight_sessions_claim_one_case_and_one_has_it(ws: Installation) -> None:
    case = ws.case(secrets.token_hex(6))
    logins = ("ana", "ben", "carla", "david", "erika") * 2
    said = asyncio.run(at_once(ws, [(login, "SELECT ws.claim_case(%s, '')", (case,)) for login in logins]))
    holder = answer(ws.su, "SELECT holder FROM wsd.case_file WHERE id = %s", case)
    assert {row["holder"] for row in said if isinstance(row, dict)} == {holder}
    assert {row for row in said if not isinstance(row, dict)} <= {"DENIED:held_by_other", "55P03"}


def test_one_proof_for_one_challenge_also_at_once(ws: Installation) -> None:
    """Eight guesses at the same moment are one guess: the second finds the challenge answered."""
    row = ws.desk("ben").execute("SELECT id FROM ws.challenge()").fetchone()
    assert row is not None
    calls = [("ben", "SELECT ws.prove(%s, %s::jsonb)", (row[0], f'{{"code": "{n:06}"}}')) for n in range(8)]
    said = asyncio.run(at_once(ws, calls))
    assert said.count({"ok": True}) == 1
    assert set(map(str, said)) <= {"{'ok': True}", "DENIED:unknown_challenge", "55P03"}
    ws.broke("judge")
    assert answer(ws.su, "SELECT fails FROM wsd.throttle WHERE login = 'ben'") == 1


def test_the_same_acts_at_once_are_one_request(ws: Installation) -> None:
    """Two seniors ask to loosen one account by two cases at once: one open request for an account."""
    account = secrets.token_hex(6)
    mine = asking.ready(ws, "david", account, "proofing", "possession")
    ws.su.execute(
        "UPDATE wsd.case_file SET status = 'closed', outcome = 'done', holder = NULL, lease_until = NULL WHERE id = %s",
        (mine,),
    )
    theirs = asking.ready(ws, "erika", account, "proofing", "possession")
    ws.su.execute("UPDATE wsd.case_file SET kind = 'other' WHERE id = %s", (theirs,))
    ws.su.execute(
        "UPDATE wsd.case_file SET status = 'open', holder = 'david', lease_until = now() + '1 h' WHERE id = %s",
        (mine,),
    )
    for login in ("david", "erika"):
        assert ws.step_up(ws.desk(login)) == "ok"
    ask = "SELECT ws.request_act(%s, 'unlock', '{}', 'FALSE_POSITIVE_LOCK', %s, 'e1')"
    first = ws.desk("david").execute("BEGIN") and answer(ws.desk("david"), ask, mine, REASON)
    assert isinstance(first, dict)
    assert answer(ws.desk("erika"), ask, theirs, REASON) == "55P03"
    ws.desk("david").execute("COMMIT")
    assert answer(ws.desk("erika"), ask, theirs, REASON) == "DENIED:request_open"


def test_no_rule_waits_longer_for_a_lock_than_its_caller_would(ws: Installation) -> None:
    """Whatever somebody holds open, the others get a sentence within three seconds and not a screen that hangs."""
    slow = """SELECT coalesce(array_agg(p.proname::text), '{}') FROM pg_proc p WHERE p.pronamespace = 'ws'::regnamespace
               AND p.provolatile = 'v' AND NOT EXISTS (
                 SELECT 1 FROM unnest(p.proconfig) c WHERE c ~ '^lock_timeout=([1-9][0-9]{0,2}ms|[1-3]s)$')"""
    assert answer(ws.su, slow) == []
