"""Queries changed by keys: chips, values kept and hidden, spans of time."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.hostile import HOSTILE_TEXTS
from tests.query.trees import NOW_US, trees
from tests.timeline.events import event
from workstation.services.timeline.event import FIELDS
from workstation.services.timeline.query import edit
from workstation.services.timeline.query.ast import Node, Query, asking
from workstation.services.timeline.query.edit import with_value, without_value
from workstation.services.timeline.query.language import parse
from workstation.services.timeline.query.one import matches

COUNTRY = "source.geo.country_iso_code"
SECOND = 1_000_000
VALUES = st.text(max_size=12) | st.sampled_from(sorted(set(HOSTILE_TEXTS.values()) - {HOSTILE_TEXTS["long word"]}))
FREE = sorted(set(FIELDS) - {"event.outcome", "event.category"})


def test_chips_are_the_terms_in_order() -> None:
    query = parse("linux -event.category:iam (a or b) ip:(10.0.0.1 or 10.0.0.2)")
    assert [(chip.place, chip.text, chip.hides) for chip in edit.chips(query)] == [
        (0, "linux", False),
        (1, "event.category:iam", True),
        (2, "a OR b", False),
        (3, "source.ip:(10.0.0.1 OR 10.0.0.2)", False),
    ]
    assert edit.chips(Query()) == ()


def test_keeping_and_hiding_take_each_others_place() -> None:
    base = parse("linux event.category:iam")
    pt = with_value(base, COUNTRY, "PT")
    assert str(pt) == f"linux event.category:iam {COUNTRY}:PT"
    assert str(with_value(pt, "country", "NL")).endswith(f"iam {COUNTRY}:NL")
    hidden = without_value(pt, COUNTRY, "PT")
    assert str(hidden) == f"linux event.category:iam -{COUNTRY}:PT"
    assert without_value(hidden, COUNTRY, "PT") == hidden
    assert with_value(hidden, COUNTRY, "PT") == pt
    assert edit.without_last(pt) == base
    assert str(with_value(parse("ip:(10.0.0.1 or 10.0.0.2) -ip:10.0.0.3"), "ip", "10.0.0.9")) == (
        "-source.ip:10.0.0.3 source.ip:10.0.0.9"
    )
    with pytest.raises(KeyError):
        with_value(base, "nonsense", "x")
    assert str(with_value(base, "mark", "rule*")).endswith(' mark:"rule*"')
    with pytest.raises(ValueError, match="label is one of"):
        with_value(base, "label", "thief")
    with pytest.raises(ValueError, match="A time is"):
        with_value(base, "@timestamp", "x")


@settings(max_examples=150, deadline=None)
@given(field=st.sampled_from(FREE), value=VALUES, other=VALUES)
def test_a_value_is_taken_literally(field: str, value: str, other: str) -> None:
    chosen, hiding = with_value(Query(), field, value), without_value(Query(), field, value)
    assert parse(str(chosen)) == chosen
    assert parse(str(hiding)) == hiding
    mine, theirs = (event("x", 1, **{FIELDS[field]: text}) for text in (value, other))
    assert matches(chosen, mine, 0)
    assert not matches(hiding, mine, 0)
    same = value.casefold() == other.casefold()
    assert matches(chosen, theirs, 0) is same
    assert matches(hiding, theirs, 0) is not same


def test_an_address_that_looks_like_a_network_is_a_value() -> None:
    odd = with_value(Query(), "ip", "10.0.0.0/8")
    assert str(odd) == 'source.ip:"10.0.0.0/8"'
    assert parse(str(odd)) == odd
    assert not matches(odd, event("x", 1, ip="10.1.1.1"), 0)


def test_chips_are_dropped_turned_over_and_typed_anew() -> None:
    query = parse("a -b c")
    assert str(edit.without(query, 1)) == "a c"
    assert str(edit.turned(edit.turned(query, 1), 2)) == "a b -c"
    assert str(edit.rewritten(query, 0, parse("d or e"))) == "(d OR e) -b c"
    assert str(edit.rewritten(query, 0, parse("d e"))) == "d e -b c"
    assert str(edit.also(query, parse("c d d"))) == "a -b c d"
    for change in (edit.without, edit.turned):
        with pytest.raises(IndexError):
            change(query, -1)
        with pytest.raises(IndexError):
            change(query, 3)


@settings(max_examples=100, deadline=None)
@given(parts=st.lists(trees, max_size=3))
def test_a_changed_query_is_read_as_itself(parts: list[Node]) -> None:
    query = Query()
    for part in parts:
        query = edit.also(query, asking(part))
    for chip in edit.chips(query):
        for changed in (edit.without(query, chip.place), edit.turned(query, chip.place)):
            assert parse(str(changed)) == changed


def test_a_brush_takes_the_place_of_another() -> None:
    query = edit.between(parse("a time:>now-7d -time:2026-11-01"), 0, 90 * SECOND)
    assert str(query) == "a -@timestamp:2026-11-01 @timestamp:[1970-01-01T00:00:00Z TO 1970-01-01T00:01:30Z}"
    narrower = edit.between(query, 1, SECOND + 500)
    assert edit.span(narrower, NOW_US) == (1, SECOND + 500)
    assert str(edit.always(narrower)) == "a -@timestamp:2026-11-01"
    for at, kept in ((0, False), (1, True), (SECOND + 499, True), (SECOND + 500, False)):
        assert matches(narrower, event("a", at), NOW_US) is kept
    with pytest.raises(ValueError, match="no span"):
        edit.between(query, 5, 5)


def test_around_an_event_are_the_minutes_on_both_sides() -> None:
    at = 10**15 + 123_456
    query = edit.around(Query(), at, 5)
    for away, kept in ((0, True), (300 * SECOND, True), (-300 * SECOND, True), (300 * SECOND + 1, False)):
        assert matches(query, event("x", at + away), NOW_US) is kept


def test_the_span_of_a_query_holds_all_that_it_keeps() -> None:
    assert edit.span(Query(), NOW_US) == (None, None)
    assert edit.span(parse("time:>=now-1h time:<now time:>now-2h"), NOW_US) == (NOW_US - 3_600 * SECOND, NOW_US)
    assert edit.span(parse("-time:<now a"), NOW_US) == (None, None)
    assert edit.span(parse("time:<now or a"), NOW_US) == (None, None)


def test_terms_that_ask_some_fields_alone() -> None:
    query = parse("event.action:x -source.ip:10.0.0.1 (event.action:y OR device.id:z) word NOT (event.action:a b)")
    assert str(edit.about(query, {"event.action", "source.ip"})) == "event.action:x -source.ip:10.0.0.1"
    assert str(edit.about(query, set())) == str(Query())


def test_what_events_alone_answer() -> None:
    query = parse("event.action:x pinned:true -mark:* (label:intruder OR word) word")
    assert str(edit.of_events(query)) == "event.action:x word"
