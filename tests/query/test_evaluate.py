"""Columns answer what a single event answers, and stop when nobody wants the answer."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.query.frames import PlainFrame
from tests.query.trees import NOW_US, events, trees
from tests.timeline.events import event
from workstation.services.errors import Invalid
from workstation.services.timeline.event import Event
from workstation.services.timeline.query.ast import Node, asking
from workstation.services.timeline.query.evaluate import mask
from workstation.services.timeline.query.language import parse
from workstation.services.timeline.query.one import matches
from workstation.services.timeline.working.columns import WorkingSet
from workstation.services.timeline.working.frame import Cancelled, Frame

RULES = ["rule-a", "rule-b", "other"]


def _frames(given_events: Sequence[Event]) -> list[Frame]:
    return [PlainFrame(given_events), WorkingSet.of(given_events)]


@settings(max_examples=150, deadline=None)
@given(tree=trees, happened=st.lists(events, max_size=6, unique_by=lambda one: one.id), seed=st.integers(0, 2**20))
def test_columns_answer_as_single_events_do(tree: Node, happened: list[Event], seed: int) -> None:
    bits = np.random.default_rng(seed).random((7, len(happened))) < 0.5
    of_rows = {
        "pinned": {"true": np.flatnonzero(bits[0]).astype(np.int32)},
        "mark": {rule: bits[1 + place] for place, rule in enumerate(RULES)},
        "label": {
            name: np.flatnonzero(bits[4 + place]).astype(np.int32)
            for place, name in enumerate(["owner", "intruder", "unknown"])
        },
    }
    expected = []
    for row, one in enumerate(happened):
        said = {
            "pinned": {"true"} if bits[0, row] else set(),
            "mark": {rule for place, rule in enumerate(RULES) if bits[1 + place, row]},
            "label": {n for place, n in enumerate(["owner", "intruder", "unknown"]) if bits[4 + place, row]},
        }
        expected.append(matches(asking(tree), one, NOW_US, said))
    for frame in _frames(happened):
        assert mask(asking(tree), frame, NOW_US, said=of_rows).tolist() == expected


def test_what_nobody_said_cannot_be_asked() -> None:
    frame = PlainFrame([event("a", 1)])
    with pytest.raises(Invalid, match="mark is not known here"):
        mask(parse("mark:x"), frame, NOW_US)
    beyond = {"pinned": {"true": np.array([0, 7], dtype=np.int32)}, "mark": {"x": np.ones(9, dtype=np.bool_)}}
    assert mask(parse("pinned:true mark:x"), frame, NOW_US, said=beyond).tolist() == [True]


def test_an_answer_that_nobody_wants_is_not_finished() -> None:
    frame = PlainFrame([event("a", 1)])
    left = [3]

    def check() -> None:
        left[0] -= 1
        if left[0] < 0:
            raise Cancelled

    with pytest.raises(Cancelled):
        mask(parse(" ".join(f"word{number}" for number in range(100))), frame, NOW_US, check)
    assert left == [-1]


def test_a_list_of_one_field_is_looked_up_once() -> None:
    looked: list[str] = []

    class Counting(PlainFrame):
        def codes(self, field: str):  # type: ignore[no-untyped-def]
            looked.append(field)
            return super().codes(field)

    frame = Counting([event("a", 1, ip="10.0.0.1"), event("b", 2, ip="10.0.0.2")])
    text = (
        "ip:(" + " OR ".join(f"10.0.0.{number}" for number in range(2, 200)) + ") -ip:10.9.0.0/16 event.action:sign_in"
    )
    assert mask(parse(text), frame, NOW_US).tolist() == [False, True]
    assert looked == ["source.ip", "event.action"]
