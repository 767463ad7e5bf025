"""Events as columns are the same events, and hold nothing of those that were left out."""

from __future__ import annotations

import itertools

import msgspec
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.working.events import EVENTS
from workstation.services.timeline.batch import Batch, Lines, size_of
from workstation.services.timeline.event import Event
from workstation.services.timeline.working.encoder import Encoder
from workstation.services.timeline.working.raws import Records, gathered

SOME = st.lists(EVENTS, max_size=12)


@settings(max_examples=80, deadline=None)
@given(events=SOME)
def test_columns_give_back_the_events(events: list[Event]) -> None:
    batch = Batch.of(events)
    assert list(batch) == events
    assert [batch[place] for place in range(len(batch))] == events
    assert Batch.of(batch) is batch


@settings(max_examples=80, deadline=None)
@given(events=SOME, data=st.data())
def test_a_choice_of_events_holds_nothing_of_the_others(events: list[Event], data: st.DataObject) -> None:
    places = data.draw(st.lists(st.integers(0, max(0, len(events) - 1)), max_size=12)) if events else []
    taken = Batch.of(events).taken(np.array(places, np.intp))
    assert list(taken) == [events[place] for place in places]
    for name, column in taken.columns.items():
        assert set(column.values) - {""} <= {str(getattr(events[place], name)) for place in places}


@settings(max_examples=60, deadline=None)
@given(events=SOME, cuts=st.lists(st.integers(0, 12), max_size=3))
def test_parts_are_joined_again(events: list[Event], cuts: list[int]) -> None:
    edges = [0, *sorted(cuts), len(events)]
    parts = [Batch.of(events[begin:end]) for begin, end in itertools.pairwise(edges)]
    joined = Batch.joined(parts)
    assert list(joined) == [event for part in parts for event in part]


@settings(max_examples=60, deadline=None)
@given(events=SOME)
def test_newest_first_once_and_within_are_what_lists_say(events: list[Event]) -> None:
    batch = Batch.of(events)
    assert list(batch.newest_first()) == sorted(events, key=lambda event: -event.time_us)
    firsts: dict[str, Event] = {}
    for event in events:
        firsts.setdefault(event.id, event)
    assert list(batch.once()) == list(firsts.values())
    middle = sorted(event.time_us for event in events)[len(events) // 2] if events else 0
    assert list(batch.within(middle, middle + 10**15)) == [e for e in events if middle <= e.time_us < middle + 10**15]


LINES = st.lists(st.sampled_from([b"", b" ", b"\t", b"{}", b'{"a":1}', b"x", b'{"b":[]}', b"}"]), max_size=8)


@settings(max_examples=120, deadline=None)
@given(lines=LINES, end=st.sampled_from([b"\n", b"\r\n"]))
def test_lines_are_cut_without_their_ends_and_blank_ones_are_none(lines: list[bytes], end: bytes) -> None:
    found = Lines.of(end.join(lines))
    expected = [line for line in lines if line.strip()]
    assert list(found) == expected and size_of(found) == sum(map(len, expected))
    if (width := found.parted_by) is not None:
        # One after the other, with as many bytes of white space between each and the next.
        rest = found.body
        for number, line in enumerate(expected):
            between, rest = (rest[:width], rest[width:]) if number else (b"", rest)
            assert not between.strip() and rest.startswith(line)
            rest = rest[len(line) :]
        assert rest == b""


def test_lines_that_are_not_all_of_a_piece_are_not_taken_for_one() -> None:
    """Reversed or chosen lines of one length lie at equal distances, too."""
    lines = Lines.of(b"\n".join([b'{"a":%d}' % n for n in range(8)]))
    assert lines.parted_by == 1
    assert lines[::-1].parted_by is None and lines[::2].parted_by is None and lines[:1].parted_by is None


@pytest.mark.parametrize("part", [slice(None), slice(None, None, -1), slice(0, 5), slice(0, 1), slice(0, 0)])
def test_a_block_has_the_same_records_however_they_lie(part: slice) -> None:
    lines = Lines.of(b"\n".join([b'{"a":"%s"}' % (b"x" * n) for n in range(8)]))[part]
    kept = msgspec.msgpack.decode(gathered(lines, ()), type=Records)
    assert kept.each() == list(lines) == list(lines[:])


def test_a_block_of_no_events() -> None:
    block = Encoder().encode(())
    assert (block.count, block.columns, block.ids) == (0, {}, b"")
