"""What identity systems' logs tell less of: who came by which device, who was asked, whom staff let in."""

from __future__ import annotations

import pytest

from tests.marks.given import found, frame
from tests.marks.stories import BAD, HOME, HOTEL, LAPTOP, PHONE, ROAD, SERVER, Record, act, habits
from workstation.services.timeline.marks.coded import helped_in, mailbox, newcomer_acts, second_gate, stuffing
from workstation.services.timeline.marks.kinds import Kind
from workstation.services.timeline.marks.lens import Lens
from workstation.services.timeline.marks.model import Finding, Rule
from workstation.services.timeline.marks.strands import strands

BARE = ("device.id", "user_agent.original")


def worst(records: list[Record], rule: Rule) -> str:
    findings = found(records, rule).findings
    return findings[0].severity if findings else ""


def only(records: list[Record], rule: Rule) -> Finding:
    (finding,) = found(records, rule).findings
    return finding


def bare(records: list[Record], *fields: str) -> list[Record]:
    return [{name: value for name, value in record.items() if name not in fields} for record in records]


def came(at: str, *whence: Record, **more: str) -> Record:
    return act(at, "sign_in", *whence, session__id="bad", **more)


# -- whose step it is ------------------------------------------------------------------------------


def test_a_step_that_names_an_address_alone_is_of_who_came_in_there() -> None:
    steps = [act("60d9h5m", "email.changed", {"source.ip": SERVER["source.ip"]})]
    (strand,) = strands(Lens(frame([*habits(), came("60d9h", BAD, SERVER), *steps])), [Kind.CONTACT])
    assert strand.by == "device"
    # A password is reset before one comes in with it.
    steps = [act("60d8h50m", "password.reset", {"source.ip": SERVER["source.ip"]})]
    (strand,) = strands(Lens(frame([*habits(), *steps, came("60d9h", BAD, SERVER)])), [Kind.RESET])
    assert strand.by == "device"
    # Whoever came an hour and a half later is somebody else, as far as anybody can tell.
    late = [*habits(), *steps, came("60d10h30m", BAD, SERVER)]
    (strand,) = strands(Lens(frame(late)), [Kind.RESET])
    assert strand.by == "network"


def test_a_session_on_another_network_is_another_pair_of_hands_where_no_device_is_named() -> None:
    mine = [came("60d9h", HOME), act("60d10h", "second_factor.added", SERVER, session__id="bad")]
    (strand,) = strands(Lens(frame(bare([*habits(), *mine], *BARE))), [Kind.FACTOR_ON])
    assert strand.by == "session"


@pytest.mark.parametrize(("days", "new"), [((0, 4, 8), True), ((0, 1, 2, 4, 6, 8), False)])
def test_who_is_seldom_seen_stays_new(days: tuple[int, ...], new: bool) -> None:
    seen = [act(f"{30 + day}d9h", "sign_in", BAD, SERVER) for day in days]
    lens = Lens(frame([*habits(), *seen, act("42d9h", "sign_in", BAD, SERVER)]))
    assert lens.past.device.new[lens.hosted][-1] == new


def test_nobody_is_new_for_longer_than_a_month() -> None:
    seen = [act(f"{day}d9h", "sign_in", BAD, SERVER) for day in (20, 40, 51)]
    lens = Lens(frame([*habits(), *seen]))
    assert lens.past.device.new[lens.hosted].tolist() == [True, True, False]


# -- what newcomers do -----------------------------------------------------------------------------


def test_two_steps_that_take_nothing_away_keep_the_account_all_the_same() -> None:
    steps = [act("60d9h4m", "consent.granted", BAD, SERVER), act("60d9h7m", "second_factor.added", BAD, SERVER)]
    both = [*habits(), came("60d9h", BAD, SERVER), *steps]
    assert worst(both, newcomer_acts.RULE) == "high"
    assert worst(both[:-1], newcomer_acts.RULE) == "medium"


def test_an_anonymiser_switched_on_within_a_session_is_no_journey() -> None:
    mine = [came("60d9h", LAPTOP, HOME), act("60d10h", "consent.granted", LAPTOP, SERVER, session__id="bad")]
    finding = only(bare([*habits(), *mine], "device.id"), newcomer_acts.RULE)
    assert finding.severity == "medium"
    assert not any("country" in fact.text for fact in finding.facts)


def test_a_password_is_no_second_factor() -> None:
    password = {"authentication.factor": "Username-Password-Authentication"}
    past = [record | password if "authentication.factor" in record else record for record in habits()]
    bad = [came("60d9h", BAD, SERVER, authentication__factor="Username-Password-Authentication")]
    finding = only([*past, *bad, act("60d9h3m", "api_key.created", BAD, SERVER)], newcomer_acts.RULE)
    assert not any("second factor" in fact.text for fact in finding.facts)


def test_a_second_factor_may_be_told_beside_the_sign_in() -> None:
    past: list[Record] = []
    for record in bare(habits(), "authentication.factor"):
        past.append(record)
        if record["event.action"] == "sign_in":
            past.append(record | {"event.action": "second_factor.checked", "authentication.factor": "push"})
    bad = [came("60d9h", BAD, SERVER), act("60d9h3m", "api_key.created", BAD, SERVER)]
    finding = only([*past, *bad], newcomer_acts.RULE)
    assert any(fact.text == "came in without the second factor that this account uses" for fact in finding.facts)


def test_who_was_just_seen_at_home_is_not_abroad() -> None:
    away = {**HOTEL, **BAD}
    steps = [came("60d19h30m", away), act("60d19h40m", "api_key.created", away, session__id="bad")]
    home = [act("60d19h", "sign_in", LAPTOP, HOME)]
    said = "seen at home too soon before or after it to have travelled"
    assert any(fact.text == said for fact in only([*habits(), *home, *steps], newcomer_acts.RULE).facts)
    assert not any(fact.text == said for fact in only([*habits(), *steps], newcomer_acts.RULE).facts)


# -- staff, mailbox, lists, prompts ----------------------------------------------------------------


def desk(at: str, action: str) -> Record:
    return act(at, action) | {"user.id": "desk-4"}


def test_staff_and_a_stranger_from_a_hoster_are_an_alarm_and_one_of_the_town_is_not() -> None:
    removed = desk("60d8h", "second_factor.removed")
    town = {**ROAD, "source.ip": "198.18.7.7", "source.as.number": "64777", "source.as.organization.name": "Rede Nova"}
    assert worst([*habits(), removed, came("60d9h", BAD, SERVER)], helped_in.RULE) == "high"
    # A lost phone looks like this: what is enrolled in its place decides nothing.
    new = [came("60d9h", BAD, town), act("60d9h5m", "second_factor.added", BAD, town)]
    assert worst([*habits(), removed, *new], helped_in.RULE) == "medium"


def test_codes_that_staff_made_open_the_door_too() -> None:
    codes = desk("60d8h", "recovery_codes.created")
    assert worst([*habits(), codes, came("60d9h", BAD, SERVER)], helped_in.RULE) == "high"
    assert worst([*habits(), codes, came("60d9h", LAPTOP, HOME)], helped_in.RULE) == ""


def test_where_no_device_is_named_staff_and_a_new_network_are_suspect() -> None:
    records = [*habits(), desk("60d8h", "second_factor.removed"), came("60d9h", SERVER)]
    places = ("source.geo.country_iso_code", "source.as.number", "source.as.organization.name")
    assert worst(bare(records, *BARE, *places), helped_in.RULE) == "medium"


def test_a_reset_for_everybody_is_no_alarm_where_the_owner_sets_the_password_himself() -> None:
    mine = [act("60d9h", "password.reset", ROAD | {"source.ip": "198.18.7.7", "source.as.number": "64777"})]
    records = [*habits(), desk("60d8h", "password.reset"), *mine]
    assert worst(bare(records, *BARE), helped_in.RULE) == "medium"


def test_a_reset_from_nowhere_known_and_a_new_contact_are_an_alarm_without_devices_too() -> None:
    steps = [act("60d9h", "password.reset", SERVER), act("60d9h9m", "email.changed", SERVER)]
    assert worst(bare([*habits(), *steps], *BARE), mailbox.RULE) == "high"
    # The carrier's network is known: a new phone and its new number.
    phone = {**ROAD, "device.id": "d-next", "source.ip": "203.0.113.99"}
    steps = [act("60d9h", "password.reset", phone), act("60d9h9m", "phone.changed", phone)]
    assert worst([*habits(), *steps], mailbox.RULE) == "medium"


def test_whoever_always_comes_from_elsewhere_is_no_hit_of_a_list() -> None:
    hop = [{"source.ip": f"10.{day}.0.9", "source.as.number": str(65000 + day)} for day in range(70)]
    past = [act(f"{day}d9h", "sign_in", hop[day]) for day in range(60)]
    tries = [act(f"60d9h{n}m", "sign_in", hop[60 + n], outcome="failure") for n in range(4)]
    assert worst([*past, *tries, act("60d9h9m", "sign_in", hop[65])], stuffing.RULE) == "low"


def asked(times: int, *whence: Record, reason: str = "") -> list[Record]:
    prompts = [
        act(f"60d9h{n}m", "second_factor.checked", *whence, outcome="failure", event__reason=reason)
        for n in range(times)
    ]
    return [*habits(), *prompts, came("60d9h12m", *whence)]


def test_prompts_that_the_owner_refused_are_an_alarm_and_unheard_ones_are_not() -> None:
    rule = second_gate.WORN_RULE
    assert worst(asked(3, BAD, SERVER, reason="user_cancelled"), rule) == "high"
    assert worst(asked(3, BAD, SERVER, reason="no_response"), rule) == "medium"
    assert worst(asked(3, LAPTOP, HOTEL, reason="user_cancelled"), rule) == ""
    assert worst(asked(6, BAD, SERVER, reason="no_response"), rule) == "high"
    assert worst(asked(6, PHONE, ROAD, reason="no_response"), rule) == "low"


def test_a_sign_in_that_was_stopped_at_the_second_factor_is_a_prompt() -> None:
    said = "Authentication failed during strong authentication request."
    prompts = [act(f"60d9h{n}m", "sign_in", BAD, SERVER, outcome="failure", event__reason=said) for n in range(6)]
    assert worst([*habits(), *prompts, came("60d9h12m", BAD, SERVER)], second_gate.WORN_RULE) == "high"
