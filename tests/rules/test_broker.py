"""The broker killed at every point between release and notice: no act twice, none lost, none unproven."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest

from tests.rules.installation import REASON, Control, Installation, Killed, answer
from workstation.services.errors import SourceChanged, SourceDown

REQUEST = "SELECT ws.request_act(%s, 'unlock', '{}', 'FALSE_POSITIVE_LOCK', %s, 'e1')"
STATE = "SELECT state FROM wsd.request WHERE id = %s"


@pytest.fixture
def released(ws: Installation, request: pytest.FixtureRequest) -> dict[str, Any]:
    """A request that is approved and waits for the broker."""
    ws.control = Control()
    ws.su.execute("SET session_replication_role = replica")
    ws.su.execute("UPDATE wsd.request SET state = 'expired' WHERE state IN ('pending', 'executing', 'unknown')")
    ws.su.execute("UPDATE wsd.execution SET told = now()")
    ws.su.execute("SET session_replication_role = origin")
    case = ws.case(f"B{abs(hash(request.node.name)) % 10**9}")
    david, erika = ws.desk("david"), ws.desk("erika")
    answer(david, "SELECT ws.claim_case(%s, '')", case)
    assert ws.step_up(david) == "ok"
    made: dict[str, Any] = answer(david, REQUEST, case, REASON)
    assert ws.step_up(erika, bytes.fromhex(made["request_hash"])) == "ok"
    answer(erika, "SELECT ws.approve(%s, %s)", made["id"], bytes.fromhex(made["request_hash"]))
    return made


def killed_at(ws: Installation, point: str) -> None:
    ws.control.fail[point] = Killed()
    with pytest.raises(Killed):
        ws.broke("release")


def settled(ws: Installation, request: dict[str, Any]) -> tuple[str, int]:
    """Start a broker anew and let it find out; return the state and how often the act took effect."""
    ws.broke("reconcile", "release", "tell")
    return answer(ws.su, STATE, request["id"]), len(ws.control.effects)


def test_nothing_goes_wrong(ws: Installation, released: dict[str, Any]) -> None:
    ws.broke("release", "tell")
    assert answer(ws.su, STATE, released["id"]) == "executed"
    assert len(ws.control.effects) == 1
    shown = answer(ws.su, "SELECT readback FROM wsd.execution WHERE request_id = %s", released["id"])
    assert "locks none" in shown


@pytest.mark.parametrize("point", ["before effect", "after effect"])
def test_killed_between_claim_and_proof(ws: Installation, released: dict[str, Any], point: str) -> None:
    killed_at(ws, point)
    assert answer(ws.su, STATE, released["id"]) == "executing"
    assert settled(ws, released) == ("executed", 1)


def test_killed_before_the_claim(ws: Installation, released: dict[str, Any]) -> None:
    killed_at(ws, "read")
    assert answer(ws.su, STATE, released["id"]) == "pending"
    assert settled(ws, released) == ("executed", 1)


def test_killed_while_it_reads_back(ws: Installation, released: dict[str, Any], monkeypatch: Any) -> None:
    original, reads = ws.control.read, []

    async def second_read_kills(account: str) -> Any:
        reads.append(account)
        if len(reads) == 2:
            raise Killed()
        return await original(account)

    monkeypatch.setattr(ws.control, "read", second_read_kills)
    with pytest.raises(Killed):
        ws.broke("release")
    assert settled(ws, released) == ("executed", 1)


def test_killed_between_settling_and_telling(ws: Installation, released: dict[str, Any]) -> None:
    ws.broke("release")
    ws.control.fail["read"] = Killed()
    with pytest.raises(Killed):
        ws.broke("tell")
    ws.broke("tell")
    ws.broke("tell")
    mails = "SELECT count(*) FROM wsd.mail WHERE case_id = %s AND subject = 'done'"
    assert answer(ws.su, mails, released["case_id"]) == 1


def test_an_answer_that_got_lost_is_found_out(ws: Installation, released: dict[str, Any]) -> None:
    ws.control.fail["after effect"] = SourceDown("no answer")
    ws.broke("release")
    assert answer(ws.su, STATE, released["id"]) == "executed"
    assert len(ws.control.effects) == 1


def test_a_request_that_never_arrived_failed_and_did_nothing(ws: Installation, released: dict[str, Any]) -> None:
    ws.control.fail["before effect"] = SourceDown("refused connection")
    ws.broke("release")
    assert answer(ws.su, STATE, released["id"]) == "failed"
    assert ws.control.effects == []


def test_what_cannot_be_found_out_shows_as_unknown_until_it_can(ws: Installation, released: dict[str, Any]) -> None:
    ws.control.fail |= {"after effect": SourceDown("no answer"), "reconcile": SourceDown("still no answer")}
    ws.broke("release")
    assert answer(ws.su, STATE, released["id"]) == "unknown"
    assert settled(ws, released) == ("executed", 1)


def test_a_refusal_by_the_account_system_is_a_failure(ws: Installation, released: dict[str, Any]) -> None:
    ws.control.fail["before effect"] = SourceChanged("the account changed")
    ws.broke("release")
    assert answer(ws.su, STATE, released["id"]) == "failed"


def test_an_effect_that_does_not_show_is_not_called_done(ws: Installation, released: dict[str, Any]) -> None:
    ws.control.shows_effect = False
    ws.broke("release")
    assert answer(ws.su, STATE, released["id"]) == "unknown"


def test_an_account_that_cannot_be_read_waits(ws: Installation, released: dict[str, Any]) -> None:
    ws.control.fail["read"] = SourceDown("away")
    ws.broke("release")
    assert answer(ws.su, STATE, released["id"]) == "pending"
    assert settled(ws, released) == ("executed", 1)


def test_it_waits_for_a_store_that_is_away(ws: Installation) -> None:
    async def go() -> list[str]:
        said: list[str] = []
        stop = asyncio.Event()

        class Log(list[str]):
            def append(self, event: str) -> None:
                said.append(event)
                stop.set()

        broker = ws.broker(Log())
        broker._conninfo = "host=/nonexistent dbname=ws user=x connect_timeout=1"
        await asyncio.wait_for(broker.run(stop), 30)
        return said

    assert asyncio.run(go())[0] == "store.away"
