"""Break-glass opens very little, tells everybody, ends by itself and is judged by somebody else."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
from msgspec.structs import replace

from tests.people.staff import OK, REASON, Staff
from tests.rules.installation import Control, answer
from tests.rules.test_flow import REASON as WHY
from tests.rules.test_flow import REQUEST
from workstation.services.accounts.model import Account, Lock, LockKind
from workstation.services.clock import from_micros

BREAK = "SELECT ws.break_glass(%s, 'INC-1234', %s)"
Pair = tuple[Any, int]


@pytest.fixture
def david(staff: Staff, request: pytest.FixtureRequest) -> Pair:
    """David's desk in elevated mode, and a case of his."""
    case = staff.ws.case(f"G{abs(hash(request.node.name)) % 10**9}")
    desk = staff.elevated("david")
    answer(desk, "SELECT ws.claim_case(%s, '')", case)
    return desk, case


def back(staff: Staff, span: str) -> None:
    """Let `span` pass since the glass was broken."""
    staff.su.execute("SET session_replication_role = replica")
    staff.su.execute(
        "UPDATE wsd.emergency SET started = started - %s::interval, ends = ends - %s::interval", (span, span)
    )
    staff.su.execute("SET session_replication_role = origin")


def review(staff: Staff, lead: str = "fay", justified: bool = True) -> Any:
    number = staff.one("SELECT max(id) FROM wsd.emergency")
    return staff.lead("review_break_glass(%s, %s, %s)", number, justified, REASON, login=lead)


def test_it_tells_leads_and_client_and_is_on_record(staff: Staff, david: Pair) -> None:
    desk, case = david
    state = answer(desk, BREAK, case, REASON)
    assert state["on"] and 1795 < state["seconds_left"] <= 1800
    assert state["paged"] == 2
    pages = staff.su.execute(
        "SELECT recipient, subject FROM wsd.mail WHERE case_id IS NULL ORDER BY recipient"
    ).fetchall()
    assert [p[0] for p in pages] == ["fay@exchange.example", "gina@exchange.example"]
    assert all("INC-1234" in p[1] for p in pages)
    assert [a["kind"] for a in answer(staff.desk("fay"), "SELECT ws.alerts()")] == ["break_glass"]
    staff.ws.broke("tell")
    told = staff.one("SELECT count(*) FROM wsd.mail WHERE case_id = %s AND direction = 'out'", case)
    assert told == 1
    staff.ws.broke("tell")
    assert staff.one("SELECT count(*) FROM wsd.mail WHERE case_id = %s AND direction = 'out'", case) == told
    assert staff.events("break_glass")[-1][0] == "ok"


@pytest.mark.parametrize(
    "incident", ["", "1234", "INC", "INC-", "inc-1", "INC-1234; x", "INC-1234\n", "INC-12345678901"]
)
def test_an_incident_has_a_name(staff: Staff, david: Pair, incident: str) -> None:
    desk, case = david
    assert answer(desk, "SELECT ws.break_glass(%s, %s, %s)", case, incident, REASON) == "DENIED:incident_malformed"


def test_who_may_not(staff: Staff, david: Pair) -> None:
    desk, case = david
    assert answer(desk, BREAK, case, "short") == "DENIED:reason_too_short"
    assert answer(staff.desk("erika"), BREAK, case, REASON) == "DENIED:not_holder"
    assert answer(staff.desk("zed"), BREAK, case, REASON) == "DENIED:unknown"
    desk.execute("SELECT ws.step_down()")
    assert answer(desk, BREAK, case, REASON) == "DENIED:not_elevated"
    other = staff.ws.case("GLASSL1")
    ana = staff.elevated("ana")
    answer(ana, "SELECT ws.claim_case(%s, '')", other)
    assert answer(ana, BREAK, other, REASON) == "DENIED:level"


def test_one_at_a_time_and_it_ends(staff: Staff, david: Pair) -> None:
    desk, case = david
    assert answer(desk, BREAK, case, REASON)["on"]
    assert answer(desk, BREAK, case, REASON) == "DENIED:glass_broken_already"
    assert not answer(desk, "SELECT ws.end_break_glass()")["on"]
    assert answer(desk, "SELECT ws.end_break_glass()") == "DENIED:glass_whole"
    assert answer(desk, BREAK, case, REASON)["on"]
    back(staff, "31 min")
    assert not answer(desk, "SELECT ws.break_glass_state()")["on"]


def test_thirty_minutes_are_the_most_even_for_the_owner(staff: Staff, david: Pair) -> None:
    desk, case = david
    answer(desk, BREAK, case, REASON)
    assert answer(staff.su, "UPDATE wsd.emergency SET ends = ends + interval '1 min'") == "42501"
    assert answer(staff.su, "UPDATE wsd.emergency SET reason = reason || ' and more'") == "42501"
    assert answer(staff.su, "DELETE FROM wsd.emergency") == "42501"
    assert answer(staff.su, "TRUNCATE wsd.emergency") == "42501"


def test_it_opens_no_loosening_act_but_our_own_wrong_lock(staff: Staff, david: Pair) -> None:
    desk, case = david
    answer(desk, BREAK, case, REASON)
    for act in ("unlock", "lift_hold", "send_password_reset", "remove_factor", "remove_client_lock"):
        glass = staff.one(
            "SELECT wsd.break_glass(s, c, p) FROM wsd.staff s, wsd.case_file c, wsd.policy p "
            "WHERE s.login = 'david' AND c.id = %s AND p.act = %s",
            case,
            act,
        )
        assert glass is False, act
    lock = answer(desk, REQUEST, case, "remove_client_lock", "{}", WHY, "e1")
    assert str(lock).startswith("DENIED:"), "not even broken glass removes the client's own lock"


class StaffLocks(Control):
    """An account system whose locks are the staff's, beside those that the risk engine sets."""

    def __init__(self) -> None:
        super().__init__()
        self.locked = False
        self.alarm = False

    def shown(self, account: str) -> Account:
        found = super().shown(account)
        kinds = [LockKind.STAFF] * self.locked + [LockKind.SECURITY] * self.alarm
        return replace(found, locks=tuple(Lock(id=str(k), kind=k, set_at=from_micros(0)) for k in kinds))


@pytest.fixture
def locked(staff: Staff, david: Pair) -> Iterator[Pair]:
    """Our own lock, set wrongly a minute ago, and broken glass."""
    before, staff.ws.control = staff.ws.control, StaffLocks()
    desk, case = david
    assert answer(desk, REQUEST, case, "lock", "{}", WHY, "e1")["state"] == "pending"
    staff.ws.broke("release")
    assert staff.ws.control.locked
    staff.ws.attest(account_of(staff, case))
    assert answer(desk, BREAK, case, REASON)["on"]
    yield david
    staff.ws.control = before


def account_of(staff: Staff, case: int) -> str:
    return str(staff.one("SELECT account_id FROM wsd.case_file WHERE id = %s", case))


def unlock(desk: Any, case: int, etag: str = "e2") -> Any:
    return answer(desk, REQUEST, case, "unlock", "{}", WHY, etag)


def test_one_person_takes_back_our_own_wrong_lock(staff: Staff, locked: Pair) -> None:
    desk, case = locked
    request = unlock(desk, case)
    assert request["break_glass"] is True
    staff.ws.broke("release")
    assert not staff.ws.control.locked
    assert staff.one("SELECT state FROM wsd.request WHERE id = %s", request["id"]) == "executed"
    payload = staff.one("SELECT payload FROM wsd.audit WHERE event = 'request' AND object = %s", request["id"])
    assert '"break_glass": true' in payload
    (due,) = answer(staff.desk("fay"), "SELECT ws.reviews_due()")
    assert due["acts"] == ["Unlock the account: executed"]


def needs_somebody_else(request: Any) -> bool:
    return request["break_glass"] is False and request["approvals_needed"] >= 1


def test_not_when_the_glass_is_whole_or_over(staff: Staff, locked: Pair) -> None:
    desk, case = locked
    answer(desk, "SELECT ws.end_break_glass()")
    assert needs_somebody_else(unlock(desk, case))


def test_not_when_an_alarm_locked_it_too(staff: Staff, locked: Pair) -> None:
    desk, case = locked
    staff.ws.control.alarm = True
    staff.ws.control.version += 1
    staff.ws.attest(account_of(staff, case))
    assert needs_somebody_else(unlock(desk, case, "e3"))


def test_not_when_anything_happened_since_also_unseen(staff: Staff, locked: Pair) -> None:
    desk, case = locked
    request = unlock(desk, case)
    assert request["break_glass"] is True
    staff.ws.control.version += 1
    staff.ws.broke("release")
    assert staff.ws.control.locked, "the broker read it again before it let the act out"
    assert staff.one("SELECT why FROM wsd.request WHERE id = %s", request["id"]) == "glass_over"


def test_not_when_the_lock_is_old_or_not_ours(staff: Staff, locked: Pair) -> None:
    desk, case = locked
    staff.su.execute("UPDATE wsd.execution SET settled = settled - interval '25 h'")
    assert needs_somebody_else(unlock(desk, case))
    other = staff.ws.case("NOTOURS")
    answer(desk, "SELECT ws.end_break_glass()")
    answer(desk, "SELECT ws.claim_case(%s, '')", other)
    staff.ws.attest("NOTOURS")
    assert answer(desk, BREAK, other, REASON)["on"]
    assert needs_somebody_else(unlock(desk, other))


def test_not_when_the_review_ended_it_between_request_and_release(staff: Staff, locked: Pair) -> None:
    desk, case = locked
    request = unlock(desk, case)
    assert review(staff) == OK
    staff.ws.broke("release")
    assert staff.one("SELECT why FROM wsd.request WHERE id = %s", request["id"]) == "glass_over"
    assert staff.ws.control.locked


def test_the_review_is_another_leads_and_once(staff: Staff, david: Pair) -> None:
    desk, case = david
    answer(desk, BREAK, case, REASON)
    (due,) = answer(staff.desk("fay"), "SELECT ws.reviews_due()")
    assert (due["login"], due["incident"], due["late"]) == ("david", "INC-1234", False)
    assert answer(staff.desk("ana"), "SELECT ws.reviews_due()") == []
    assert answer(desk, "SELECT ws.review_break_glass(%s, true, %s)", due["id"], REASON) == "42501"
    gina = staff.desk("gina")
    assert answer(gina, "SELECT ws.review_break_glass(%s, true, %s)", due["id"], REASON) == "DENIED:not_elevated"
    assert review(staff) == OK
    assert review(staff) == "DENIED:closed_or_expired"
    assert not answer(desk, "SELECT ws.break_glass_state()")["on"], "a judgement ends it"
    assert answer(staff.su, "UPDATE wsd.emergency SET verdict = 'not_justified'") == "42501"


def test_a_lead_with_a_second_login_does_not_judge_himself(staff: Staff, david: Pair) -> None:
    desk, case = david
    answer(desk, BREAK, case, REASON)
    staff.su.execute("UPDATE wsd.staff SET person_id = 'P4' WHERE login = 'gina'")
    try:
        assert review(staff, "gina") == "DENIED:self"
    finally:
        staff.su.execute("UPDATE wsd.staff SET person_id = 'P9' WHERE login = 'gina'")


def test_without_a_review_in_a_day_there_is_no_elevation(staff: Staff, david: Pair) -> None:
    desk, case = david
    answer(desk, BREAK, case, REASON)
    back(staff, "23 h")
    assert answer(desk, "SELECT ws.elevation()")["on"]
    back(staff, "2 h")
    assert not answer(desk, "SELECT ws.elevation()")["on"], "also the one that is there ends"
    assert staff.ws.step_up(desk) == "review_due"
    assert staff.ws.step_up(staff.desk("david2")) == "review_due", "it is about the person"
    assert answer(desk, "SELECT ws.break_glass_state()")["blocked"]
    assert {m["why"] for m in answer(desk, "SELECT ws.step_up_methods()")} == {"review_due"}
    assert review(staff, justified=False) == OK
    assert staff.ws.step_up(desk) == "ok"
    assert "break_glass.not_justified" in {a["kind"] for a in answer(staff.desk("gus"), "SELECT ws.alerts()")} | {
        a["kind"] for a in answer(staff.desk("fay"), "SELECT ws.alerts()")
    }


def test_a_drill_goes_all_the_way_and_opens_nothing(staff: Staff, david: Pair) -> None:
    desk, case = david
    state = answer(desk, "SELECT ws.break_glass_drill('INC-1', %s)", REASON)
    assert state["on"] and state["drill"] and state["paged"] == 2
    subjects = staff.su.execute("SELECT subject FROM wsd.mail WHERE case_id IS NULL").fetchall()
    assert all(row[0].startswith("DRILL: ") for row in subjects)
    assert answer(staff.desk("fay"), "SELECT ws.alerts()")[0]["text"].startswith("DRILL: ")
    staff.ws.broke("tell")
    assert staff.one("SELECT count(*) FROM wsd.mail WHERE case_id = %s AND direction = 'out'", case) == 0
    back(staff, "25 h")
    assert staff.ws.step_up(desk) == "ok", "a drill blocks nobody"
    assert review(staff) == OK


def test_nobody_puts_away_an_alarm_about_himself(staff: Staff, david: Pair) -> None:
    desk, case = david
    answer(desk, BREAK, case, REASON)
    (alarm,) = answer(staff.desk("fay"), "SELECT ws.alerts()")
    staff.su.execute("UPDATE wsd.alert SET about = 'fay' WHERE id = %s", (alarm["id"],))
    assert answer(staff.desk("fay"), "SELECT ws.see_alert(%s)", alarm["id"]) == "DENIED:self"
    assert answer(staff.desk("gina"), "SELECT ws.see_alert(%s)", alarm["id"]) == OK
    assert answer(staff.desk("fay"), "SELECT ws.alerts()") == []
