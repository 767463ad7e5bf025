"""What an intruder made: found in the columns as a plain loop finds it, and as the sandbox's truth knows it."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import timedelta

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.working.events import event
from workstation.sandbox.generate import Client, generate
from workstation.services.accounts.left import held_against
from workstation.services.clock import from_micros
from workstation.services.connectors.logs.contract import read_event
from workstation.services.timeline.event import Event, Outcome
from workstation.services.timeline.standing import MOST, changes, makes, traces
from workstation.services.timeline.working.columns import WorkingSet
from workstation.services.views import Label, MadeKind, Still, Traces

NOW_US = 1_772_546_520_000_000
ACTIONS = [
    "sign_in", "session.resumed", "second_factor.added", "second_factor.removed", "password.reset", "email.changed",
    "phone.changed", "api_key.created", "api_key.changed", "withdrawal_address.added", "mail_rule.changed",
    "device.added", "trade.filled", "withdrawal.requested", "support.viewed", "",
]  # fmt: skip
EVENTS = st.builds(
    event,
    st.integers(0, 10_000).map(str),
    st.integers(0, 50),
    action=st.sampled_from(ACTIONS),
    outcome=st.sampled_from(Outcome),
    device=st.sampled_from(["", "d1", "d2"]),
    asn=st.sampled_from(["", "AS1"]),
    session=st.sampled_from(["", "s1", "s2"]),
    target=st.sampled_from(["", "t1", "t2"]),
    factor=st.sampled_from(["", "totp", "sms"]),
)
LABELS = st.lists(
    st.builds(
        Label,
        kind=st.sampled_from(["device", "network", "session"]),
        value=st.sampled_from(["d1", "d2", "AS1", "s1", "s2"]),
        verdict=st.sampled_from(["owner", "intruder", "unknown"]),
        by=st.just("ana"),
    ),
    max_size=4,
).map(tuple)


def said(one: Event, labels: Iterable[Label]) -> set[str]:
    """What the labels say of an event, by a plain loop."""
    values = {"device": [one.device], "network": [one.asn, one.ip], "session": [one.session]}
    return {label.verdict for label in labels if label.value in values[label.kind]}


def name_of(one: Event) -> tuple[str, ...]:
    """What an event is about."""
    kind = makes(one.action)
    if kind is MadeKind.SESSION:
        return (kind, one.session)
    if kind is MadeKind.PASSWORD:
        return (kind,)
    if kind is MadeKind.CONTACT:
        return (kind, one.action)
    if one.target:
        return (str(kind), "named", one.target)
    return (str(kind), "sort", one.factor if kind in (MadeKind.FACTOR, MadeKind.FACTOR_OFF) else one.action)


@settings(max_examples=120, deadline=None)
@given(st.lists(EVENTS, max_size=25, unique_by=lambda one: one.id), LABELS)
def test_the_columns_say_what_a_plain_loop_says(events: list[Event], labels: tuple[Label, ...]) -> None:
    made = [one for one in events if makes(one.action) and one.outcome is not Outcome.FAILURE]
    his: dict[tuple[str, ...], list[Event]] = {}
    for one in made:
        if "intruder" in said(one, labels):
            his.setdefault(name_of(one), []).append(one)
    open_ = [one for one in made if makes(one.action) is not MadeKind.SESSION and not said(one, labels)]

    found = traces(WorkingSet.of(events).snapshot(), labels, 20)
    assert found.unlabelled == len(open_)
    assert found.unlabelled_since == sum(one.time_us >= 20 for one in open_)
    assert found.intruder == sum("intruder" in said(one, labels) for one in events)
    assert sorted((m.at_us, m.last_us, m.count, m.sure, m.mixed) for m in found.made) == sorted(
        (
            min(one.time_us for one in group),
            max(one.time_us for one in group),
            len(group),
            any(one.outcome is Outcome.SUCCESS for one in group),
            any("owner" in said(one, labels) for one in group),
        )
        for group in his.values()
    )
    assert [m.at_us for m in found.made] == sorted(m.at_us for m in found.made)
    for m in found.made:
        assert events[m.row].id == m.event_id


def test_of_very_many_things_the_newest_are_listed() -> None:
    events = [event(str(n), n, action="api_key.created", device="d1", target=f"k{n}") for n in range(MOST + 5)]
    found = traces(WorkingSet.of(events).snapshot(), (label("device", "d1"),), 0)
    assert [m.target for m in found.made] == [f"k{n}" for n in range(5, MOST + 5)]


def test_nothing_at_all() -> None:
    assert traces(WorkingSet().snapshot(), (label("device", "d1"),), 0) == Traces()
    assert changes(WorkingSet().snapshot()) == ()


def test_changes_are_named_as_their_source_names_them() -> None:
    actions = ["mfa.added", "login", "API_Key.created", "trade.filled", "email_change"]
    frame = WorkingSet.of([event(a, n, action=a) for n, a in enumerate(actions)]).snapshot()
    assert set(changes(frame)) == {"mfa.added", "API_Key.created", "email_change"}


def label(kind: str, value: str, verdict: str = "intruder") -> Label:
    return Label(kind=kind, value=value, verdict=verdict, by="ana")


# -- the sandbox's truth -----------------------------------------------------------------------------


@pytest.fixture(scope="module")
def clients() -> list[Client]:
    return [client for client in generate(5, 1, NOW_US) if client.story is not None]


def investigated(client: Client) -> Traces:
    """What is found once somebody labelled rightly."""
    truth = client.truth["intruder"]
    labels = [label("device", one) for one in truth["devices"]]
    labels += [label("session", one) for one in truth["sessions"]] + [label("network", one) for one in truth["ips"]]
    events = [read_event(msgspec.json.encode(one), "exchange") for one in client.events]
    frame = WorkingSet.of([one for one in events if one is not None]).snapshot()
    assert client.story is not None
    return traces(frame, labels, client.story.trouble_us)


def test_everything_that_was_left_standing_is_found_live(clients: list[Client]) -> None:
    seen = 0
    for client in clients:
        if client.truth["scenario"] in ("owner_device_malware", "insider_like"):
            continue  # done from the owner's own device, or by staff: no label of a device says so
        left = held_against(investigated(client).made, client.account, from_micros(NOW_US))
        live = {one.id for one in left.things if one.state is Still.LIVE}
        assert set(client.truth["left_standing"]) <= live, client.truth["scenario"]
        seen += len(client.truth["left_standing"])
    assert seen >= 20


def test_honest_people_leave_nothing_of_an_intruder(clients: list[Client]) -> None:
    for client in clients:
        if not client.truth["hostile"]:
            assert investigated(client).made == ()


def test_what_was_taken_away_is_gone_and_what_stays_is_live(clients: list[Client]) -> None:
    client = next(c for c in clients if any(name.startswith("wa-") for name in c.truth["left_standing"]))
    made = investigated(client).made
    later = from_micros(NOW_US) + timedelta(minutes=1)
    cleaned = msgspec.structs.replace(client.account, standing=(), sessions=(), factors=())
    before = held_against(made, client.account, later)
    after = held_against(made, cleaned, later)
    for was, now in zip(before.things, after.things, strict=True):
        if was.made.kind in (MadeKind.SESSION, MadeKind.WITHDRAWAL_ADDRESS, MadeKind.API_KEY, MadeKind.FACTOR):
            assert (was.state, now.state) == (Still.LIVE, Still.GONE), was
