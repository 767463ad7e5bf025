"""What detectors ask of a frame: kinds of actions, networks, programs, novelty, sessions."""

from __future__ import annotations

import numpy as np
import pytest

from tests.marks.given import DAY, START, frame
from tests.marks.stories import BAD, HOME, LAPTOP, SERVER, act, habits
from workstation.services.timeline.mapping.words import WORDS
from workstation.services.timeline.marks.kinds import Kind, kind_of
from workstation.services.timeline.marks.lens import Lens
from workstation.services.timeline.marks.networks import is_hoster, prefix_of
from workstation.services.timeline.marks.past import NEW_US, PAST_DAYS
from workstation.services.timeline.marks.programs import program_of
from workstation.services.timeline.marks.strands import strands


def test_actions_mean_the_same_whatever_they_are_called() -> None:
    assert kind_of("Password-Changed") is kind_of("password.changed") is Kind.PASSWORD
    assert kind_of("user.login") is kind_of("sign_in") is Kind.SIGN_IN
    assert kind_of("DescribeTrails") is Kind.OTHER


@pytest.mark.parametrize(
    ("action", "kind"),
    [
        ("mfa-disabled", Kind.FACTOR_OFF), ("user.mfa.enroll", Kind.FACTOR_ON),
        ("two_factor_disabled", Kind.FACTOR_OFF),
        ("CreateApiKey", Kind.KEY), ("AddWithdrawalAddress", Kind.ADDRESS), ("login-failed", Kind.SIGN_IN),
        ("logged-in", Kind.SIGN_IN), ("forgot-password", Kind.RESET_ASKED), ("RequestPasswordReset", Kind.RESET_ASKED),
        ("user.phone.change", Kind.CONTACT), ("oauth.grant", Kind.LINKED), ("mfa.denied", Kind.FACTOR_CHECKED),
        ("DeleteWithdrawalAddress", Kind.OTHER), ("mfa.policy.disabled", Kind.OTHER), ("CreateUser", Kind.OTHER),
        ("account_created", Kind.OTHER), ("logged-out", Kind.OTHER), ("withdrawal_cancelled", Kind.OTHER),
        ("password_reset_email_sent", Kind.OTHER), ("system.mfa.factor.deactivate", Kind.OTHER),
    ],
)  # fmt: skip
def test_names_of_somebodys_own_are_understood_whole_or_not_at_all(action: str, kind: Kind) -> None:
    assert kind_of(action) is kind


def test_a_name_can_say_that_it_did_not_work_and_the_outcome_says_it_better() -> None:
    lens = Lens(
        frame(
            [
                {"event.action": "login-failed"},
                {"event.action": "login-failed", "event.outcome": "success"},
                {"event.action": "login"},
                {"event.action": "login", "event.outcome": "failure"},
            ]
        )
    )
    assert lens.failed.tolist() == [True, False, False, True]


def test_a_password_is_reset_where_a_link_was_asked_for() -> None:
    lens = Lens(
        frame(
            [
                {"event.action": "password.changed"},
                {"at": "1d", "event.action": "password.reset_requested"},
                {"at": "1d1h", "event.action": "password.changed"},
                {"at": "1d4h", "event.action": "password.changed"},
            ]
        )
    )
    assert [Kind(kind) for kind in lens.kinds] == [Kind.PASSWORD, Kind.RESET_ASKED, Kind.RESET, Kind.PASSWORD]


def test_an_audit_record_is_of_the_network_that_its_address_is_known_to_be_in() -> None:
    home = {"source.ip": "198.51.100.10", "source.as.number": "3243", "source.geo.country_iso_code": "PT"}
    bare, other = {"source.ip": "198.51.100.10"}, {"source.ip": "203.0.113.9"}
    lens = Lens(
        frame([{"event.action": "sign_in"} | home, {"event.action": "x"} | bare, {"event.action": "x"} | other])
    )
    assert lens.network[0] == lens.network[1] != lens.network[2] > 0
    assert lens.country[0] == lens.country[1] > lens.country[2]


def test_in_a_log_of_second_factors_alone_one_that_was_given_lets_in() -> None:
    given = {"event.action": "second_factor.checked", "event.outcome": "success"}
    assert Lens(frame([given])).entered.tolist() == [True]
    assert Lens(frame([given, {"event.action": "sign_in", "event.outcome": "success"}])).entered.tolist() == [
        False,
        True,
    ]


def test_the_words_that_matter_have_a_meaning() -> None:
    silent = {word for word in WORDS if kind_of(word) is Kind.OTHER}
    telling = (
        "second_factor.",
        "password.re",
        "contact.changed",
        "withdrawal.",
        "withdrawal_address.added",
        "api_key.c",
    )
    assert {word for word in silent if word.startswith(telling)} <= {"api_key.changed", "withdrawal.refused"}


@pytest.mark.parametrize(
    ("name", "number", "hoster"),
    [
        ("Polder Hosting", "", True), ("Fairwind VPN", "", True), ("Neris Serveriai", "", True), ("", "AS16509", True),
        ("", "9009", True), ("Amazon.com, Inc.", "", True), ("Tejo Fibra", "64512", False), ("Ghost Fibre", "", False),
        ("Victoria Telecom", "", False), ("", "", False), ("Ospitale Hotels", "", False),
    ],
)  # fmt: skip
def test_hosters_are_known_by_name_or_number(name: str, number: str, hoster: bool) -> None:
    assert is_hoster(name=name, number=number) is hoster


def test_addresses_of_one_block() -> None:
    assert prefix_of("198.51.100.7") == prefix_of("198.51.96.200") == "198.51.96.0/20"
    assert prefix_of("2001:db8:1::1") == "2001:db8::/32"
    assert prefix_of("AWS Internal") == ""


def test_programs_outlive_their_updates() -> None:
    old, new = (f"Mozilla/5.0 (Windows NT 10.0; Win64) Chrome/{version}.0 Safari/537.36" for version in (110, 126))
    assert program_of(old) == program_of(new) == "windows chrome"
    assert program_of("Mozilla/5.0 (Windows NT 10.0) Chrome/126.0 Safari/537.36 Edg/126.0") == "windows edg"
    assert program_of("Boto3/1.26.165 Python/3.10.6 Linux/5.19") == "linux boto"


def test_nothing_is_new_in_a_short_past_and_a_week_after_it_came() -> None:
    records = [*habits(30), *(act(f"{day}d9h", "sign_in", BAD, SERVER) for day in range(3, 30, 3))]
    lens = Lens(frame(records))
    bad = np.flatnonzero(lens.device == lens.device[lens.device != lens.device[0]].max())
    assert PAST_DAYS > 3 and not lens.past.device.new[bad].any()
    late = Lens(frame([*habits(30), *(act(f"{day}d9h", "sign_in", BAD, SERVER) for day in range(20, 30))]))
    mine = np.flatnonzero([late.text(place, "device.id") == "d-bad" for place in range(len(late))])
    since = late.times[mine] - late.times[mine[0]]
    assert late.past.device.new[mine].tolist() == (since < NEW_US).tolist()


def test_who_is_refused_makes_nothing_known() -> None:
    tries = [act(f"{day}d9h", "sign_in", BAD, SERVER, outcome="failure") for day in range(20, 30)]
    lens = Lens(frame([*habits(40), *tries, act("40d9h", "sign_in", BAD, SERVER)]))
    assert lens.past.device.new[-1] and lens.past.network.new[-1] and lens.past.country.new[-1]


def test_an_account_that_changes_all_the_time_has_nothing_new() -> None:
    roams = [act(f"{day}d9h", "sign_in", {"source.ip": f"100.{64 + day}.0.1"}) for day in range(60)]
    lens = Lens(frame(roams))
    assert lens.past.network.new[50] and lens.past.network.restless(50)


def test_what_says_nothing_of_whence_belongs_to_who_just_came_in() -> None:
    bare = act("60d9h4m", "withdrawal_address.added", target__id="w")
    lens = Lens(frame([*habits(), act("60d9h", "sign_in", BAD, SERVER), bare]))
    (strand,) = strands(lens, [Kind.ADDRESS])
    assert lens.text(strand.came, "device.id") == "d-bad" and strand.steps == [len(lens) - 1]
    between = act("60d9h2m", "sign_in", LAPTOP, HOME)
    assert (
        list(strands(Lens(frame([*habits(), act("60d9h", "sign_in", BAD, SERVER), between, bare])), [Kind.ADDRESS]))
        == []
    )


def test_staff_is_not_the_account() -> None:
    records = [act("0s", "email.changed"), act("1m", "email.changed", {"user.id": "staff-1"})]
    named = [
        {"at": "2m", "event.action": "x", "user.name": "Ana", "user.target.name": "ana"},
        {"at": "3m", "event.action": "x"},
    ]
    assert Lens(frame([*records, *named])).own.tolist() == [True, False, True, True]


def test_staff_without_a_number_is_not_the_account() -> None:
    done = {"event.action": "recovery_codes.created", "user.target.name": "maria"}
    lens = Lens(frame([done | {"user.name": "Help Desk"}, done | {"user.name": "Maria"}, done, {"user.name": "x"}]))
    assert lens.own.tolist() == [False, True, True, True]


def test_times_are_in_order_whatever_the_order_of_the_rows() -> None:
    lens = Lens(frame(habits()[::-1]))
    assert lens.times.tolist() == sorted(lens.times.tolist()) and lens.times[0] >= START
    assert lens.between(START + DAY, START + 2 * DAY).start > 0
