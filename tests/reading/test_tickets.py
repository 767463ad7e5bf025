"""The rules about views, typed into psql under every login."""

from __future__ import annotations

import hashlib
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import psycopg
import pytest

from tests.reading.house import REASON
from tests.rules.installation import Installation, answer

SHA = "\\x" + "00" * 32


def view(ws: Installation, login: str, account: str) -> Any:
    return answer(ws.desk(login), "SELECT ws.view_ticket_reason(%s, %s)", account, REASON)


def alerts(ws: Installation) -> list[tuple[str, str]]:
    return [tuple(r) for r in ws.su.execute("SELECT kind, about FROM wsd.alert WHERE kind LIKE 'view.%' ORDER BY id")]


def check(ws: Installation, token: str, account: str, what: str = "account") -> Any:
    digest = hashlib.sha256(token.encode()).digest()
    return answer(ws.desk("ws_reader"), "SELECT ws.view_check(%s, %s, %s, '', 'uid 0')", digest, account, what)


CALLS = {
    "view_check": f"SELECT ws.view_check('{SHA}', 'A', 'account', '', '')",
    "view_vip": "SELECT ws.view_vip(1)",
    "view_recipient": f"SELECT ws.view_recipient('{SHA}', 'A', '', 'a@b', '')",
    "view_pin": f"SELECT ws.view_pin('{SHA}', 'A', '', 's', 'e', 's', '\\x00')",
    "view_imported": "SELECT * FROM ws.view_imported('A', 0, 1, NULL, '', 1)",
    "reader_serves": "SELECT ws.reader_serves()",
    "read_directly": "SELECT ws.read_directly()",
    "the tickets": "SELECT * FROM wsd.view_ticket",
    "write a ticket": "INSERT INTO wsd.view_ticket(token_sha256, login, person_id, backend_pid, backend_start, kind, "
    f"account_id, expires) VALUES ('{SHA}', 'ana', 'P1', 1, now(), 'reason', 'A', now())",
    "lengthen a ticket": "UPDATE wsd.view_ticket SET expires = now() + interval '1 day'",
    "forget a use": "DELETE FROM wsd.view_use",
    "reveal by hand": "INSERT INTO wsd.reveal_grant(login) VALUES ('ana')",
    "read an address": "SELECT address FROM wsd.recipient",
    "unwatch": "DELETE FROM wsd.watched_account",
    "empty the meter": "DELETE FROM wsd.view_meter",
    "issue": "SELECT wsd.issue_view(wsd.me(), 'case', 'A', 1, '')",
    "walled": "UPDATE wsd.store_meta SET value = 'direct' WHERE key = 'viewing'",
    "colleague": "UPDATE wsd.staff SET accounts = NULL",
}
READERS = {"view_check", "view_vip", "view_recipient", "view_pin", "view_imported", "reader_serves"}
WHO = ("ana", "carla", "david", "fay", "gus", "ws_executor", "ws_courier", "ws_notary", "ws_reader")


@pytest.mark.parametrize("who", WHO)
def test_nobody_gets_at_what_lies_behind(ws: Installation, who: str) -> None:
    for name, statement in CALLS.items():
        if who != "ws_reader" or name not in READERS:
            assert answer(ws.desk(who), statement) == "42501", name


def test_the_reader_can_read_no_table_and_ask_for_no_ticket(ws: Installation) -> None:
    desk = ws.desk("ws_reader")
    tables = ws.su.execute("SELECT relname FROM pg_class WHERE relnamespace = 'wsd'::regnamespace AND relkind = 'r'")
    for (table,) in tables.fetchall():
        assert answer(desk, f"SELECT * FROM wsd.{table}") == "42501", table
    for call in ("view_ticket(1)", f"view_ticket_reason('A', '{REASON}')", f"search_ticket('{SHA}')", "views_of('A')"):
        assert answer(desk, f"SELECT ws.{call}") == "42501", call
    assert answer(desk, "SELECT ws.view_check(NULL, NULL, NULL, NULL, NULL)") == "DENIED:ticket_unknown"


def test_a_ticket_is_for_a_case_that_i_hold_or_that_waits_for_my_level(ws: Installation) -> None:
    case = ws.case("T1")
    assert answer(ws.desk("ana"), "SELECT ws.view_ticket(%s)", case) == "DENIED:view_no_purpose"
    assert answer(ws.desk("david"), "SELECT ws.view_ticket(%s)", case) == "DENIED:view_no_purpose"
    answer(ws.desk("ana"), "SELECT ws.claim_case(%s, '')", case)
    assert answer(ws.desk("ana"), "SELECT ws.view_ticket(%s)", case)["kind"] == "case"
    for other in ("ben", "carla", "david", "fay"):
        assert answer(ws.desk(other), "SELECT ws.view_ticket(%s)", case) == "DENIED:view_no_purpose", other
    assert answer(ws.desk("zed"), "SELECT ws.view_ticket(%s)", case) == "DENIED:unknown"
    assert answer(ws.desk("gus"), "SELECT ws.view_ticket(%s)", case) == "42501"
    ws.su.execute("UPDATE wsd.case_file SET escalated_to = 3, holder = NULL, lease_until = NULL WHERE id = %s", (case,))
    assert answer(ws.desk("david"), "SELECT ws.view_ticket(%s)", case)["kind"] == "escalation"
    assert answer(ws.desk("carla"), "SELECT ws.view_ticket(%s)", case) == "DENIED:view_no_purpose"
    assert str(answer(ws.desk("ana"), "SELECT ws.view_ticket(%s)", case)).startswith("DENIED:")
    ws.su.execute("UPDATE wsd.case_file SET status = 'closed', outcome = 'all is well' WHERE id = %s", (case,))
    assert answer(ws.desk("david"), "SELECT ws.view_ticket(%s)", case) == "DENIED:view_no_purpose"
    assert answer(ws.desk("ana"), "SELECT ws.view_ticket(%s)", ws.case("")) == "DENIED:no_account"
    assert answer(ws.desk("ana"), "SELECT ws.view_ticket(NULL)") == "DENIED:unknown"


def test_a_reason_is_a_sentence_and_the_leads_see_it(ws: Installation) -> None:
    ana = ws.desk("ana")
    for bad in ("", "too short", " " * 40, None):
        assert answer(ana, "SELECT ws.view_ticket_reason('T2', %s)", bad) == "DENIED:reason_too_short"
    for odd in ("", "a b", "x" * 300, "\u202e", None):
        assert answer(ana, "SELECT ws.view_ticket_reason(%s, %s)", odd, REASON) == "DENIED:unknown"
    given = view(ws, "ana", "T2")
    assert (given["kind"], given["left"]) == ("reason", 29)
    view(ws, "ana", "T2")
    assert alerts(ws) == [("view.reason", "ana")]
    assert answer(ws.desk("fay"), "SELECT ws.alerts()")[0]["text"].endswith(REASON)
    kept = ws.su.execute("SELECT count(*) FROM wsd.view_ticket WHERE token_sha256 = %s", (given["token"].encode(),))
    assert kept.fetchone() == (0,)
    assert check(ws, given["token"], "T2")["account"] == "T2"


def test_the_31st_account_in_an_hour_is_refused_and_told(ws: Installation) -> None:
    for n in range(30):
        assert "token" in view(ws, "ben", f"B{n}")
    row = ws.desk("ben").execute("SELECT ws.view_ticket_reason('B30', %s)", (REASON,)).fetchone()
    assert row is not None
    assert row[0]["denied"] == "view_budget"
    assert row[0]["reasons"][0]["until"]
    assert "token" in view(ws, "ben", "B3"), "what was open stays open"
    assert ("view.budget", "ben") in alerts(ws)
    case = ws.case("B31")
    answer(ws.desk("ben"), "SELECT ws.claim_case(%s, '')", case)
    assert answer(ws.desk("ben"), "SELECT ws.view_ticket(%s)", case) == "DENIED:view_budget"
    assert answer(ws.desk("ben"), f"SELECT ws.search_ticket('{SHA}')") == "DENIED:view_budget"
    ws.su.execute("UPDATE wsd.view_ticket SET issued = issued - interval '61 min' WHERE account_id = 'B0'")
    assert "token" in view(ws, "ben", "B30")


def test_two_logins_of_one_person_share_the_hour_and_races_do_not_help(ws: Installation) -> None:
    for n in range(26):
        view(ws, ("david", "david2")[n % 2], f"D{n}")
    seats = [ws.connect(("david", "david2")[n % 2]) for n in range(8)]

    def one(n: int) -> Any:
        return answer(seats[n], "SELECT ws.view_ticket_reason(%s, %s)", f"DX{n}", REASON)

    with ThreadPoolExecutor(8) as pool:
        found = list(pool.map(one, range(8)))
    assert sum(isinstance(a, dict) for a in found) == 4
    assert {a for a in found if not isinstance(a, dict)} <= {"DENIED:view_budget", "55P03"}


def test_a_rolled_back_ticket_is_none_and_its_denial_is_in_the_servers_log(ws: Installation) -> None:
    with ws.connect("ana", autocommit=False) as late:
        row = late.execute("SELECT ws.view_ticket_reason('T4', %s)", (REASON,)).fetchone()
        assert row is not None
        assert check(ws, row[0]["token"], "T4") == "DENIED:ticket_unknown", "not before it is committed"
        late.rollback()
    assert check(ws, row[0]["token"], "T4") == "DENIED:ticket_unknown"
    with pytest.raises(psycopg.Error) as old, ws.connect("ana", autocommit=False) as snapshot:
        snapshot.execute("SET TRANSACTION ISOLATION LEVEL REPEATABLE READ")
        snapshot.execute("SELECT ws.view_ticket_reason('T4', %s)", (REASON,))
    assert old.value.sqlstate == "25001"


def test_colleagues_own_and_watched_accounts(ws: Installation) -> None:
    fay = ws.desk("fay")
    assert answer(fay, "SELECT ws.colleagues_account('ben', 'BENS')") == {"ok": True}
    assert answer(fay, "SELECT ws.colleagues_account('zed', 'ZEDS')") == "DENIED:unknown"
    assert answer(fay, "SELECT ws.watch_account('WATCHED', 'press')") == "DENIED:note_too_short"
    assert answer(fay, "SELECT ws.watch_account('WATCHED', 'a journalist, since May')") == {"ok": True}
    for call in ("colleagues_account('ben', 'X')", "watch_account('X', 'because I can')"):
        assert answer(ws.desk("david"), f"SELECT ws.{call}") == "42501"
    view(ws, "ana", "BENS")
    view(ws, "ana", "WATCHED")
    assert view(ws, "ben", "BENS") == "DENIED:own_account"
    told = alerts(ws)
    assert ("view.colleague", "ana") in told
    assert ("view.watched", "ana") in told
    assert ("view.own_account", "ben") in told


def test_a_case_that_was_opened_by_hand_is_told(ws: Installation) -> None:
    row = answer(ws.desk("ana"), "SELECT ws.add_case('HAND', 'other', 'I wonder')")
    assert answer(ws.desk("ana"), "SELECT ws.view_ticket(%s)", row["id"])["kind"] == "case"
    assert ("view.own_case", "ana") in alerts(ws)


def test_who_looked_when_and_why(ws: Installation) -> None:
    case = ws.case("SEEN")
    answer(ws.desk("ana"), "SELECT ws.claim_case(%s, '')", case)
    token = answer(ws.desk("ana"), "SELECT ws.view_ticket(%s)", case)["token"]
    check(ws, token, "SEEN", "account")
    check(ws, token, "SEEN", "risk")
    answer(ws.desk("ana"), "SELECT ws.reveal(%s, 'email', %s)", case, REASON)
    view(ws, "zed", "SEEN")
    rows = answer(ws.desk("gus"), "SELECT ws.views_of('SEEN')")
    assert {(r["login"], r["kind"]) for r in rows} == {("ana", "case"), ("zed", "reason")}
    (of_ana,) = answer(ws.desk("fay"), "SELECT ws.views_of('SEEN')")
    assert of_ana["looked"] == ["account", "risk"]
    assert [(r["field"], r["reason"]) for r in of_ana["reveals"]] == [("email", REASON)]
    assert of_ana["case_ref"] == f"CS-{case}"
    for other in ("ana", "carla", "david"):
        assert answer(ws.desk(other), "SELECT ws.views_of('SEEN')") == "DENIED:leads_and_auditors_only"
    read = "SELECT count(*) FROM wsd.audit WHERE event = 'views.read' AND object = 'SEEN' AND chain = 'gus'"
    assert ws.su.execute(read).fetchone() == (1,)


def test_reveals_are_for_the_holder_for_a_field_and_a_reason(ws: Installation) -> None:
    case = ws.case("REV")
    answer(ws.desk("ana"), "SELECT ws.claim_case(%s, '')", case)
    for call, rule in (
        ("reveal(%s, 'iban', %s)", "unknown"),
        ("reveal(%s, NULL, %s)", "unknown"),
        ("reveal(%s, 'email', left(%s, 5))", "reason_too_short"),
    ):
        assert answer(ws.desk("ana"), f"SELECT ws.{call}", case, REASON) == f"DENIED:{rule}"
    for other in ("ben", "david", "zed", "fay"):
        assert answer(ws.desk(other), "SELECT ws.reveal(%s, 'email', %s)", case, REASON) == "DENIED:not_holder"
    assert answer(ws.desk("ana"), "SELECT ws.reveal(%s, 'email', %s)", case, REASON)["ok"]
    with pytest.raises(psycopg.Error, match="append-only"):
        ws.su.execute("UPDATE wsd.reveal_grant SET until = until + interval '1 day'")
