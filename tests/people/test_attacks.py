"""Every function about people, typed into psql by those who should not get through, and by those who nearly may."""

from __future__ import annotations

import hashlib
import json
import threading
from typing import Any

import psycopg
import pytest

from tests.people.staff import OK, REASON, Staff
from tests.rules.installation import answer

UUID = "00000000-0000-4000-8000-000000000000"
SCRAM = "SCRAM-SHA-256$4096:AAAA$BBBB=:CCCC="
SOON = "now() + interval '9 days'"

#: function → the call; who is listed in ALLOWED may execute it, everybody else is refused by the database's rights.
CALLS = {
    "found": "SELECT ws.found('we', '[]')",
    "recover": "SELECT ws.recover('ana', '{a,b}', 'fido2', '\\x01', '\\x01', '{}', 'x')",
    "enrol": "SELECT ws.enrol('q', 'q', 'q', 3::smallint, 'lead', 'A', '{}', '')",
    "attest_offer": f"SELECT ws.attest_offer('{UUID}', true, '\\x01', '\\x01', '')",
    "publish_seal_key": "SELECT ws.publish_seal_key('\\x01')",
    "glass_untold": "SELECT * FROM ws.glass_untold()",
    "tell_glass": "SELECT ws.tell_glass(1, '[]')",
    "confirm_change": f"SELECT ws.confirm_change('{UUID}', '\\x00')",
    "unlock_step_up": f"SELECT ws.unlock_step_up('ana', '{REASON}')",
    "disable": f"SELECT ws.disable('ana', '{REASON}')",
    "enable": f"SELECT ws.enable('ana', '{REASON}')",
    "grant_act": f"SELECT ws.grant_act('ana', 'unlock', {SOON}, '{REASON}')",
    "revoke_act": f"SELECT ws.revoke_act('ana', 'unlock', '{REASON}')",
    "set_standing": f"SELECT ws.set_standing('ana', 'lead', '{REASON}')",
    "set_methods": f"SELECT ws.set_methods('ana', '{{totp}}', '{REASON}')",
    "set_method_policy": f"SELECT ws.set_method_policy('totp', 3, 3, '', '{REASON}')",
    "invite": f"SELECT ws.invite('mole', 'P66', 'M', 'lead', 'A', '{{}}', '', '{SCRAM}')",
    "review_break_glass": f"SELECT ws.review_break_glass(1, true, '{REASON}')",
    "see_alert": "SELECT ws.see_alert(1)",
    "team": "SELECT ws.team()",
    "alerts": "SELECT ws.alerts()",
}
ALLOWED = {
    **dict.fromkeys(("found", "recover", "enrol"), ()),
    **dict.fromkeys(("attest_offer", "publish_seal_key", "glass_untold", "tell_glass"), ("ws_executor",)),
    **dict.fromkeys(("confirm_change", "unlock_step_up", "disable"), ("david", "fay")),
    "team": ("david", "fay", "gus"),
    "alerts": ("fay", "gus"),
}
LEADS = ("fay",)
WHO = ("ana", "carla", "david", "fay", "gus", "ws_executor", "ws_courier", "ws_notary")
REFUSED = [(w, f) for f in CALLS for w in WHO if w not in ALLOWED.get(f, LEADS)]


@pytest.mark.parametrize(("who", "function"), REFUSED, ids=[f"{w}: {f}" for w, f in REFUSED])
def test_without_the_right(staff: Staff, who: str, function: str) -> None:
    assert answer(staff.ws.desk(who), CALLS[function]) == "42501"


#: name → (who, statement): nobody may write, read or call what lies behind the functions.
BEHIND = {
    "gate: make a login": ("fay", f"SELECT wsg.make_login('mole', '{SCRAM}')"),
    "gate: let in": ("fay", "SELECT wsg.let_in('ana', true)"),
    "gate: join a group": ("ana", "SELECT wsg.set_group('ana', 'ws_lead')"),
    "gate: be the gate": ("fay", "SET ROLE ws_gate"),
    "roles: be a lead": ("david", "SET ROLE ws_lead"),
    "roles: log in again": ("ana", "ALTER ROLE ben LOGIN"),
    "roles: a group by hand": ("fay", "GRANT ws_senior TO ana"),
    "helpers: apply": ("fay", "SELECT wsd.apply_standing('ana', 'lead')"),
    "helpers: disable": ("ana", "SELECT wsd.apply_disable('fay', 'x')"),
    "helpers: alert away": ("ana", "SELECT wsd.raise_alert('A', 'x', 'x', NULL, 'x')"),
    "helpers: page": ("ana", "SELECT wsd.page_leads('A', 'x', 'x', 'x', 'x')"),
    "helpers: break": ("ana", "SELECT wsd.cut('fay')"),
    "table: staff": ("fay", "UPDATE wsd.staff SET level = 3"),
    "table: factor": ("fay", "INSERT INTO wsd.factor(login, kind, cred_id, data) VALUES ('fay', 'totp', 'x', 'x')"),
    "table: change": ("fay", "UPDATE wsd.change SET state = 'done'"),
    "table: grants": (
        "fay",
        "INSERT INTO wsd.grant_of(login, act, given_by, until) VALUES ('a', 'unlock', 'x', now())",
    ),
    "table: emergency": ("david", "UPDATE wsd.emergency SET ends = now() + interval '1 day'"),
    "table: reviews": ("fay", "UPDATE wsd.emergency SET reviewed = now()"),
    "table: alerts": ("fay", "DELETE FROM wsd.alert"),
    "table: sealed keys": ("fay", "SELECT digest FROM wsd.recovery_key"),
    "table: method policy": ("fay", "UPDATE wsd.method_policy SET max_tier = 3"),
    "table: throttle": ("fay", "UPDATE wsd.throttle SET locked_until = NULL"),
    "read: proposals": ("ana", "SELECT payload FROM wsd.change"),
    "read: emergencies": ("ana", "SELECT reason FROM wsd.emergency"),
}


@pytest.mark.parametrize(("who", "statement"), BEHIND.values(), ids=BEHIND.keys())
def test_behind_the_functions(staff: Staff, who: str, statement: str) -> None:
    assert answer(staff.desk(who), statement) in ("42501", "0LP01")


def test_nothing_let_null_through(staff: Staff) -> None:
    """A NULL where a rule compares must refuse, never pass."""
    fay, david, ana = staff.elevated("fay"), staff.desk("david"), staff.desk("ana")
    for desk, statement in (
        (fay, "SELECT ws.grant_act(NULL, NULL, NULL, NULL)"),
        (fay, f"SELECT ws.grant_act('carla', 'unlock', NULL, '{REASON}')"),
        (fay, "SELECT ws.revoke_act(NULL, NULL, NULL)"),
        (fay, f"SELECT ws.set_standing('carla', NULL, '{REASON}')"),
        (fay, f"SELECT ws.set_standing(NULL, 'lead', '{REASON}')"),
        (fay, f"SELECT ws.set_method_policy('totp', NULL, 3, '', '{REASON}')"),
        (fay, f"SELECT ws.set_method_policy('totp', 3, NULL, '', '{REASON}')"),
        (fay, "SELECT ws.invite(NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL)"),
        (fay, f"SELECT ws.invite('mole', 'P66', 'M', 'l1', 'A', NULL, '', '{SCRAM}')"),
        (fay, "SELECT ws.disable(NULL, NULL)"),
        (fay, "SELECT ws.enable(NULL, NULL)"),
        (fay, "SELECT ws.unlock_step_up(NULL, NULL)"),
        (fay, "SELECT ws.review_break_glass(NULL, NULL, NULL)"),
        (fay, "SELECT ws.see_alert(NULL)"),
        (fay, "SELECT ws.confirm_change(NULL, NULL)"),
        (ana, "SELECT ws.withdraw_change(NULL)"),
        (ana, "SELECT ws.end_factor(NULL, NULL, NULL)"),
        (david, "SELECT ws.break_glass(NULL, NULL, NULL)"),
        (david, "SELECT ws.break_glass_drill(NULL, NULL)"),
    ):
        assert str(answer(desk, statement)).startswith("DENIED:"), statement
    denied = ana.execute("SELECT denied FROM ws.offer_factor(NULL, NULL, NULL)").fetchone()
    assert denied == ("factor_malformed",)
    for statement in (
        "SELECT wsd.granted(NULL, NULL)",
        "SELECT wsd.break_glass(NULL, NULL, NULL)",
        "SELECT wsd.review_overdue(NULL)",
        "SELECT wsd.manages(NULL)",
        "SELECT wsd.our_lock(NULL)",
    ):
        assert staff.one(statement) is False, statement
    assert staff.one("SELECT wsd.method_tier(NULL, NULL)") == 0
    assert staff.one("SELECT wsd.why_not_confirm(NULL, NULL)") == "unknown"


def test_a_level_2_confirms_nothing_even_with_the_right_to_call(staff: Staff) -> None:
    """EXECUTE is one wall, the level in the row another: a group that was granted by hand is not enough."""
    change = staff.lead(f"grant_act('carla', 'unlock', {SOON}, %s)", REASON)
    staff.su.execute("GRANT ws_lead TO carla")
    try:
        carla = staff.desk("carla")
        assert answer(carla, "SELECT ws.confirm_change(%s, '\\x00')", change["id"]) == "DENIED:level"
        assert answer(carla, f"SELECT ws.grant_act('ben', 'unlock', {SOON}, %s)", REASON) == "DENIED:level"
        assert answer(carla, "SELECT ws.disable('ben', %s)", REASON) == "DENIED:level"
        assert answer(carla, "SELECT ws.alerts()") == []
        assert answer(carla, "SELECT ws.review_break_glass(1, true, %s)", REASON) == "DENIED:level"
        assert answer(carla, CALLS["invite"]) == "DENIED:level"
    finally:
        staff.su.execute("REVOKE ws_lead FROM carla")


def test_old_views_are_refused(staff: Staff) -> None:
    desk = staff.ws.connect("fay", autocommit=False)
    for function in ("disable", "grant_act", "set_standing", "confirm_change", "see_alert"):
        desk.execute("SET TRANSACTION ISOLATION LEVEL REPEATABLE READ")
        assert answer(desk, CALLS[function]) == "25001", function


def test_a_step_up_for_one_change_pays_for_no_other_and_once(staff: Staff) -> None:
    one = staff.lead(f"grant_act('carla', 'unlock', {SOON}, %s)", REASON)
    two = staff.lead(f"grant_act('carla', 'lift_hold', {SOON}, %s)", REASON)
    gina = staff.elevated("gina", bytes.fromhex(one["hash"]))
    confirm = "SELECT ws.confirm_change(%s, %s)"
    assert answer(gina, confirm, two["id"], bytes.fromhex(two["hash"])) == "DENIED:not_fresh"
    other = staff.ws.connect("gina")
    assert answer(other, confirm, one["id"], bytes.fromhex(one["hash"])) == "DENIED:not_fresh"
    staff.su.execute("UPDATE wsd.elevation SET started = started - interval '61 s'")
    assert answer(gina, confirm, one["id"], bytes.fromhex(one["hash"])) == "DENIED:not_fresh"


def test_a_refused_confirmation_gives_the_step_up_back(staff: Staff) -> None:
    first, second = (
        staff.lead(f"grant_act('carla', 'unlock', {SOON}, %s)", REASON),
        staff.lead(f"grant_act('carla', 'lift_hold', {SOON}, %s)", REASON, login="gina"),
    )
    assert staff.confirm("gina", first) == OK
    assert staff.confirm("fay", second) == "DENIED:reciprocal_24h"
    left = staff.one(
        "SELECT count(*) FROM wsd.elevation WHERE login = 'fay' AND fresh AND bind = %s", bytes.fromhex(second["hash"])
    )
    assert left == 1


def test_six_confirmations_at_once_are_one(staff: Staff) -> None:
    who = staff.newcomer(2, group="ws_l2")
    change = staff.lead(f"grant_act(%s, 'unlock', {SOON}, %s)", who, REASON)
    hash_ = bytes.fromhex(change["hash"])
    desks = [staff.ws.connect("gina") for _ in range(3)] + [staff.ws.connect("erika") for _ in range(3)]
    for login in ("gina", "erika"):
        staff.su.execute("UPDATE wsd.factor SET last_counter = 0")
        assert staff.ws.step_up(next(d for d in desks if d.info.user == login), hash_) == "ok"
    out: list[Any] = []

    def go(desk: psycopg.Connection[Any]) -> None:
        out.append(answer(desk, "SELECT ws.confirm_change(%s, %s)", change["id"], hash_))

    threads = [threading.Thread(target=go, args=(desk,)) for desk in desks]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(30)
    assert out.count(OK) == 1, out
    assert staff.one("SELECT count(*) FROM wsd.grant_of WHERE login = %s AND ended IS NULL", who) == 1


def test_two_terminals_break_the_glass_once(staff: Staff) -> None:
    case = staff.ws.case("TWICE")
    desk = staff.elevated("david")
    answer(desk, "SELECT ws.claim_case(%s, '')", case)
    broken = answer(desk, "SELECT ws.break_glass(%s, 'INC-1', %s)", case, REASON)
    assert broken["on"]
    other = staff.elevated("david2")
    assert answer(other, "SELECT ws.break_glass_drill('INC-2', %s)", REASON) == "DENIED:glass_broken_already"


def test_an_open_transaction_of_the_suspect_holds_nobody_up(staff: Staff) -> None:
    """He holds his chain, his case and his elevation; the lead disables him all the same, and quickly."""
    who, case = staff.newcomer(3, group="ws_senior"), staff.ws.case("HELDUP")
    staff.elevated(who)
    desk = staff.ws.connect(who, autocommit=False)
    answer(desk, "SELECT ws.claim_case(%s, '')", case)
    answer(desk, "SELECT ws.elevation()")
    answer(desk, "SELECT ws.disable('ben', %s)", REASON)
    assert answer(staff.desk("fay"), "SELECT ws.disable(%s, %s)", who, REASON) == OK


def test_what_a_lead_holds_open_does_not_stop_the_broker(staff: Staff) -> None:
    """An open transaction over one's own break-glass or change holds no row that the broker needs for others."""
    desk = staff.ws.connect("fay", autocommit=False)
    answer(desk, "SELECT ws.see_alert(1)")
    answer(desk, "SELECT ws.disable('nobody', %s)", REASON)
    assert staff.ws.step_up(staff.desk("erika")) == "ok"
    desk.rollback()


def test_reasons_and_names_are_kept_as_text(staff: Staff) -> None:
    """What people type is data: nothing of it is SQL, a format or a second line of the audit."""
    sly = "x'); DROP TABLE wsd.staff; -- %s %I \n\x1b]52;c;AAAA\x07 and more"
    who = staff.newcomer()
    assert answer(staff.desk("fay"), "SELECT ws.disable(%s, %s)", who, sly) == OK
    payload = staff.one("SELECT payload FROM wsd.audit WHERE event = 'person.disable' AND object = %s", who)
    assert json.loads(payload)["reason"] == sly
    assert staff.one("SELECT count(*) FROM wsd.staff") > 5


def test_others_changes_are_not_mine_to_see(staff: Staff) -> None:
    staff.lead(f"grant_act('carla', 'unlock', {SOON}, %s)", REASON)
    assert answer(staff.desk("ana"), "SELECT ws.changes()") == []
    assert answer(staff.desk("zed"), "SELECT ws.changes()") == []
    assert len(answer(staff.desk("erika"), "SELECT ws.changes()")) == 1


def test_a_forged_verdict_needs_the_brokers_login(staff: Staff) -> None:
    """Who may attest is ws_executor alone; and he cannot elevate by an unknown challenge or for a wrong backend."""
    executor = staff.ws.desk("ws_executor")
    nobody = "SELECT ws.attest(gen_random_uuid(), true, 'fido2', '\\x01', 1, '')"
    assert answer(executor, nobody) == "unknown_challenge"
    erika = staff.desk("erika")
    row = erika.execute("SELECT id FROM ws.challenge()").fetchone()
    assert row is not None
    forged = "SELECT ws.attest(%s, true, 'fido2', '\\x01', 1, '')"
    assert answer(executor, forged, row[0]) == "replayed_counter", "she has no such factor"
    assert answer(executor, "SELECT ws.attest(%s, NULL, NULL, NULL, NULL, NULL)", row[0]) == "challenge_used"


def test_hashes_cover_all_that_is_confirmed(staff: Staff) -> None:
    """Another field, another hash: what the second person saw is what is applied."""
    change = staff.lead(f"grant_act('carla', 'unlock', {SOON}, %s)", REASON)
    row = staff.one("SELECT to_jsonb(c) FROM wsd.change c WHERE id = %s", change["id"])
    seen = {bytes.fromhex(change["hash"])}
    for field, value in (
        ("kind", "level"),
        ("subject", "ben"),
        ("payload", row["payload"] + " "),
        ("proposer", "gina"),
        ("id", UUID),
        ("expires", "2030-01-01T00:00:00Z"),
    ):
        other = json.dumps({**row, field: value})
        seen.add(bytes(staff.one("SELECT wsd.change_hash(jsonb_populate_record(NULL::wsd.change, %s))", other)))
    assert len(seen) == 7
    assert hashlib.sha256(b"").digest() not in seen
