"""Facets, histograms and neighbours beside the plain way."""

from __future__ import annotations

from collections import Counter

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.working.events import PAGES, Pages, each_once, event, filled
from workstation.services.errors import Invalid
from workstation.services.timeline.event import FIELDS
from workstation.services.timeline.working.columns import WorkingSet
from workstation.services.timeline.working.frame import Cancelled
from workstation.services.timeline.working.lookup import anywhere, rows_where
from workstation.services.timeline.working.shown import show
from workstation.services.timeline.working.summary import (
    Differing,
    Seen,
    around,
    bucket_us,
    difference,
    facets,
    histogram,
    same,
    seen,
)


@settings(max_examples=40, deadline=None)
@given(pages=PAGES, field=st.sampled_from(sorted(set(FIELDS) - {"event.id"})), top=st.integers(0, 4), data=st.data())
def test_facets_count_every_value_once(pages: Pages, field: str, top: int, data: st.DataObject) -> None:
    working, events = filled(pages).snapshot(), [one for _, one in each_once(pages)]
    chosen = data.draw(st.lists(st.booleans(), min_size=len(events), max_size=len(events)))
    found = facets(working, np.array(chosen, np.bool_), field, top)
    counts = Counter(one.value(field) for one, is_chosen in zip(events, chosen, strict=True) if is_chosen)
    assert found.absent == counts.pop("", 0)
    arrived = {one.value(field): -row for row, one in reversed(list(enumerate(events)))}
    ranked = sorted(counts.items(), key=lambda item: (-item[1], -arrived[item[0]]))
    assert list(found.top) == ranked[:top]
    assert (found.others, found.rest) == (len(ranked[top:]), sum(count for _, count in ranked[top:]))
    everything = facets(working, None, field, 100)
    assert sum(count for _, count in everything.top) + everything.absent == len(events)


@settings(max_examples=40, deadline=None)
@given(
    times=st.lists(st.integers(0, 60), max_size=30),
    since=st.integers(0, 30),
    span=st.integers(1, 40),
    n=st.integers(1, 9),
)
def test_a_histogram_counts_what_is_in_its_span(times: list[int], since: int, span: int, n: int) -> None:
    working = WorkingSet.of(event(str(row), time) for row, time in enumerate(times))
    width = bucket_us(since, since + span, n)
    counts = histogram(working, None, since, since + span, n)
    inside = [time for time in times if since <= time < since + span]
    assert counts.tolist() == [sum(since + b * width <= t < since + (b + 1) * width for t in inside) for b in range(n)]
    assert counts.sum() == len(inside)
    odd = working.times() % 2 == 1
    assert histogram(working, odd, since, since + span, n).sum() == sum(t % 2 for t in inside)


@settings(max_examples=40, deadline=None)
@given(pages=PAGES, text=st.sampled_from(["", "s", "SIGN", "1", "192.0.2.", "ß", "\n", "nothing at all"]))
def test_a_text_is_looked_for_in_every_field(pages: Pages, text: str) -> None:
    working, events = filled(pages), [one for _, one in each_once(pages)]
    wanted = [any(text.casefold() in one.value(field).casefold() for field in FIELDS) for one in events]
    assert anywhere(working, text).tolist() == wanted


@settings(max_examples=40, deadline=None)
@given(data=st.data(), widths=st.sampled_from([np.uint8, np.uint16, np.uint32]))
def test_rows_of_flagged_values(data: st.DataObject, widths: type) -> None:
    flags = np.array(data.draw(st.lists(st.booleans(), min_size=1, max_size=300)))
    codes = np.array(data.draw(st.lists(st.integers(0, min(len(flags), 256) - 1), max_size=20)), widths)
    assert rows_where(codes, flags).tolist() == [bool(flags[code]) for code in codes]


def test_what_is_near_and_what_is_the_same() -> None:
    minute = 60_000_000
    working = WorkingSet.of(
        event(str(n), n * minute, session="s" if n % 2 else "", device=f"d{n // 3}") for n in range(9)
    )
    assert np.flatnonzero(around(working, 4, 2)).tolist() == [2, 3, 4, 5, 6]
    assert np.flatnonzero(around(working, 0, 0.5)).tolist() == [0]
    assert np.flatnonzero(same(working, "session.id", 3)).tolist() == [1, 3, 5, 7]
    assert np.flatnonzero(same(working, "device.id", 8)).tolist() == [6, 7, 8]
    with pytest.raises(Invalid, match=r"no session\.id"):
        same(working, "session.id", 2)


def test_two_events_differ_where_they_do() -> None:
    working = WorkingSet.of([event("1", device="a", ip="x"), event("2", device="b", ip="x", country="DE")])
    assert difference(working, 0, 1) == [
        Differing("event.id", "1", "2"),
        Differing("source.geo.country_iso_code", "", "DE"),
        Differing("device.id", "a", "b"),
    ]
    assert difference(working, 1, 1) == []


def test_first_and_last_of_a_value() -> None:
    working = WorkingSet.of(
        event(str(n), time, device=device) for n, (time, device) in enumerate([(5, "A"), (9, "b"), (2, "a")])
    )
    assert seen(working, "device.id", "a") == Seen(2, 2, 0)
    assert seen(working, "device.id", "a", working.times() > 2) == Seen(1, 0, 0)
    assert seen(working, "device.id", "c") is None


def test_long_work_stops_when_nobody_wants_it() -> None:
    working = WorkingSet.of(event(str(n), n) for n in range(9))

    def gone() -> None:
        raise Cancelled

    with pytest.raises(Cancelled):
        facets(working, None, "event.id", check=gone)
    with pytest.raises(Cancelled):
        histogram(working, None, 0, 9, 3, check=gone)
    with pytest.raises(Cancelled):
        anywhere(working, "x", check=gone)
    with pytest.raises(Cancelled):
        show(working, check=gone)
