"""Who is related: what a shared value weighs, how accounts are ranked, and which values are asked about."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.traces.test_standing import label
from tests.working.events import event
from workstation.services.timeline.event import Event
from workstation.services.timeline.observables import observables
from workstation.services.timeline.related import (
    FLOOR,
    STRENGTH,
    VALUES_MAX,
    Holder,
    Shared,
    Shares,
    ranked,
    together,
    weight,
)
from workstation.services.timeline.working.columns import WorkingSet
from workstation.services.views import Label, Observed

AT = datetime(2026, 3, 3, 6, tzinfo=UTC)
FIELDS = st.sampled_from(sorted(STRENGTH))
COUNTS = st.integers(2, 1_000_000)


@given(FIELDS, COUNTS, COUNTS, st.integers(0, 2_000_000))
def test_a_weight_lies_between_nothing_and_what_the_field_can_say(
    field: str, one: int, other: int, population: int
) -> None:
    population = max(one, other, population) if population else 0
    assert 0.0 <= weight(field, one, population) <= STRENGTH[field]
    if one < other:
        assert weight(field, one, population) >= weight(field, other, population)


@given(FIELDS, COUNTS)
def test_what_nobody_else_or_everybody_has_weighs_nothing(field: str, population: int) -> None:
    assert weight(field, 1, population) == weight(field, 0, population) == 0.0
    if population > 2:
        assert weight(field, population, population) == pytest.approx(0.0)
    assert weight(field, 2, population) == pytest.approx(STRENGTH[field])


def test_an_office_or_a_carrier_ties_nobody_and_a_kit_does() -> None:
    assert weight("source.ip", 4_312, 100_000) < FLOOR
    assert weight("source.as.number", 4_312, 100_000) < FLOOR
    assert weight("device.id", 4_312, 100_000) < FLOOR
    assert weight("device.id", 3, 100_000) > 0.5
    assert weight("device.id", 6, 100_000) > weight("source.ip", 6, 100_000) > FLOOR
    assert weight("user.name", 2, 100_000) == 0.0
    assert weight("source.as.number", 2, 100_000) < FLOOR


def seen(field: str, value: str, whose: str = "") -> Observed:
    return Observed(field=field, value=value, first_us=1, last_us=2, events=3, whose=whose)


def shares(value: str, accounts: int, *holders: str, population: int = 100_000) -> Shares:
    named = tuple(Holder(account=one, first=AT, last=AT + timedelta(hours=1), events=4) for one in holders)
    return Shares(shared=(Shared(value=value, accounts=accounts, holders=named),), population=population)


def test_accounts_are_ranked_by_the_rarest_and_common_values_are_told_apart() -> None:
    asked = (seen("device.id", "d1", "intruder"), seen("source.ip", "192.0.2.1"), seen("source.as.number", "AS1"))
    accounts, common = ranked(
        asked,
        [
            ("device.id", shares("d1", 3, "GANG", "VICTIM")),
            ("source.ip", shares("192.0.2.1", 40, "VICTIM", "NEIGHBOUR")),
            ("source.as.number", shares("AS1", 4_312, "STRANGER", "GANG")),
        ],
    )
    assert [one.account for one in accounts] == ["VICTIM", "GANG", "NEIGHBOUR"]
    assert [(one.value, one.accounts) for one in common] == [("AS1", 4_312)]
    assert [tie.here.value for tie in accounts[0].ties] == ["d1", "192.0.2.1"]
    assert accounts[0].weight > accounts[1].weight
    tie = accounts[1].ties[0]
    assert (tie.accounts, tie.events, tie.here.whose) == (3, 4, "intruder")
    assert tie.last_us - tie.first_us == 3_600_000_000


def test_several_values_of_one_field_count_once_and_fields_add_up() -> None:
    asked = (*(seen("device.id", f"d{n}") for n in range(9)), seen("target.id", "bc1q"))
    answers = [("device.id", shares(f"d{n}", 9, "A")) for n in range(9)]
    (alone,), _ = ranked(asked, answers)
    (both,), _ = ranked(asked, [*answers, ("target.id", shares("bc1q", 9, "A"))])
    assert alone.weight == pytest.approx(weight("device.id", 9, 100_000))
    assert alone.weight < both.weight < 1.0


def test_what_was_not_asked_or_has_no_other_is_no_tie() -> None:
    answers = [("device.id", shares("other", 2, "X")), ("device.id", shares("d1", 1))]
    assert ranked((seen("device.id", "d1"),), answers) == ((), ())
    assert together(()) == 0.0


EVENTS = st.builds(
    event,
    st.integers(0, 10_000).map(str),
    st.integers(0, 50),
    action=st.sampled_from(["sign_in", "withdrawal_address.added", "withdrawal.requested", "second_factor.added"]),
    device=st.sampled_from(["", "d1", "d2", "••••"]),
    ip=st.sampled_from(["", "192.0.2.1", "192.0.2.2"]),
    asn=st.sampled_from(["", "AS1"]),
    target=st.sampled_from(["", "t1", "t2"]),
)
_ATTRIBUTES = {"device.id": "device", "target.id": "target", "source.ip": "ip", "source.as.number": "asn"}


@settings(max_examples=80, deadline=None)
@given(st.lists(EVENTS, max_size=20, unique_by=lambda one: one.id), st.booleans())
def test_values_are_those_of_a_plain_loop(events: list[Event], his: bool) -> None:
    labels: tuple[Label, ...] = (label("device", "d1", "intruder" if his else "owner"),)
    found, unasked = observables(WorkingSet.of(events).snapshot(), labels)
    want: dict[tuple[str, str], list[Event]] = {}
    for one in events:
        for field, attribute in _ATTRIBUTES.items():
            value = getattr(one, attribute)
            if value and (field != "target.id" or one.action.startswith("withdrawal")) and "•" not in value:
                want.setdefault((field, value), []).append(one)
    assert {(o.field, o.value): (o.first_us, o.last_us, o.events) for o in found} == {
        key: (min(e.time_us for e in es), max(e.time_us for e in es), len(es)) for key, es in want.items()
    }
    word = "intruder" if his else "owner"
    for one in found:
        assert one.whose == (word if any(e.device == "d1" for e in want[(one.field, one.value)]) else "")
    assert any("masked" in sentence for sentence in unasked) == any("•" in e.device for e in events)


def test_of_very_many_values_the_intruders_are_asked_about_first_and_the_rest_is_said() -> None:
    events = [event(str(n), 1_000 - n, device=f"d{n:03}") for n in range(VALUES_MAX + 30)]
    labels = (label("device", "d079"), label("device", "d000", "owner"))
    found, unasked = observables(WorkingSet.of(events).snapshot(), labels)
    asked = [one.value for one in found]
    assert len(asked) == VALUES_MAX
    assert asked[:2] == ["d079", "d001"]
    assert "d000" not in asked
    assert unasked == ("30 older values of device.id were not asked about.",)
