"""Asking, approving and claiming as the tests of the rules do it, through real logins."""

from __future__ import annotations

import json
from typing import Any

from tests.rules.installation import REASON, Installation, answer

REQUEST = "SELECT ws.request_act(%s, %s, %s::jsonb, 'CLIENT_REQUEST_VERIFIED', %s, %s)"
FACTOR = json.dumps({"factor": "f1"})
DAY_S = 86_400


def account_of(ws: Installation, case: int) -> str:
    """Return the account of a case."""
    return str(answer(ws.su, "SELECT account_id FROM wsd.case_file WHERE id = %s", case))


def ready(ws: Installation, login: str, account: str, *classes: str) -> int:
    """Open a case of a client who wrote, take it, record proofs of these classes, have the facts attested."""
    case = ws.case(account)
    answer(ws.desk(login), "SELECT ws.claim_case(%s, 'taken for this test of the rules')", case)
    ws.client_wrote(case)
    ws.proofs(login, case, *classes)
    ws.attest(account)
    return case


def ask_tier_3(ws: Installation, login: str, case: int, params: str = FACTOR) -> Any:
    """Step up for exactly this and ask for a factor's removal at the version that stands; the row or the refusal."""
    desk = ws.desk(login)
    assert ws.step_up(desk, answer(desk, "SELECT ws.intent(%s, 'remove_factor', %s::jsonb)", case, params)) == "ok"
    return answer(desk, REQUEST, case, "remove_factor", params, REASON, f"e{ws.control.version}")


def refusals(ws: Installation, login: str, case: int, act: str = "remove_factor") -> dict[str, Any]:
    """Return every reason why not: code → (until, detail)."""
    options = answer(ws.desk(login), "SELECT ws.options(%s)", case)
    option = next(o for o in options if o["act"] == act)
    assert option["allowed"] is (option["reasons"] == [])
    return {r["code"]: (r["until"], r["detail"]) for r in option["reasons"]}


def approve(ws: Installation, login: str, request: dict[str, Any]) -> Any:
    """Step up for exactly this request and approve it; ``OK`` or the refusal."""
    hash_ = bytes.fromhex(request["request_hash"])
    assert ws.step_up(ws.desk(login), hash_) == "ok"
    done = answer(ws.desk(login), "SELECT ws.approve(%s, %s)", request["id"], hash_)
    return "OK" if isinstance(done, dict) else done


def row(ws: Installation, request: dict[str, Any]) -> dict[str, Any]:
    """Return a request as its case shows it now."""
    found: dict[str, Any] = answer(ws.su, "SELECT wsd.request_row(r) FROM wsd.request r WHERE r.id = %s", request["id"])
    return found


def forget(ws: Installation) -> None:
    """Take back what earlier tests left open: approvals make two people reciprocal, a request blocks its account."""
    ws.su.execute("SET session_replication_role = replica")
    ws.su.execute("DELETE FROM wsd.approval")
    ws.su.execute("UPDATE wsd.request SET state = 'expired' WHERE state IN ('pending', 'executing', 'unknown')")
    ws.su.execute("UPDATE wsd.execution SET told = now(), hold_state = ''")
    ws.su.execute("SET session_replication_role = origin")
    ws.reset_factors()
