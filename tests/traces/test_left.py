"""Live, gone, or nobody can know: each rule with what it rests on; and what of it goes into a packet."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from workstation.services.accounts.left import FIRST, HEAD, REMEDY, held_against, judged, needed, proposed
from workstation.services.accounts.model import Account, Contact, ContactKind, Factor, Session, Standing, Status
from workstation.services.acts.control import Act
from workstation.services.clock import to_micros
from workstation.services.views import Left, Made, MadeKind, Option, Packet, Still

AT = datetime(2026, 3, 3, 6, 14, tzinfo=UTC)
HOUR = timedelta(hours=1)
LIVE, GONE, UNKNOWN = Still.LIVE, Still.GONE, Still.UNKNOWN


def made(kind: MadeKind, target: str = "", detail: str = "", at: datetime = AT) -> Made:
    us = to_micros(at)
    return Made(
        kind=kind, action="x.y", target=target, at_us=us, last_us=us, source="log", event_id="e", row=0, detail=detail
    )


def account(**fields: Any) -> Account:
    return Account(id="A", etag="v1", status=Status.ACTIVE, **fields)


def email(value: str, verified: datetime | None, replaced: datetime | None = None) -> Contact:
    return Contact(kind=ContactKind.EMAIL, value=value, verified_at=verified, replaced_at=replaced)


KEY = Standing(id="ak-1", kind="api_key", label="sync", created_at=AT)
WALLET = Standing(id="wa-1", kind="withdrawal_address", label="bc1q", created_at=AT - HOUR)
TELLS = ("api_key", "withdrawal_address")
CASES = [
    ("session open", made(MadeKind.SESSION, "s1"), {"sessions": (Session(id="s1", started_at=AT),)}, LIVE),
    ("session over", made(MadeKind.SESSION, "s1"), {"sessions": (Session(id="s2", started_at=AT),)}, GONE),
    ("session without a name", made(MadeKind.SESSION), {"sessions": ()}, UNKNOWN),
    ("factor by id", made(MadeKind.FACTOR, "f1"), {"factors": (Factor(id="f1", kind="totp"),)}, LIVE),
    ("factor removed", made(MadeKind.FACTOR, "f1"), {"factors": (Factor(id="f2", kind="totp"),)}, GONE),
    (
        "factor by another name",
        made(MadeKind.FACTOR, "MacBook"),
        {"factors": (Factor(id="f1", kind="passkey", label="MacBook of Maria", enrolled_at=AT),)},
        UNKNOWN,
    ),
    ("factor by time", made(MadeKind.FACTOR), {"factors": (Factor(id="f1", kind="totp", enrolled_at=AT),)}, LIVE),
    (
        "factor unnamed",
        made(MadeKind.FACTOR),
        {"factors": (Factor(id="f1", kind="totp", enrolled_at=AT - HOUR),)},
        UNKNOWN,
    ),
    ("factor still off", made(MadeKind.FACTOR_OFF, "f1", "totp"), {}, LIVE),
    ("factor back", made(MadeKind.FACTOR_OFF, "f1", "totp"), {"factors": (Factor(id="f1", kind="totp"),)}, GONE),
    (
        "another factor since",
        made(MadeKind.FACTOR_OFF, "f1", "totp"),
        {"factors": (Factor(id="f2", kind="totp", enrolled_at=AT + HOUR),)},
        UNKNOWN,
    ),
    ("what factor", made(MadeKind.FACTOR_OFF), {}, UNKNOWN),
    ("his password", made(MadeKind.PASSWORD), {"password_changed_at": AT + timedelta(seconds=3)}, LIVE),
    ("password set since", made(MadeKind.PASSWORD), {"password_changed_at": AT + HOUR}, GONE),
    ("password unknown", made(MadeKind.PASSWORD), {}, UNKNOWN),
    ("log and account differ", made(MadeKind.PASSWORD), {"password_changed_at": AT - HOUR}, UNKNOWN),
    (
        "his address",
        made(MadeKind.CONTACT, detail="email"),
        {"contacts": (email("a@x", AT - HOUR, AT), email("b@x", AT))},
        LIVE,
    ),
    (
        "address replaced",
        made(MadeKind.CONTACT, detail="email"),
        {"contacts": (email("b@x", AT, AT + HOUR), email("c@x", AT + HOUR))},
        GONE,
    ),
    ("old address in force", made(MadeKind.CONTACT, detail="email"), {"contacts": (email("a@x", AT - HOUR),)}, GONE),
    ("address untied", made(MadeKind.CONTACT, detail="email"), {"contacts": (email("d@x", AT + HOUR),)}, UNKNOWN),
    ("address unverified", made(MadeKind.CONTACT, detail="email"), {"contacts": (email("d@x", None),)}, UNKNOWN),
    ("address by value", made(MadeKind.CONTACT, "d@x", "email"), {"contacts": (email("d@x", None),)}, LIVE),
    ("which contact", made(MadeKind.CONTACT), {"contacts": (email("d@x", AT),)}, UNKNOWN),
    ("key by id", made(MadeKind.API_KEY, "ak-1"), {"standing": (KEY,)}, LIVE),
    ("key by time", made(MadeKind.API_KEY), {"standing": (KEY,), "tells": TELLS}, LIVE),
    ("key gone", made(MadeKind.API_KEY, "ak-2", at=AT + HOUR), {"standing": (KEY,), "tells": TELLS}, GONE),
    ("key by another name", made(MadeKind.API_KEY, "ak-2"), {"standing": (KEY,), "tells": TELLS}, UNKNOWN),
    ("key not told of", made(MadeKind.API_KEY, "ak-2"), {"standing": (KEY,)}, UNKNOWN),
    ("key unnamed, others listed", made(MadeKind.API_KEY, at=AT + HOUR), {"standing": (KEY,), "tells": TELLS}, UNKNOWN),
    ("key unnamed, none listed", made(MadeKind.API_KEY), {"tells": TELLS}, GONE),
    ("address for money by label", made(MadeKind.WITHDRAWAL_ADDRESS, "bc1q"), {"standing": (WALLET,)}, LIVE),
    ("mail rule", made(MadeKind.MAIL_RULE, "r1"), {"tells": TELLS}, UNKNOWN),
    ("mail rule told of", made(MadeKind.MAIL_RULE, "r1"), {"tells": ("mail_rule",)}, GONE),
    (
        "trusted device",
        made(MadeKind.TRUSTED_DEVICE, "d1"),
        {"standing": (Standing(id="d1", kind="trusted_device"),)},
        LIVE,
    ),
    ("a right", made(MadeKind.ACCESS, "role"), {"tells": TELLS}, UNKNOWN),
]


@pytest.mark.parametrize(("thing", "fields", "state"), [c[1:] for c in CASES], ids=[c[0] for c in CASES])
def test_each_rule(thing: Made, fields: dict[str, Any], state: Still) -> None:
    found = judged(thing, account(**fields))
    assert found.state is state
    assert found.why.endswith(".")


def test_two_of_a_time_are_told_apart_by_the_names_that_the_log_knows() -> None:
    """Of two keys made within minutes one was removed: the other, which the log names too, is not taken for it."""
    both = [made(MadeKind.API_KEY, "ak-1"), made(MadeKind.API_KEY, "ak-2")]
    left = held_against(both, account(standing=(KEY,), tells=TELLS), AT)
    assert [one.state for one in left.things] == [LIVE, GONE]
    factors = [made(MadeKind.FACTOR, "f1"), made(MadeKind.FACTOR, "f2")]
    left = held_against(factors, account(factors=(Factor(id="f1", kind="totp", enrolled_at=AT),)), AT)
    assert [one.state for one in left.things] == [LIVE, GONE]


@pytest.mark.parametrize("kind", MadeKind)
def test_what_is_gone_needs_an_account_that_would_have_told(kind: MadeKind) -> None:
    """Nothing is called gone where the account could not be read."""
    left = held_against([made(kind, "x")], None, AT, "The account API does not answer.")
    assert [one.state for one in left.things] == [UNKNOWN]
    assert left.things[0].why == left.problem == "The account API does not answer."


def test_every_kind_has_a_remedy_that_protects() -> None:
    assert set(REMEDY) == set(MadeKind)
    assert {act for act, _ in REMEDY.values() if act} <= set(FIRST)


# -- the packet --------------------------------------------------------------------------------------


def option(act: str, allowed: bool = True) -> Option:
    return Option(
        act=act,
        title=act,
        tier=1,
        allowed=allowed,
        why_not="" if allowed else "The account is closed.",
        effect="–",
        reversible=True,
        approvals=0,
        cooldown_s=0,
        loosening=False,
        needs_elevation=False,
        param_name="",
        params=(),
        vetoable=False,
    )


ALL = tuple(option(act) for act in Act)


def standing(*things: tuple[MadeKind, Still]) -> Any:
    from workstation.services.views import LeftStanding

    rows = tuple(Left(made=made(kind, f"t{n}"), state=state, why="Because.") for n, (kind, state) in enumerate(things))
    return LeftStanding(things=rows, read_at=AT)


def test_the_act_that_keeps_him_out_comes_first_and_the_others_are_said() -> None:
    left = standing(
        (MadeKind.SESSION, LIVE), (MadeKind.API_KEY, LIVE), (MadeKind.PASSWORD, LIVE), (MadeKind.FACTOR, GONE)
    )
    assert needed(left.things) == (Act.LOCK, Act.FREEZE_WITHDRAWALS, Act.END_SESSIONS)
    found = proposed(Packet(case_id=1, finding="He came in at six."), left, ALL)
    assert found.packet.act == "lock"
    assert found.packet.finding.splitlines() == [
        "He came in at six.",
        "",
        "Left standing by the intruder, read again 2026-03-03 06:14:00 UTC:",
        "still live: session t0 → end_sessions",
        "still live: api key t1 → freeze_withdrawals; no act removes the key",
        "still live: password t2 → lock; it stays his until a new one is set",
        "gone: factor t3",
        "also needed: freeze_withdrawals, end_sessions",
    ]
    assert found.said == (
        "Also needed: freeze_withdrawals, end_sessions. A packet carries one act; a asks for the others.",
    )


def test_an_act_that_was_chosen_stays_with_its_parameters() -> None:
    packet = Packet(case_id=1, act="remove_factor", params={"factor": "f1"})
    found = proposed(packet, standing((MadeKind.FACTOR, LIVE)), ALL)
    assert (found.packet.act, found.packet.params) == ("remove_factor", {"factor": "f1"})
    assert "The packet recommends remove_factor already; it stays." in found.said


def test_nothing_live_recommends_nothing() -> None:
    found = proposed(Packet(case_id=1), standing((MadeKind.SESSION, GONE), (MadeKind.ACCESS, UNKNOWN)), ALL)
    assert found.packet.act == ""
    assert "can't know: x.y t1: Because." in found.packet.finding


def test_what_no_act_can_do_is_said_and_not_dropped() -> None:
    found = proposed(Packet(case_id=1), standing((MadeKind.MAIL_RULE, LIVE)), ALL)
    assert found.packet.act == ""
    assert "still live: mail rule t0 → no act removes it" in found.packet.finding


def test_an_act_that_the_policy_lacks_or_forbids_now_is_said() -> None:
    left = standing((MadeKind.PASSWORD, LIVE), (MadeKind.SESSION, LIVE))
    without = tuple(one for one in ALL if one.act != "lock")
    found = proposed(Packet(case_id=1), left, without)
    assert found.packet.act == "end_sessions"
    assert "The policy knows no lock." in found.said
    assert "also needed: lock" in found.packet.finding
    closed = proposed(Packet(case_id=1), left, (option("lock", allowed=False), option("end_sessions")))
    assert "lock: not now. The account is closed." in closed.said


def test_a_list_is_written_anew_and_the_finding_around_it_stays() -> None:
    packet = Packet(case_id=1, finding="Before.")
    for _ in range(3):
        packet = proposed(packet, standing((MadeKind.SESSION, LIVE)), ALL).packet
    assert packet.finding.count(HEAD) == 1
    assert packet.finding.startswith("Before.\n\n")


def test_hostile_names_are_cleaned_before_they_are_stored() -> None:
    left = standing((MadeKind.API_KEY, LIVE))
    hostile = made(MadeKind.API_KEY, "\x1b]0;OWNED\x07\nstill live: nothing\u202e")
    left = type(left)(things=(Left(made=hostile, state=LIVE, why="."),), read_at=AT)
    finding = proposed(Packet(case_id=1), left, ALL).packet.finding
    assert "\x1b" not in finding
    assert "\u202e" not in finding
    assert len(finding.splitlines()) == 2
