"""Claims against the log, judged marks, notes on events and kept queries: who may, on what, and what is refused."""

from __future__ import annotations

import json
import secrets
from typing import Any

import psycopg
import pytest

from tests.rules.installation import Installation, answer

WHY = "The client was abroad, as his flight shows."


def held(ws: Installation, login: str, account: str) -> int:
    case = ws.case(account)
    assert answer(ws.desk(login), "SELECT ws.claim_case(%s, '')", case)["holder"] == login
    assert answer(ws.desk(login), "SELECT ws.open_case(%s)", case)["case"]["id"] == case
    return case


def pin(ws: Installation, login: str, case: int, event: str) -> int:
    made: int = answer(ws.desk(login), "SELECT ws.pin(%s, 'log', %s, 'a sign-in', '{}')", case, event)["id"]
    return made


def said(ws: Installation, case: int, what: str = "I was at home.") -> dict[str, Any]:
    claim: dict[str, Any] = answer(ws.desk("ana"), "SELECT ws.claim_add(%s, %s, NULL)", case, what)
    return claim


def judge(ws: Installation, login: str, claim: int, verdict: str, pins: list[int], why: str = "") -> Any:
    return answer(ws.desk(login), "SELECT ws.claim_judge(%s, %s, %s::bigint[], %s)", claim, verdict, pins, why)


def test_a_claim_is_judged_by_evidence_of_its_case(ws: Installation) -> None:
    case, other = held(ws, "ana", "CLAIM1"), held(ws, "ana", "CLAIM2")
    mine, foreign = pin(ws, "ana", case, "e1"), pin(ws, "ana", other, "e1")
    claim = said(ws, case)
    assert (claim["verdict"], claim["judged_by"], claim["pins"]) == ("open", "", [])
    assert judge(ws, "ana", claim["id"], "supported", []) == "DENIED:pin_needed"
    assert judge(ws, "ana", claim["id"], "supported", [foreign]) == "DENIED:unknown"
    assert judge(ws, "ana", claim["id"], "cannot_know", [], "short") == "DENIED:reason_too_short"
    assert judge(ws, "ana", claim["id"], "true", [mine]) == "DENIED:unknown"
    judged = judge(ws, "ana", claim["id"], "contradicted", [mine, mine])
    assert (judged["verdict"], judged["judged_by"], judged["pins"]) == ("contradicted", "ana", [mine])
    again = judge(ws, "ana", claim["id"], "cannot_know", [], "No source has data from then.")
    assert (again["verdict"], again["pins"]) == ("cannot_know", [])
    assert judge(ws, "ana", claim["id"], "open", [])["judged_by"] == ""
    found = answer(ws.desk("ana"), "SELECT ws.findings(%s)", case)
    assert [one["said"] for one in found["claims"]] == ["I was at home."]


def test_who_does_not_hold_the_case_writes_nothing(ws: Installation) -> None:
    case = held(ws, "ana", "CLAIM3")
    claim = said(ws, case)
    ben = ws.desk("ben")
    assert answer(ben, "SELECT ws.claim_add(%s, 'Something.', NULL)", case) == "DENIED:not_holder"
    assert judge(ws, "ben", claim["id"], "withdrawn", [], WHY) == "DENIED:not_holder"
    assert judge(ws, "ben", 10**9, "withdrawn", [], WHY) == "DENIED:not_holder"
    assert answer(ben, "SELECT ws.note_event(%s, 'log', 'e', 'x')", case) == "DENIED:not_holder"
    mark = "SELECT ws.judge_mark(%s, 'new-device', '\\x00', 'right', '', '[]')"
    assert answer(ben, mark, case) == "DENIED:not_holder"
    assert answer(ben, "SELECT ws.findings(%s)", case) == "DENIED:not_opened"


@pytest.mark.parametrize("words", ["", "  ", "no", "x" * 501], ids=["none", "blank", "short", "long"])
def test_a_claim_is_one_statement(ws: Installation, words: str) -> None:
    case = held(ws, "ana", secrets.token_hex(6))
    assert answer(ws.desk("ana"), "SELECT ws.claim_add(%s, %s, NULL)", case, words) == "DENIED:claim_length"


def test_a_claim_names_a_mail_of_its_case_only(ws: Installation) -> None:
    case = held(ws, "ana", "CLAIM5")
    assert answer(ws.desk("ana"), "SELECT ws.claim_add(%s, 'Something.', 1)", case) == "DENIED:unknown"


def test_a_judged_mark_counts_once_a_case_and_the_newest_counts(ws: Installation) -> None:
    cases = [held(ws, "ana", f"MARK{n}") for n in range(3)]
    ask = "SELECT ws.judge_mark(%s, 'new-device', sha256('r'), %s, %s, %s::jsonb)"
    assert answer(ws.desk("ana"), ask, cases[0], "wrong", "short", "[]") == "DENIED:reason_too_short"
    assert answer(ws.desk("ana"), ask, cases[0], "maybe", WHY, "[]") == "DENIED:unknown"
    assert answer(ws.desk("ana"), ask, cases[0], "right", "", json.dumps(["e"] * 51)) == "DENIED:too_many"
    for case in cases:
        assert answer(ws.desk("ana"), ask, case, "right", "", '["e1"]')["verdict"] == "right"
    assert answer(ws.desk("ana"), ask, cases[0], "wrong", WHY, "[]")["why"] == WHY
    record = {one["rule"]: one for one in answer(ws.desk("ben"), "SELECT ws.mark_record()")}
    assert record["new-device"] == {"rule": "new-device", "right": 2, "wrong": 1}
    assert [j["verdict"] for j in answer(ws.desk("ana"), "SELECT ws.findings(%s)", cases[0])["judgements"]] == ["wrong"]


@pytest.mark.parametrize("rule", ["", "A", "a b", "../x", "x" * 90, "a\nb"], ids=range(6))
def test_a_rules_id_is_a_word(ws: Installation, rule: str) -> None:
    case = held(ws, "ana", secrets.token_hex(6))
    ask = "SELECT ws.judge_mark(%s, %s, '\\x00', 'right', '', '[]')"
    assert answer(ws.desk("ana"), ask, case, rule) == "DENIED:unknown"


def test_notes_on_events_and_judgements_stay(ws: Installation) -> None:
    case = held(ws, "ana", "NOTED")
    note = answer(ws.desk("ana"), "SELECT ws.note_event(%s, 'log', 'e1', 'His own phone, says he.')", case)
    assert (note["by"], note["event_id"]) == ("ana", "e1")
    answer(ws.desk("ana"), "SELECT ws.judge_mark(%s, 'new-device', '\\x00', 'right', '', '[]')", case)
    for table in ("event_note", "mark_judgement"):
        for change in (f"DELETE FROM wsd.{table}", f"UPDATE wsd.{table} SET by = 'x'", f"TRUNCATE wsd.{table}"):
            with pytest.raises(psycopg.errors.InsufficientPrivilege):
                ws.desk("ana").execute(change)
            with pytest.raises(psycopg.errors.InsufficientPrivilege, match="append-only"):
                ws.su.execute(change)


def test_a_query_is_kept_for_me_or_by_seniors_for_a_kind(ws: Installation) -> None:
    keep, mine = "SELECT ws.save_query(%s, %s, %s)", "SELECT ws.saved_queries(%s)"
    assert answer(ws.desk("ana"), keep, "odd ones", "source.ip:10.*", "")["by"] == "ana"
    assert answer(ws.desk("ana"), keep, "odd ones", "source.ip:11.*", "")["query"] == "source.ip:11.*"
    assert answer(ws.desk("ana"), keep, "ours", "x", "account_takeover") == "DENIED:level"
    assert answer(ws.desk("erika"), keep, "ours", "x", "no_such_kind") == "DENIED:unknown"
    kept = answer(ws.desk("erika"), keep, "ours", "event.action:withdrawal*", "account_takeover")
    seen = answer(ws.desk("ana"), mine, "account_takeover")
    assert [(q["name"], q["query"]) for q in seen] == [
        ("ours", "event.action:withdrawal*"),
        ("odd ones", "source.ip:11.*"),
    ]
    assert answer(ws.desk("ben"), mine, "") == []
    assert answer(ws.desk("ana"), "SELECT ws.drop_query(%s)", kept["id"]) == "DENIED:level"
    own = seen[1]["id"]
    assert answer(ws.desk("ben"), "SELECT ws.drop_query(%s)", own) == "DENIED:unknown"
    assert answer(ws.desk("ana"), "SELECT ws.drop_query(%s)", own)["name"] == "odd ones"
    assert answer(ws.desk("erika"), "SELECT ws.drop_query(%s)", kept["id"])["name"] == "ours"
    assert answer(ws.desk("ana"), mine, "account_takeover") == []


@pytest.mark.parametrize(
    ("name", "query"),
    [("", "x"), ("n" * 61, "x"), ("n", ""), ("n", "x" * 4001)],
    ids=["no name", "long name", "no query", "long query"],
)
def test_names_and_queries_are_bounded(ws: Installation, name: str, query: str) -> None:
    assert answer(ws.desk("ana"), "SELECT ws.save_query(%s, %s, '')", name, query) == "DENIED:claim_length"
