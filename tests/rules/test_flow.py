"""From request to proof, and every way that was tried around it."""

from __future__ import annotations

import threading
from typing import Any

import psycopg
import pytest

from tests.rules.installation import REASON, Installation, answer

REQUEST = "SELECT ws.request_act(%s, %s, %s::jsonb, 'CLIENT_REQUEST_VERIFIED', %s, %s)"


def ask(ws: Installation, login: str, case: int, act: str = "unlock", params: str = "{}", etag: str = "e1") -> Any:
    """Take the case if need be, step up and ask; return the request or the refusal."""
    desk = ws.desk(login)
    answer(desk, "SELECT ws.claim_case(%s, 'taken for this test of the rules')", case)
    tier = ws.su.execute("SELECT tier FROM wsd.policy WHERE act = %s", (act,)).fetchone()[0]  # type: ignore[index]
    if tier == 3:
        ws.client_wrote(case)
        ws.proofs(login, case, "proofing", "possession")
        ws.attest(ws.su.execute("SELECT account_id FROM wsd.case_file WHERE id = %s", (case,)).fetchone()[0])  # type: ignore[index]
    if tier >= 2:
        bind = answer(desk, "SELECT ws.intent(%s, %s, %s::jsonb)", case, act, params) if tier >= 3 else None
        assert ws.step_up(desk, bind) == "ok"
    return answer(desk, REQUEST, case, act, params, REASON, etag)


def approve(ws: Installation, login: str, request: dict[str, Any], hash_: str = "") -> Any:
    wanted = bytes.fromhex(hash_ or request["request_hash"])
    assert ws.step_up(ws.desk(login), bytes.fromhex(request["request_hash"])) == "ok"
    done = answer(ws.desk(login), "SELECT ws.approve(%s, %s)", request["id"], wanted)
    return "OK" if isinstance(done, dict) else done


def claim(ws: Installation, request: dict[str, Any], etag: str = "e1") -> Any:
    return answer(ws.desk("ws_executor"), "SELECT ws.claim(%s, %s)", request["id"], etag)


@pytest.fixture(autouse=True)
def no_history(ws: Installation) -> None:
    """Approvals of earlier tests must not make these two reciprocal."""
    ws.su.execute("SET session_replication_role = replica")
    ws.su.execute("DELETE FROM wsd.approval")
    ws.su.execute("UPDATE wsd.request SET state = 'expired' WHERE state IN ('pending', 'executing', 'unknown')")
    ws.su.execute("SET session_replication_role = origin")
    ws.reset_factors()


@pytest.fixture
def case(ws: Installation, request: pytest.FixtureRequest) -> int:
    return ws.case(f"A{abs(hash(request.node.name)) % 10**9}")


def test_unlock_needs_elevation_level_and_the_case(ws: Installation, case: int) -> None:
    carla = ws.connect("carla")
    assert answer(carla, REQUEST, case, "unlock", "{}", REASON, "e1") == "DENIED:not_holder"
    answer(carla, "SELECT ws.claim_case(%s, '')", case)
    assert answer(carla, REQUEST, case, "unlock", "{}", REASON, "e1") == "DENIED:not_elevated"
    other = ws.case("LEVEL1")
    ana = ws.desk("ana")
    answer(ana, "SELECT ws.claim_case(%s, '')", other)
    assert answer(ana, REQUEST, other, "unlock", "{}", REASON, "e1") == "DENIED:level"
    assert answer(ana, REQUEST, other, "remove_client_lock", "{}", REASON, "e1") == "DENIED:forbidden_for_everyone"


def test_the_clients_own_lock_binds_everybody(ws: Installation, case: int) -> None:
    assert ask(ws, "david", case, "remove_client_lock") == "DENIED:forbidden_for_everyone"


def test_a_protective_act_is_one_persons_and_instant(ws: Installation, case: int) -> None:
    request = ask(ws, "ana", case, "lock", etag="whatever it is")
    assert request["state"] == "pending"
    assert claim(ws, request, "another version") == "ok"


def test_four_eyes(ws: Installation, case: int) -> None:
    request = ask(ws, "david", case)
    assert claim(ws, request) == "approvals"
    assert approve(ws, "david", request) == "DENIED:self"
    assert approve(ws, "david2", request) == "DENIED:self"
    assert approve(ws, "carla", request) == "DENIED:level"
    assert approve(ws, "zed", request) == "DENIED:unknown"
    assert answer(ws.connect("erika"), "SELECT ws.approve(%s, %s)", request["id"], b"") == "DENIED:hash_mismatch"
    hash_ = bytes.fromhex(request["request_hash"])
    assert answer(ws.connect("erika"), "SELECT ws.approve(%s, %s)", request["id"], hash_) == "DENIED:not_fresh"
    assert approve(ws, "erika", request) == "OK"
    assert approve(ws, "erika", request) == "DENIED:already_approved"
    assert claim(ws, request) == "ok"


def test_who_worked_on_the_case_does_not_approve_in_it(ws: Installation, case: int) -> None:
    answer(ws.desk("erika"), "SELECT ws.claim_case(%s, '')", case)
    assert answer(ws.desk("erika"), "SELECT ws.note(%s, 'I looked into this')", case)["by"] == "erika"
    assert approve(ws, "erika", ask(ws, "david", case)) == "DENIED:worked_on_case"


def test_two_people_do_not_approve_for_each_other_within_a_day(ws: Installation) -> None:
    first, second = ask(ws, "david", ws.case("RECI1")), ask(ws, "erika", ws.case("RECI2"))
    assert approve(ws, "erika", first) == "OK"
    assert approve(ws, "david", second) == "DENIED:reciprocal_24h"


def test_nor_at_the_same_moment(ws: Installation) -> None:
    first, second = ask(ws, "david", ws.case("RECI3")), ask(ws, "erika", ws.case("RECI4"))
    desks = {"erika": ws.connect("erika"), "david": ws.connect("david")}
    jobs = {"erika": first, "david": second}
    for login, request in jobs.items():
        assert ws.step_up(desks[login], bytes.fromhex(request["request_hash"])) == "ok"
    gate = threading.Barrier(2)
    out: list[Any] = []

    def go(login: str) -> None:
        gate.wait(10)
        request = jobs[login]
        done = answer(desks[login], "SELECT ws.approve(%s, %s)", request["id"], bytes.fromhex(request["request_hash"]))
        out.append("OK" if isinstance(done, dict) else done)

    threads = [threading.Thread(target=go, args=(login,)) for login in jobs]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(30)
    assert out.count("OK") == 1, out


def test_evidence_after_the_request_or_the_approval_stops_it(ws: Installation, case: int) -> None:
    request = ask(ws, "david", case)
    pin = "SELECT ws.pin(%s, 'log', %s, 'late', '\\x01')"
    answer(ws.desk("david"), pin, case, "e1")
    assert approve(ws, "erika", request) == "DENIED:evidence_changed"
    answer(ws.desk("david"), "SELECT ws.veto(%s, 'asked again')", request["id"])
    request = ask(ws, "david", case)
    assert approve(ws, "erika", request) == "OK"
    answer(ws.desk("david"), pin, case, "e2")
    assert claim(ws, request) == "evidence_changed"
    assert answer(ws.su, "SELECT state FROM wsd.request WHERE id = %s", request["id"]) == "refused"


def test_an_account_that_changed_is_not_acted_on(ws: Installation, case: int) -> None:
    request = ask(ws, "david", case)
    assert approve(ws, "erika", request) == "OK"
    assert claim(ws, request, "e2") == "account_changed"
    assert claim(ws, request, "e1") == "not_pending"


def test_eight_claims_at_once_release_it_once(ws: Installation, case: int) -> None:
    request = ask(ws, "david", case)
    assert approve(ws, "erika", request) == "OK"
    out: list[Any] = []

    def go() -> None:
        with psycopg.connect(ws.conninfo("ws_executor"), autocommit=True) as connection:
            out.append(answer(connection, "SELECT ws.claim(%s, 'e1')", request["id"]))

    threads = [threading.Thread(target=go) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(30)
    assert out.count("ok") == 1, out


@pytest.mark.parametrize(("who", "expected"), [("erika", "approvals"), ("david", "requester_revoked")])
def test_who_was_disabled_in_between_counts_no_more(ws: Installation, case: int, who: str, expected: str) -> None:
    request = ask(ws, "david", case)
    assert approve(ws, "erika", request) == "OK"
    ws.su.execute("UPDATE wsd.staff SET enabled = false WHERE login = %s", (who,))
    try:
        assert claim(ws, request) == expected
        assert answer(ws.connect(who), "SELECT ws.challenge()") == "42501"
    finally:
        ws.su.execute("UPDATE wsd.staff SET enabled = true")


def test_a_tier_3_request_cools_down_and_needs_its_own_step_up(ws: Installation, case: int) -> None:
    factor = '{"factor": "f1"}'
    desk = ws.connect("david")
    answer(desk, "SELECT ws.claim_case(%s, '')", case)
    ws.client_wrote(case)
    ws.proofs("david", case, "proofing", "possession")
    ws.attest(ws.su.execute("SELECT account_id FROM wsd.case_file WHERE id = %s", (case,)).fetchone()[0])  # type: ignore[index]
    other = answer(desk, "SELECT ws.intent(%s, 'remove_factor', '{\"factor\": \"f2\"}')", case)
    assert ws.step_up(desk, other) == "ok"
    assert answer(desk, REQUEST, case, "remove_factor", factor, REASON, "e1") == "DENIED:not_fresh"
    assert answer(desk, REQUEST, case, "remove_factor", "{}", REASON, "e1") == "DENIED:param_missing"
    request = ask(ws, "david", case, "remove_factor", factor)
    assert approve(ws, "erika", request) == "OK"
    assert claim(ws, request) == "cooling_down"


def test_anyone_may_stop_it(ws: Installation, case: int) -> None:
    request = ask(ws, "david", case)
    assert approve(ws, "erika", request) == "OK"
    assert answer(ws.desk("ana"), "SELECT ws.veto(%s, 'the client called')", request["id"]) == {"ok": True}
    assert claim(ws, request) == "not_pending"


@pytest.mark.parametrize(
    ("params", "expected"),
    [
        ("{}", "param_missing"),
        ('{"hold": ""}', "param_missing"),
        ('{"hold": 5}', "param_missing"),
        ('{"hold": {"$ne": 1}}', "param_missing"),
        ('{"hold": "h", "until": "2001-01-01"}', "param_unknown"),
        ('["hold"]', "param_missing"),
        ("null", "param_missing"),
    ],
)
def test_parameters_are_those_of_the_act(ws: Installation, case: int, params: str, expected: str) -> None:
    assert ask(ws, "david", case, "lift_hold", params) == f"DENIED:{expected}"


def test_one_open_request_an_account(ws: Installation, case: int) -> None:
    assert ask(ws, "david", case)["state"] == "pending"
    assert ask(ws, "david", case, "send_password_reset") == "DENIED:request_open"


def test_the_owner_of_the_tables_cannot_break_four_eyes(ws: Installation, case: int) -> None:
    request = ask(ws, "david", case)
    columns = "request_id, requester_person, request_hash, approve_by, approver, approver_person, decided, execute_by"
    insert = (
        f"INSERT INTO wsd.approval({columns}) "
        "SELECT id, %s, request_hash, approve_by, %s, %s, %s, now() FROM wsd.request WHERE id = %s"
    )
    now = "2020-01-01"
    assert answer(ws.su, insert, "P4", "david", "P4", now, request["id"]) == "23514"
    assert answer(ws.su, insert, "PX", "david", "P4", now, request["id"]) == "23503"
    assert answer(ws.su, insert, "P4", "erika", "P5", "2999-01-01", request["id"]) == "23514"
    assert answer(ws.su, "UPDATE wsd.request SET params = '{\"x\": 1}' WHERE id = %s", request["id"]) == "42501"
    assert answer(ws.su, "UPDATE wsd.request SET state = 'executed' WHERE id = %s", request["id"]) == "42501"
    assert answer(ws.su, "DELETE FROM wsd.request WHERE id = %s", request["id"]) == "42501"


def test_old_transactions_and_snapshots_are_refused(ws: Installation, case: int) -> None:
    request = ask(ws, "david", case)
    old = ws.connect("erika", autocommit=False)
    old.execute("SET TRANSACTION ISOLATION LEVEL REPEATABLE READ")
    assert answer(old, "SELECT ws.approve(%s, %s)", request["id"], b"\0" * 32) == "25001"
    old.execute("SET TRANSACTION ISOLATION LEVEL SERIALIZABLE")
    assert answer(old, "SELECT ws.queue()") == "25001"


def test_late_requests_expire(ws: Installation, case: int) -> None:
    request = ask(ws, "david", case)
    ws.su.execute("SET session_replication_role = replica")
    ws.su.execute("UPDATE wsd.request SET approve_by = now() - interval '1 s' WHERE id = %s", (request["id"],))
    ws.su.execute("SET session_replication_role = origin")
    assert approve(ws, "erika", request) == "DENIED:closed_or_expired"
    ws.broke("sweep")
    assert answer(ws.su, "SELECT state FROM wsd.request WHERE id = %s", request["id"]) == "expired"


def test_twenty_who_press_n_at_once_get_twenty_cases(ws: Installation) -> None:
    for number in range(20):
        ws.case(f"NEXT{number}")
    out: list[int] = []
    gate = threading.Barrier(20)

    def go(login: str) -> None:
        with psycopg.connect(ws.conninfo(login), autocommit=True) as connection:
            gate.wait(20)
            out.append(answer(connection, "SELECT ws.claim_next()")["id"])

    threads = [threading.Thread(target=go, args=("ana" if n % 2 else "ben",)) for n in range(20)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(30)
    assert len(out) == len(set(out)) == 20


def test_a_lease_can_be_stolen_for_a_reason_only_and_then_writes_stop(ws: Installation, case: int) -> None:
    ana, ben = ws.desk("ana"), ws.desk("ben")
    answer(ana, "SELECT ws.claim_case(%s, '')", case)
    assert answer(ben, "SELECT ws.claim_case(%s, 'mine')", case) == "DENIED:held_by_other"
    assert answer(ben, "SELECT ws.claim_case(%s, 'ana went home and the client waits')", case)["holder"] == "ben"
    assert answer(ana, "SELECT ws.note(%s, 'still mine?')", case) == "DENIED:not_holder"
    assert answer(ana, "SELECT ws.heartbeat(%s)", case) == "DENIED:lease_lost"
    assert answer(ana, "SELECT ws.send_mail(%s, '<a@b>', 'a@b.cc', 's', 'b', 'en')", case) == "DENIED:not_holder"


def test_a_packet_is_refused_while_something_is_missing_and_says_what(ws: Installation, case: int) -> None:
    ana = ws.desk("ana")
    answer(ana, "SELECT ws.claim_case(%s, '')", case)
    cursor = ana.execute("SELECT ws.forward(%s, '[]')", (case,))
    said = cursor.fetchone()[0]  # type: ignore[index]
    assert said["denied"] == "packet_incomplete"
    assert any("pinned" in m for m in said["missing"])
    assert any("Step not done" in m for m in said["missing"])
    step = "SELECT ws.tick(%s, 'why_locked', %s)"
    assert answer(ana, step, case, None) == "DENIED:pin_needed"
    pin = answer(ana, "SELECT ws.pin(%s, 'log', 'e9', 'it', '\\x02')", case)
    assert answer(ana, step, case, pin["id"])["steps"][0]["done_by"] == "ana"
    saved = answer(ana, "SELECT ws.save_packet(%s, %s, 'takeover', 'remove_factor', '{}', 'in', 0)", case, REASON)
    assert "The recommended act needs to name the factor." in saved["missing"]
    assert (
        answer(ana, "SELECT ws.save_packet(%s, %s, 'takeover', 'unlock', '{}', 'in', 0)", case, REASON)
        == "DENIED:version_changed"
    )


def test_guidance_goes_up_and_the_case_stays(ws: Installation, case: int) -> None:
    ana = ws.desk("ana")
    answer(ana, "SELECT ws.claim_case(%s, '')", case)
    assert answer(ana, "SELECT ws.ask_guidance(%s, 'Is this the owner?')", case) == {"ok": True}
    assert answer(ana, "SELECT ws.ask_guidance(%s, 'And again, is it?')", case) == "DENIED:guidance_open"
    waiting = {row["case"]["id"]: row for row in answer(ws.desk("david"), "SELECT ws.escalations()")}
    assert waiting[case]["packet_state"] == "guidance"
    assert answer(ws.desk("david"), "SELECT ws.return_packet(%s, 'Ask for the last login.')", case) == {"ok": True}
    assert answer(ana, "SELECT ws.open_case(%s)", case)["notes"][-1]["text"] == "Guidance: Ask for the last login."


def test_a_case_that_nobody_holds_takes_no_writes(ws: Installation, case: int) -> None:
    ana = ws.desk("ana")
    for statement in (
        "SELECT ws.note(%s, 'x')",
        "SELECT ws.label(%s, 'device', 'd', 'owner')",
        "SELECT ws.pin(%s, 'log', 'e', 's', '\\x01')",
        "SELECT ws.forward(%s, '[]')",
        "SELECT ws.release(%s)",
        "SELECT ws.close_case(%s, 'an outcome of a kind')",
        "SELECT ws.send_mail(%s, '<a@b>', 'a@b.cc', 's', 'b', 'en')",
        "SELECT ws.reveal(%s, 'email', 'because I would like to know')",
        "SELECT ws.open_case(%s)",
    ):
        assert answer(ana, statement, case) == "DENIED:not_holder", statement


def test_what_was_escalated_is_out_of_level_1s_sight(ws: Installation, case: int) -> None:
    ws.su.execute("UPDATE wsd.case_file SET escalated_to = 3 WHERE id = %s", (case,))
    ana = ws.desk("ana")
    assert case not in answer(ana, "SELECT ws.queue()")["ids"]
    assert answer(ana, "SELECT ws.case_rows(ARRAY[%s]::bigint[])", case) == []
    assert answer(ana, "SELECT ws.claim_case(%s, '')", case) == "DENIED:unknown"
    assert answer(ana, "SELECT ws.open_case(%s)", case) == "DENIED:unknown"
    assert answer(ana, "SELECT ws.requests(%s)", case) == "DENIED:unknown"
