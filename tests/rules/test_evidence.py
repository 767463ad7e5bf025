"""Evidence of two independent classes, and the facts that stop a reset: in the database, by what the broker read."""

from __future__ import annotations

import itertools
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

import msgspec
import pytest

from tests.rules import asking
from tests.rules.installation import EMAIL, LONG_AGO, PHONE, REASON, Control, Installation, answer
from workstation.services.accounts.model import Contact, ContactKind, SimState

NUMBER = itertools.count(1)
NOW = datetime.now(UTC)
BOTH = ("proofing", "possession")


@pytest.fixture(autouse=True)
def quiet(ws: Installation) -> Iterator[None]:
    ws.control = Control()
    asking.forget(ws)
    yield
    ws.control = Control()


@pytest.fixture
def account() -> str:
    return f"EV{next(NUMBER)}"


def phone(since: datetime | None) -> Contact:
    return Contact(kind=ContactKind.PHONE, value=PHONE, verified_at=since)


def email(value: str = EMAIL, since: datetime | None = LONG_AGO, replaced: datetime | None = None) -> Contact:
    return Contact(kind=ContactKind.EMAIL, value=value, verified_at=since, replaced_at=replaced)


def test_with_both_classes_it_may_be_asked_for(ws: Installation, account: str) -> None:
    case = asking.ready(ws, "david", account, *BOTH)
    assert asking.refusals(ws, "david", case) == {}
    assert asking.ask_tier_3(ws, "david", case)["state"] == "pending"


@pytest.mark.parametrize(
    ("classes", "missing"),
    [
        ((), ["proofing", "possession or callback"]),
        (("proofing",), ["possession or callback"]),
        (("possession",), ["proofing"]),
        (("possession", "callback"), ["proofing"]),
        (("proofing", "callback"), []),
    ],
)
def test_one_class_is_not_enough(ws: Installation, account: str, classes: tuple[str, ...], missing: list[str]) -> None:
    case = asking.ready(ws, "david", account, *classes)
    option = next(o for o in answer(ws.desk("david"), "SELECT ws.options(%s)", case) if o["act"] == "remove_factor")
    assert [r["detail"] for r in option["reasons"] if r["code"] == "evidence_missing"] == missing
    assert [need["met"] for need in option["proof_needs"]].count(False) == len(missing)
    if missing:
        assert asking.ask_tier_3(ws, "david", case) == "DENIED:evidence_missing"


def test_one_item_is_not_two_proofs(ws: Installation, account: str) -> None:
    case = asking.ready(ws, "david", account)
    desk = ws.desk("david")
    pin = answer(desk, "SELECT ws.pin(%s, 'log', 'x', 'it', '\\x01')", case)["id"]
    record = "SELECT ws.record_proof(%s, %s, %s, %s)"
    assert answer(desk, record, case, "proofing", pin, "the live video")["pin"] == pin
    assert answer(desk, record, case, "possession", pin, "and the same again") == "DENIED:proof_pin_used"
    assert answer(desk, record, case, "possession", pin + 9999, "no such pin here") == "DENIED:pin_needed"
    assert answer(desk, record, case, "possession", pin, "short") == "DENIED:note_too_short"
    assert answer(desk, record, case, "hearsay", pin, "somebody told me so") == "DENIED:unknown"
    assert answer(ws.desk("ana"), record, case, "possession", pin, "it is not my case") == "DENIED:not_holder"


def test_a_level_1_records_and_a_senior_who_recorded_does_not_approve(ws: Installation, account: str) -> None:
    case = asking.ready(ws, "ana", account, "proofing")
    answer(ws.desk("erika"), "SELECT ws.claim_case(%s, 'taken to record a proof in it')", case)
    ws.proofs("erika", case, "possession")
    answer(ws.desk("david"), "SELECT ws.claim_case(%s, 'taken for this test of the rules')", case)
    request = asking.ask_tier_3(ws, "david", case)
    assert asking.approve(ws, "erika", request) == "DENIED:worked_on_case"


def test_a_proof_after_the_request_changes_what_was_approved(ws: Installation, account: str) -> None:
    case = asking.ready(ws, "david", account, *BOTH)
    request = asking.ask_tier_3(ws, "david", case)
    ws.proofs("david", case, "callback")
    assert asking.approve(ws, "erika", request) == "DENIED:evidence_changed"


#: name → (what the account shows, code, days until it ends by itself, or None)
BLOCKERS: dict[str, tuple[dict[str, Any], str, int | None]] = {
    "SIM card": ({"sim": SimState.SWAPPED, "sim_changed_at": NOW - timedelta(days=1)}, "sim_swap", 13),
    "SIM card, nobody knows when": ({"sim": SimState.SWAPPED}, "sim_swap", None),
    "SIM card not known": ({"sim": SimState.UNKNOWN}, "sim_swap_unknown", None),
    "address changed": (
        {"contacts": (email(), phone(LONG_AGO), email("new@x.invalid", NOW - timedelta(days=2)))},
        "contact_change",
        5,
    ),
    "address replaced": (
        {"contacts": (email(), phone(LONG_AGO), email("old@x.invalid", replaced=NOW - timedelta(days=6)))},
        "contact_change",
        1,
    ),
    "number not verified": ({"contacts": (email(), phone(None))}, "contact_change_unknown", None),
    "no contacts known": ({"contacts": ()}, "contact_change_unknown", None),
    "password": ({"password_changed_at": NOW - timedelta(days=1)}, "password_change", 6),
    "password, nobody knows when": ({"password_changed_at": None}, "password_change_unknown", None),
    "the only channel asks": ({"contacts": (email(),)}, "mailbox", None),
    "a new mailbox asks": ({"contacts": (email(since=NOW - timedelta(days=20)), phone(LONG_AGO))}, "mailbox", 10),
    "no address to tell": ({"contacts": (email(since=None), phone(LONG_AGO))}, "no_channel", None),
}


@pytest.mark.parametrize(("shown", "code", "days"), BLOCKERS.values(), ids=BLOCKERS.keys())
def test_a_blocker_refuses_and_says_when_it_ends(
    ws: Installation, account: str, shown: dict[str, Any], code: str, days: int | None
) -> None:
    ws.control.change(**shown)
    case = asking.ready(ws, "david", account, *BOTH)
    found = asking.refusals(ws, "david", case)
    assert code in found
    until = found[code][0]
    if days is None:
        assert until is None
    else:
        assert abs(datetime.fromisoformat(until) - NOW - timedelta(days=days)) < timedelta(hours=1)
    assert asking.ask_tier_3(ws, "david", case).startswith("DENIED:")


def test_what_is_not_known_needs_a_call_back(ws: Installation, account: str) -> None:
    ws.control.change(sim=SimState.UNKNOWN)
    case = asking.ready(ws, "david", account, "proofing", "callback")
    assert asking.refusals(ws, "david", case) == {}


def test_a_call_back_to_a_new_number_proves_nothing(ws: Installation, account: str) -> None:
    ws.control.change(contacts=(email(), phone(NOW - timedelta(days=20))))
    case = asking.ready(ws, "david", account, "proofing", "callback")
    until, detail = asking.refusals(ws, "david", case)["evidence_missing"]
    assert detail == "possession or callback"
    assert abs(datetime.fromisoformat(until) - NOW - timedelta(days=10)) < timedelta(hours=1)


@pytest.mark.parametrize(
    ("sender", "verdict", "code"),
    [
        (None, "", "never_wrote"),
        ("somebody@else.invalid", "DMARC pass", "never_wrote"),
        (EMAIL, "DMARC fail · DKIM none", "never_wrote"),
        (EMAIL, "DMARC unknown · DKIM none", "never_wrote_unknown"),
        (EMAIL.upper(), "DMARC pass · DKIM pass", None),
    ],
)
def test_who_never_wrote_cannot_be_helped(
    ws: Installation, account: str, sender: str | None, verdict: str, code: str | None
) -> None:
    case = ws.case(account)
    answer(ws.desk("david"), "SELECT ws.claim_case(%s, '')", case)
    if sender:
        ws.client_wrote(case, sender, verdict)
    ws.proofs("david", case, *BOTH)
    ws.attest(account)
    assert set(asking.refusals(ws, "david", case)) == ({code} if code else set())


def test_without_fresh_facts_nothing_is_asked_for(ws: Installation, account: str) -> None:
    case = ws.case(account)
    answer(ws.desk("david"), "SELECT ws.claim_case(%s, '')", case)
    ws.client_wrote(case)
    ws.proofs("david", case, *BOTH)
    assert set(asking.refusals(ws, "david", case)) == {"facts_unread"}
    assert answer(ws.desk("david"), "SELECT ws.ask_facts(%s, 'e1')", case) == {"ready": False}
    ws.broke("attend")
    assert answer(ws.desk("david"), "SELECT ws.ask_facts(%s, 'e1')", case) == {"ready": True}
    assert asking.refusals(ws, "david", case) == {}
    ws.su.execute("UPDATE wsd.account_fact SET read_at = now() - interval '6 min' WHERE account_id = %s", (account,))
    assert set(asking.refusals(ws, "david", case)) == {"facts_unread"}
    assert asking.ask_tier_3(ws, "david", case) == "DENIED:facts_unread"


def test_the_version_is_the_brokers_and_not_the_askers(ws: Installation, account: str) -> None:
    case = asking.ready(ws, "david", account, *BOTH)
    desk = ws.desk("david")
    assert (
        ws.step_up(desk, answer(desk, "SELECT ws.intent(%s, 'remove_factor', %s::jsonb)", case, asking.FACTOR)) == "ok"
    )
    made = answer(desk, asking.REQUEST, case, "remove_factor", asking.FACTOR, REASON, "e-of-my-own")
    assert made == "DENIED:account_changed"
    other = '{"factor": "not there"}'
    assert asking.ask_tier_3(ws, "david", case, other) == "DENIED:param_unknown"
    assert asking.ask_tier_3(ws, "david", case, '{"factor": "f1", "and": "more"}') == "DENIED:param_unknown"


def test_nobody_has_the_broker_read_for_him_alone(ws: Installation) -> None:
    ana = ws.desk("ana")
    for n in range(5):
        case = ws.case(f"FLOOD{n}")
        answer(ana, "SELECT ws.claim_case(%s, '')", case)
        answer(ana, "SELECT ws.ask_facts(%s, '')", case)
    assert answer(ws.su, "SELECT count(*) FROM wsd.fact_wanted WHERE asked_by = 'P1'") == 3
    ws.su.execute("DELETE FROM wsd.fact_wanted")


def test_facts_are_for_those_who_may_open_the_account(ws: Installation, account: str) -> None:
    ws.control.change(sim=SimState.SWAPPED)
    case = asking.ready(ws, "david", account)
    assert "sim_swap" in asking.refusals(ws, "erika", case)
    assert answer(ws.desk("carla"), "SELECT ws.ask_facts(%s, 'e1')", case) == "DENIED:not_holder"
    assert set(asking.refusals(ws, "carla", case)) == {"level", "not_holder"}


def test_a_blocker_that_came_later_stops_approval_and_claim(ws: Installation, account: str) -> None:
    case = asking.ready(ws, "david", account, *BOTH)
    request = asking.ask_tier_3(ws, "david", case)
    assert asking.approve(ws, "erika", request) == "OK"
    ws.broke("attend")
    ws.mails_left()
    ws.cooled(request["id"])
    # The carrier's word came in without the account's version moving on.
    ws.control.like = msgspec.structs.replace(ws.control.like, sim=SimState.SWAPPED)
    ws.broke("release")
    after = asking.row(ws, request)
    assert (after["state"], after["why"]) == ("refused", "sim_swap")
    assert ws.control.effects == []


def test_an_account_that_moved_is_refused_in_words(ws: Installation, account: str) -> None:
    case = asking.ready(ws, "david", account, *BOTH)
    request = asking.ask_tier_3(ws, "david", case)
    assert asking.approve(ws, "erika", request) == "OK"
    ws.broke("attend")
    ws.mails_left()
    ws.cooled(request["id"])
    ws.control.change(factors=ws.control.like.factors[:1])
    ws.control.locked = False
    ws.broke("release")
    assert asking.row(ws, request)["why"] == (
        "account_changed: lock security removed since; second factor passkey removed since; "
        "status was locked and is active"
    )


@pytest.mark.parametrize(
    ("shown", "params", "needed"),
    [
        ({}, asking.FACTOR, 1),
        ({"balance_usd": 50_001.0}, asking.FACTOR, 2),
        ({"balance_usd": None}, asking.FACTOR, 2),
        ({}, '{"factor": "pk"}', 2),
    ],
    ids=["usual", "much at stake", "nobody knows how much", "a passkey goes"],
)
def test_how_many_must_agree(ws: Installation, account: str, shown: dict[str, Any], params: str, needed: int) -> None:
    ws.control.change(**shown)
    case = asking.ready(ws, "david", account, *BOTH)
    request = asking.ask_tier_3(ws, "david", case, params)
    assert request["approvals_needed"] == needed
    assert asking.approve(ws, "erika", request) == "OK"
    assert asking.row(ws, request)["stage"] == ("cools down" if needed == 1 else "waits for 1 approval(s)")
    ws.broke("attend")
    ws.mails_left()
    ws.cooled(request["id"])
    ws.attest(account)
    claim = "SELECT ws.claim(%s, %s)"
    early = answer(ws.desk("ws_executor"), claim, request["id"], f"e{ws.control.version}")
    assert early == ("ok" if needed == 1 else "approvals")
