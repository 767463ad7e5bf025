"""Windows of correlations beside the plainest way to say what they mean."""

from __future__ import annotations

import itertools

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from workstation.services.timeline.marks import windows
from workstation.services.timeline.working.frame import never

SPAN = 10
MOMENTS = st.lists(st.integers(0, 60), min_size=1, max_size=24).map(sorted)


def window(times: list[int], end: int) -> range:
    return range(next(n for n, at in enumerate(times) if at >= times[end] - SPAN), end + 1)


@given(MOMENTS, st.integers(1, 4))
@settings(max_examples=60)
def test_counting_events(times: list[int], least: int) -> None:
    found = windows.counted(np.array(times), SPAN, lambda n: n >= least)
    for end in range(len(times)):
        inside = window(times, end)
        assert found[end] == (inside.start if len(inside) >= least else -1)


@given(MOMENTS, st.data(), st.integers(1, 4))
@settings(max_examples=60)
def test_counting_values(times: list[int], data: st.DataObject, least: int) -> None:
    values = data.draw(st.lists(st.integers(1, 4), min_size=len(times), max_size=len(times)))
    found = windows.valued(np.array(times), np.array(values), SPAN, lambda n: n >= least, never)
    for end in range(len(times)):
        inside = window(times, end)
        assert found[end] == (inside.start if len({values[n] for n in inside}) >= least else -1)


@given(MOMENTS, st.data())
@settings(max_examples=80)
def test_rules_together_and_in_order(times: list[int], data: st.DataObject) -> None:
    rules = data.draw(st.lists(st.integers(0, 2), min_size=len(times), max_size=len(times)))
    moments, of = np.array(times), np.array(rules)
    together = windows.together(moments, of, 3, SPAN, lambda n: n >= 3)
    ordered = windows.in_order(moments, of, 3, SPAN)
    for end in range(len(times)):
        inside = window(times, end)
        assert (together[end] >= 0) == ({rules[n] for n in inside} == {0, 1, 2})
        # A chain ends with this event; of one instant the order does not matter.
        near = [n for n in range(len(times)) if times[end] - SPAN <= times[n] <= times[end]]
        chain = any(
            (rules[a], rules[b], rules[end]) == (0, 1, 2) and times[a] <= times[b] <= times[end]
            for a, b in itertools.product(near, near)
        )
        assert (ordered[end] >= 0) == chain


@given(st.lists(st.integers(-1, 20), max_size=21))
@settings(max_examples=60)
def test_windows_that_share_an_event_are_one(first: list[int]) -> None:
    given_windows = np.array([min(begin, end) for end, begin in enumerate(first)], np.int64)
    merged = windows.merged(given_windows)
    covered = {n for end, begin in enumerate(given_windows.tolist()) if begin >= 0 for n in range(begin, end + 1)}
    assert {n for begin, end in merged for n in range(begin, end + 1)} == covered
    assert all(before[1] < after[0] or before[1] < after[1] for before, after in itertools.pairwise(merged))
