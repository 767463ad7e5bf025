"""What `doctor` says of the notary."""

from __future__ import annotations

from typing import Any

import pytest

from tests.audit.conftest import forget, work
from tests.audit.office import Office
from tests.rules.installation import Installation, answer
from workstation.services.audit.serving import Service
from workstation.services.audit.sinks import Forked
from workstation.services.audit.standing import standing
from workstation.services.clock import SystemClock

GOOD: dict[str, Any] = {"seen_s": 3, "size": 1200, "age_s": 61, "behind": 4, "witnesses": 1, "witness": "w1 signs"}


@pytest.mark.parametrize(
    ("row", "state", "word"),
    [
        ({}, "ok", "checkpoint 1,200, 61 s old, 4 records since; w1 signs"),
        ({"age_s": 7300}, "warning", "2 h old, 4 records since: late"),
        ({"age_s": 7300, "behind": 1}, "ok", "2 h old"),  # the one is the notary's own
        ({"witnesses": 0, "witness": "w1 does not answer"}, "warning", "co-signed by nobody (w1 does not answer)"),
        ({"witnesses": 0, "witness": ""}, "warning", "none is configured"),
        ({"seen_s": 600}, "broken", "silent for 10 min"),
        ({"trouble": "the tail\x1b[2J"}, "broken", "does not sign: the tail"),
        ({"seen_s": None}, "warning", "never been here"),
        ({"size": 0, "age_s": None, "behind": 9}, "warning", "no checkpoint yet"),
    ],
)
def test_in_words(row: dict[str, Any], state: str, word: str) -> None:
    found = standing({**GOOD, "trouble": "", **row})
    assert found.state == state
    assert word in found.said
    assert "\x1b" not in found.said
    assert bool(found.do) == (state != "ok")


def test_from_the_store_through_the_loop(ws: Installation, office: Office) -> None:
    service = Service(office.notary, office.store, office.cosigners, SystemClock(), office.note)
    service.look()
    assert standing(answer(ws.desk("gus"), "SELECT ws.notary()")).state == "ok"
    service.look()
    assert office.said == ["checkpoint"]
    ws.su.execute("SET session_replication_role = replica")
    head = office.journal.heads["ana"]
    ws.su.execute("UPDATE wsd.audit SET hash = %s WHERE chain = 'ana' AND seq = %s", (bytes(32), head[0]))
    with pytest.raises(Forked, match=f"ana record {head[0]} was rewritten"):
        office.notary.checkpoint()
    for _ in range(3):
        service._pace._records = None  # as after a restart: it is due
        service._again = float("-inf")
        service.look()
    alerts = ws.su.execute("SELECT team, text FROM wsd.alert WHERE kind = 'notary'").fetchall()
    mails = ws.su.execute("SELECT subject FROM wsd.mail WHERE subject LIKE 'ALARM%%'").fetchall()
    seen = standing(answer(ws.desk("ana"), "SELECT ws.notary()"))
    ws.su.execute("UPDATE wsd.audit SET hash = %s WHERE chain = 'ana' AND seq = %s", (bytes.fromhex(head[1]), head[0]))
    ws.su.execute("SET session_replication_role = origin")
    assert [team for team, _ in alerts] == ["A"]  # told once, though it looked three times
    assert f"ana record {head[0]}" in alerts[0][1]
    assert seen.state == "broken"
    assert len(mails) <= 1
    assert office.said.count("alarm") == 3
    service._again = float("-inf")
    service.look()
    assert service.trouble == ""
    work(ws, "ana", times=1)
    forget(ws)


def test_who_may_call_what(ws: Installation) -> None:
    for login in ("ana", "fay", "gus", "ws_executor", "ws_courier"):
        desk = ws.desk(login)
        assert answer(desk, "SELECT ws.notary_look()") == "42501"
        assert answer(desk, "SELECT ws.notary_alarm('x')") == "42501"
        assert answer(desk, "SELECT ws.checkpointed('o', 1, '\\x00', now(), 1, 0, 'f')") == "42501"
        assert answer(desk, "SELECT ws.set_auditor_mail('me@x.invalid')") == "42501"
        assert answer(desk, "DELETE FROM wsd.checkpoint") == "42501"
    notary = ws.desk("ws_notary")
    assert answer(notary, "SELECT ws.set_auditor_mail('me@x.invalid')") == "42501"
    assert answer(notary, "INSERT INTO wsd.audit_head VALUES ('x', 1, '')") == "42501"
    assert answer(notary, "SELECT count(*) FROM wsd.case_file") == "42501"
    assert answer(notary, "SELECT ws.checkpointed('o', 1, %s, now(), 1, 0, 'short')", bytes(32)) == "22023"
    for statement in ("UPDATE wsd.checkpoint SET size = 2", "DELETE FROM wsd.checkpoint"):
        assert answer(notary, statement) == "42501"
    assert answer(ws.su, "TRUNCATE wsd.checkpoint") == "42501"
