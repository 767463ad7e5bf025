"""Proposals: what the word at the cursor could become."""

from __future__ import annotations

import re

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.hostile import HOSTILE_TEXTS
from tests.query.frames import PlainFrame
from tests.query.trees import NOW_US
from tests.timeline.events import event
from workstation.services.timeline.query.complete import MOST, Counts, complete
from workstation.services.timeline.query.errors import QueryError
from workstation.services.timeline.query.language import parse
from workstation.services.timeline.query.one import matches
from workstation.services.timeline.working.frame import Cancelled

EVENTS = [
    *(event(f"a{number}", number, action="sign_in", device="Ana phone") for number in range(3)),
    *(event(f"b{number}", number, action="sign_out", device="design") for number in range(5)),
    event("c", 9, action="design.changed", ip="2001:db8::1", device="10.0.0.0/8"),
    event("d", 10, action="x", ip="10.0.0.0/8"),
]
COUNTS = Counts(PlainFrame(EVENTS))
SAID = {"mark": {"rule-a": 2, "rule-b": 7}, "label": {"intruder": 4}}


def proposed(line: str) -> list[tuple[str, str]]:
    """Return the proposals at ``|``: the line as it would be, and the note."""
    cursor = line.index("|")
    text = line.replace("|", "", 1)
    return [(text[: one.start] + one.text + text[one.end :], one.note) for one in complete(text, cursor, COUNTS, SAID)]


@pytest.mark.parametrize(
    ("line", "first"),
    [
        ("act|", ("event.action:", "what happened, in our words")),
        ("-act|", ("-event.action:", "what happened, in our words")),
        ("x (coun|", ("x (source.geo.country_iso_code:", "country it came from, two letters")),
        ("x.a|", None),
        ("x an|", ("x source.as.organization.name:", "who runs the network it came from")),
        ("event.action:|", ("event.action:sign_out", "5 events")),
        ("action:sig|", ("action:sign_out", "5 events")),
        ("action:sig| x", ("action:sign_out x", "5 events")),
        ("action:sig|n_in x", ("action:sign_out x", "5 events")),
        ("action:chan|", ("action:design.changed", "1 event")),
        ("-action:(sign_in or |", ("-action:(sign_in or sign_out", "5 events")),
        ("action:(a (b or sign_o|", ("action:(a (b or sign_out", "5 events")),
        ("action:(a) dev|", ("action:(a) device.id:", "device it came from")),
        ("device:ana|", ('device:"Ana phone"', "3 events")),
        ('device:"ana|', ('device:"Ana phone"', "3 events")),
        ('device:"ana|" x', ('device:"Ana phone" x', "3 events")),
        ("ip:2001:d|", ("ip:2001:db8::1", "1 event")),
        ("ip:10|", ('ip:"10.0.0.0/8"', "1 event")),
        ("device:10|", ("device:10.0.0.0/8", "1 event")),
        ("time:no|", ("time:now-1h", "the hour up to now")),
        ("time:>now-1d|", ("time:>now-1d/d", "yesterday")),
        ("time:[now-7|", ("time:[now-7d/d", "seven days ago")),
        ("time:[now-7d TO now/M|", None),
        ("time:[now-7d TO now/|]", ("time:[now-7d TO now/d]", "today")),
        ("mark:|", ("mark:rule-b", "7 events")),
        ("label:i|", ("label:intruder", "4 events")),
        ("pinned:t|", ("pinned:true", "whether it is kept as evidence: true, false")),
        ("action:none|", None),
    ],
)
def test_the_first_proposal(line: str, first: tuple[str, str] | None) -> None:
    found = proposed(line)
    assert (found[0] if found else None) == first


def test_operators_are_proposed_where_one_can_stand() -> None:
    assert ("x AND", "both must hold; side by side means the same") in proposed("x an|")
    assert [one for one, _ in proposed("an|") if one.isupper()] == []
    assert ("NOT", "what follows must not hold") in proposed("no|")
    assert [one for one, _ in proposed("x and o|") if one.endswith(" OR")] == []


def test_values_that_begin_with_what_was_typed_come_first() -> None:
    assert [one for one, _ in proposed("action:s|")] == ["action:sign_out", "action:sign_in", "action:design.changed"]


def test_nothing_is_known_before_the_first_event() -> None:
    assert complete("action:s", 8, None) == ()
    assert complete("act", 3, None)[0].text == "event.action:"


def test_values_are_counted_once_until_rows_come() -> None:
    events = list(EVENTS)
    frame = PlainFrame(events)
    counts = Counts(frame)
    first = counts.of("event.action")
    assert counts.of("event.action") is first
    events.append(event("z", 1, action="sign_in"))
    assert complete("action:sign_i", 13, counts)[0].note == "4 events"


def test_a_field_of_very_many_values_waits_for_more_characters(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("workstation.services.timeline.query.complete._LARGE", 2)
    assert proposed("action:sig|") == []
    assert [one for one, _ in proposed("action:sign|")] == [
        "action:sign_out",
        "action:sign_in",
        "action:design.changed",
    ]
    assert proposed("action:|")[0] == ("action:sign_out", "5 events")


def test_of_very_many_values_the_newest_are_proposed(monkeypatch: pytest.MonkeyPatch) -> None:
    events = [event(f"id-{number:04}", number) for number in range(400)]
    counts = Counts(PlainFrame(events))
    monkeypatch.setattr("workstation.services.timeline.query.complete._LARGE", 100)
    found = complete("event.id:-000", 13, counts)
    assert {one.text for one in found} == {f"id-000{n}" for n in range(10)}, "where there are few, they are all"
    found = complete("event.id:id-0", 13, counts)
    assert len(found) == MOST
    assert {one.text for one in found} <= {f"id-{n:04}" for n in range(376, 400)}
    assert {one.note for one in found} == {"1 event"}


def test_a_look_for_values_ends_when_nobody_wants_it(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("workstation.services.timeline.query.complete._LARGE", 2)

    def check() -> None:
        raise Cancelled

    with pytest.raises(Cancelled):
        complete("action:sign", 11, COUNTS, check=check)


HOSTILE_EVENTS = [event(f"h{place}", 1, device=text) for place, text in enumerate(HOSTILE_TEXTS.values())]


@settings(max_examples=150, deadline=None)
@given(
    text=st.text(max_size=15)
    | st.lists(
        st.sampled_from(["device:", "(", ")", " ", "a", '"', "\\", "[", "TO ", "or ", "-", "mark:", "time:", "/"]),
        max_size=10,
    ).map("".join),
    data=st.data(),
)
def test_any_line_has_proposals_within_it(text: str, data: st.DataObject) -> None:
    cursor = data.draw(st.integers(0, len(text)))
    found = complete(text, cursor, COUNTS, SAID)
    assert len(found) <= MOST
    for one in found:
        assert 0 <= one.start <= cursor <= one.end <= len(text)


def test_a_hostile_value_that_is_proposed_is_read_as_itself() -> None:
    counts = Counts(PlainFrame(HOSTILE_EVENTS))
    seen = 0
    for one in HOSTILE_EVENTS:
        line = 'device:"' + re.sub(r'(["\\])', r"\\\1", one.device[:3])
        for proposal in complete(line, len(line), counts):
            try:
                query = parse("device:" + proposal.text)
            except QueryError as error:
                raise AssertionError(proposal.text) from error
            assert any(matches(query, other, NOW_US) for other in HOSTILE_EVENTS)
            seen += 1
    assert seen > 40
