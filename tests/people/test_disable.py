"""Somebody is disabled in the middle of everything: it all dies at once."""

from __future__ import annotations

import threading
from typing import Any

import psycopg
import pytest

from tests.people.staff import OK, REASON, Staff
from tests.rules.installation import answer
from tests.rules.test_flow import approve, ask, claim

DISABLE = "SELECT ws.disable(%s, %s)"


def test_everything_dies_at_once(staff: Staff) -> None:
    """Leases, elevation, an open transaction with locks, an approval, a request, a grant, an open change."""
    who = staff.newcomer(3, group="ws_senior")
    request = ask(staff.ws, "david", staff.ws.case("DIS1"))
    assert approve(staff.ws, who, request) == "OK"
    held = staff.ws.case("DIS2")
    desk = staff.elevated(who)
    assert answer(desk, "SELECT ws.claim_case(%s, '')", held)["holder"] == who
    proposed = answer(desk, "SELECT ws.disable('ben', %s)", REASON)
    stuck = staff.ws.connect(who, autocommit=False)
    assert answer(stuck, "SELECT ws.note(%s, 'I hold this row and my own chain')", held)["by"] == who

    assert answer(staff.desk("fay"), DISABLE, who, REASON) == OK

    assert claim(staff.ws, request) == "approvals", "his approval does not count"
    assert staff.one("SELECT holder FROM wsd.case_file WHERE id = %s", held) is None
    assert staff.one("SELECT state FROM wsd.change WHERE id = %s", proposed["id"]) == "withdrawn"
    assert staff.one("SELECT count(*) FROM pg_stat_activity WHERE usename = %s", who) == 0
    assert staff.one("SELECT count(*) FROM wsd.note WHERE case_id = %s", held) == 0, (
        "what he had not committed never was"
    )
    with pytest.raises(psycopg.OperationalError, match="not permitted to log in"):
        staff.ws.connect(who)
    assert ("ok", who) in staff.events("person.disable")


def test_his_own_open_request_is_stopped(staff: Staff) -> None:
    who = staff.newcomer(3, group="ws_senior")
    request = ask(staff.ws, who, staff.ws.case("DIS3"))
    assert approve(staff.ws, "erika", request) == "OK"
    assert answer(staff.desk("fay"), DISABLE, who, REASON) == OK
    assert claim(staff.ws, request) == "not_pending"
    assert staff.one("SELECT state || ': ' || why FROM wsd.request WHERE id = %s", request["id"]) == (
        "vetoed: the requester was disabled"
    )


def test_disabled_while_he_approves(staff: Staff) -> None:
    """Whichever comes first, no approval of a disabled person counts."""
    who = staff.newcomer(3, group="ws_senior")
    request = ask(staff.ws, "david", staff.ws.case("DIS4"))
    hash_ = bytes.fromhex(request["request_hash"])
    his = staff.elevated(who, hash_)
    gate, out = threading.Barrier(2), {}

    def go(name: str, desk: psycopg.Connection[Any], statement: str, *args: object) -> None:
        gate.wait(10)
        out[name] = answer(desk, statement, *args)

    threads = [
        threading.Thread(target=go, args=("approve", his, "SELECT ws.approve(%s, %s)", request["id"], hash_)),
        threading.Thread(target=go, args=("disable", staff.desk("fay"), DISABLE, who, REASON)),
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(30)
    assert out["disable"] == OK, out
    assert claim(staff.ws, request) == "approvals"


def test_a_connection_that_slipped_in_is_reaped_with_its_lease(staff: Staff) -> None:
    who, case = staff.newcomer(), staff.ws.case("DIS5")
    desk = staff.ws.connect(who)
    assert answer(desk, "SELECT ws.claim_case(%s, '')", case)["holder"] == who
    staff.su.execute("UPDATE wsd.staff SET enabled = false WHERE login = %s", (who,))
    assert answer(desk, "SELECT ws.queue()") == "42501"
    staff.ws.broke("sweep")
    assert staff.one("SELECT holder FROM wsd.case_file WHERE id = %s", case) is None
    assert answer(desk, "SELECT 1") in ("57P01", None), "the connection has ended"


def test_two_seniors_disable_where_no_lead_is_at_hand(staff: Staff) -> None:
    who = staff.newcomer()
    change = answer(staff.desk("david"), DISABLE, who, REASON)
    assert change["kind"] == "disable"
    assert staff.one("SELECT enabled FROM wsd.staff WHERE login = %s", who) is True
    assert staff.confirm("erika", change) == OK
    assert staff.one("SELECT enabled FROM wsd.staff WHERE login = %s", who) is False


def test_two_seniors_disable_a_lead(staff: Staff) -> None:
    lead = staff.newcomer(3, "lead", "ws_lead")
    change = answer(staff.desk("david"), DISABLE, lead, REASON)
    assert staff.confirm("erika", change) == OK
    with pytest.raises(psycopg.OperationalError, match="not permitted to log in"):
        staff.ws.connect(lead)


def test_who_cannot_be_disabled_by_whom(staff: Staff) -> None:
    assert answer(staff.desk("fay"), DISABLE, "fay", REASON) == "DENIED:self"
    assert answer(staff.desk("david"), DISABLE, "david2", REASON) == "DENIED:self"
    assert answer(staff.desk("david"), DISABLE, "zed", REASON) == "DENIED:unknown"
    assert answer(staff.desk("fay"), DISABLE, "ben", "short") == "DENIED:reason_too_short"
    assert answer(staff.desk("fay"), DISABLE, "nobody", REASON) == "DENIED:unknown"
    assert answer(staff.desk("carla"), DISABLE, "ben", REASON) == "42501"


def test_back_in_needs_two_and_brings_nothing_back(staff: Staff) -> None:
    who = staff.newcomer(2, group="ws_l2")
    assert (
        staff.confirm("gina", staff.lead("grant_act(%s, 'unlock', now() + interval '9 days', %s)", who, REASON)) == OK
    )
    assert answer(staff.desk("fay"), DISABLE, who, REASON) == OK
    assert answer(staff.desk("fay"), DISABLE, who, REASON) == "DENIED:disabled_already"
    change = staff.lead("enable(%s, %s)", who, REASON)
    assert staff.confirm("gina", change) == OK
    assert not answer(staff.ws.connect(who), "SELECT ws.elevation()")["on"]
    assert staff.one("SELECT wsd.granted(s, 'unlock') FROM wsd.staff s WHERE login = %s", who) is False


def test_five_failures_lock_until_a_lead_unlocks(staff: Staff) -> None:
    who = staff.newcomer(3, group="ws_senior")
    desk = staff.desk(who)
    assert [staff.ws.step_up(desk, code="000000") for _ in range(6)] == ["bad_code"] * 5 + ["locked"]
    staff.su.execute("UPDATE wsd.throttle SET locked_until = locked_until - interval '1 day' WHERE login = %s", (who,))
    assert staff.ws.step_up(desk) == "locked", "it does not end by itself"
    (alert,) = [a for a in answer(staff.desk("fay"), "SELECT ws.alerts()") if a["kind"] == "step_up_locked"]
    assert alert["about"] == who
    unlock = "SELECT ws.unlock_step_up(%s, %s)"
    assert answer(staff.desk("gina"), unlock, who, REASON) == "DENIED:not_elevated"
    assert answer(staff.elevated("erika"), unlock, who, REASON) == "DENIED:level", "there are leads"
    assert staff.lead("unlock_step_up(%s, %s)", who, REASON) == OK
    assert staff.lead("unlock_step_up(%s, %s)", who, REASON) == "DENIED:not_locked"
    assert staff.ws.step_up(desk) == "ok"


def test_a_lead_unlocks_another_lead_but_not_himself(staff: Staff) -> None:
    fay = staff.elevated("fay")
    for _ in range(5):
        staff.ws.step_up(fay, code="000000")
    assert answer(fay, "SELECT ws.unlock_step_up('fay', %s)", REASON) == "DENIED:self"
    assert staff.lead("unlock_step_up('fay', %s)", REASON, login="gina") == OK
