"""What is shown: nothing disappears, sessions and bursts become one row, rows keep their names."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.working.events import PAGES, Pages, each_once, event, filled
from workstation.services.timeline.event import Event
from workstation.services.timeline.source import Gap
from workstation.services.timeline.working.columns import WorkingSet
from workstation.services.timeline.working.encoder import Encoder
from workstation.services.timeline.working.folding import BURST_US, LEAST
from workstation.services.timeline.working.shown import EventRow, FoldRow, GapRow, Key, Row, Shown, gap_key, show

MINUTE = 60_000_000


def session(name: str, *times: int, **fields: Any) -> list[Event]:
    return [event(f"{name}{time}", time, session=name, **fields) for time in times]


def gap(until_us: int, since_us: int = 0, source: str = "risk") -> Gap:
    return Gap(source=source, since_us=since_us, until_us=until_us, why="no answer")


def rows_of(shown: Shown) -> list[Row]:
    return [shown.row_at(place) for place in range(len(shown))]


def word(row: Row) -> str:
    if isinstance(row, FoldRow):
        return f"fold {row.session}×{row.count}"
    return "gap" if isinstance(row, GapRow) else row.event.id


def shape(shown: Shown) -> list[str]:
    return [word(row) for row in rows_of(shown)]


def shown_of(events: Sequence[Event], gaps: Sequence[Gap] = (), **how: Any) -> Shown:
    return show(WorkingSet.of(events), gaps=gaps, **how)


def test_events_of_one_session_that_follow_each_other_become_a_row() -> None:
    shown = shown_of([*session("s", 9, 8, 7), event("x", 6), *session("t", 5, 4), *session("s", 3, 2, 1)])
    assert shape(shown) == ["fold s×3", "x", "t5", "t4", "fold s×3"]
    assert len({row.key for row in rows_of(shown)}) == len(shown) == 5
    assert shown.events == 9


def test_a_fold_says_what_is_in_it() -> None:
    events = [*session("s", 9, action="withdrawal.requested"), *session("s", 8, 7), *session("s", 6, action="sign_out")]
    for ascending in (False, True):
        (row,) = rows_of(shown_of(events, ascending=ascending))
        assert isinstance(row, FoldRow)
        assert (row.count, row.first.time_us, row.last.time_us) == (4, 6, 9)
        assert row.actions == (("sign_in", 2), ("withdrawal.requested", 1), ("sign_out", 1))


def test_a_burst_without_a_session_is_a_fold_while_it_lasts() -> None:
    burst = [event(str(n), n * MINUTE, ip="192.0.2.1") for n in range(4)]
    assert shape(shown_of(burst)) == ["fold ×4"]
    assert shape(shown_of([*burst, event("late", 5 * MINUTE, ip="192.0.2.1")])) == ["late", "fold ×4"]
    assert shape(shown_of([*burst, event("other", 4 * MINUTE, ip="192.0.2.2")])) == ["other", "fold ×4"]
    assert shape(shown_of([*burst, event("wins", 4 * MINUTE, ip="192.0.2.1", action="sign_out")])) == [
        "wins",
        "fold ×4",
    ]


def test_what_is_unknown_makes_no_burst() -> None:
    assert shape(shown_of([event(str(n), 9 - n) for n in range(5)])) == ["0", "1", "2", "3", "4"]
    assert shape(shown_of([event(str(n), 9 - n, ip="192.0.2.1", action="") for n in range(3)])) == ["0", "1", "2"]


def test_pins_and_marks_stay_rows_of_their_own() -> None:
    events = session("s", 9, 8, 7, 6, 5, 4, 3)
    assert shape(shown_of(events, apart=[3])) == ["fold s×3", "s6", "fold s×3"]
    assert shape(shown_of(events, apart=np.array([0, 99, -1], np.int32))) == ["s9", "fold s×6"]


def test_a_gap_stands_where_it_ends_and_parts_a_fold() -> None:
    events = session("s", 9, 8, 7, 3, 2, 1)
    assert shape(shown_of(events, [gap(5)])) == ["fold s×3", "gap", "fold s×3"]
    assert shape(shown_of(events, [gap(20), gap(0)])) == ["gap", "fold s×6", "gap"]
    assert shape(shown_of(events, [gap(20), gap(5)], ascending=True)) == ["fold s×3", "gap", "fold s×3", "gap"]
    assert shape(shown_of([], [gap(5)])) == ["gap"]
    assert shape(shown_of([])) == []


def test_an_opened_fold_shows_its_events_below_it() -> None:
    events = [event("x", 20), *session("s", 9, 8, 7), event("y", 1)]
    working = WorkingSet.of(events)
    key = show(working).key_at(1)
    assert isinstance(key, str)
    shown = show(working, gaps=[gap(10)], opened=frozenset({key, "fold:99", "nonsense"}))
    rows = rows_of(shown)
    assert shape(shown) == ["x", "gap", "fold s×3", "s9", "s8", "s7", "y"]
    assert [row.inside for row in rows if isinstance(row, EventRow)] == ["", key, key, key, ""]
    assert isinstance(rows[2], FoldRow)
    assert rows[2].opened
    assert rows[2].key == key
    assert shown.rows_of(2).tolist() == [1, 2, 3]
    assert shown.rows_of(1).tolist() == []
    assert shown.rows_of(3).tolist() == [1]


def test_names_stay_when_events_join_at_either_end_and_gaps_grow() -> None:
    working, encoder = WorkingSet(), Encoder()
    working.append(encoder.encode(session("s", 9, 8, 7)))
    key = show(working).key_at(0)
    working.append(encoder.encode(session("s", 6, 12)))
    assert show(working).key_at(0) == key
    assert show(working, gaps=[gap(5)]).key_at(1) == show(working, gaps=[gap(4)]).key_at(1)


def test_a_row_is_found_again() -> None:
    working = WorkingSet.of([event("x", 20), *session("s", 9, 8, 7), event("y", 1)])
    shown = show(working, gaps=[gap(10)])
    fold = shown.key_at(2)
    assert [shown.place_of(key) for key in (0, 1, 2, 3, 4, fold, gap_key(gap(10)))] == [0, 2, 2, 2, 3, 2, 1]
    opened = show(working, opened=frozenset({str(fold)}))
    assert [opened.place_of(key) for key in (0, fold, 1, 2, 3, 4)] == [0, 1, 2, 3, 4, 5]
    apart = show(working, fold=False)
    assert apart.place_of(fold) == 1
    gone = show(working, np.array([True, False, False, False, True]))
    assert [gone.place_of(key) for key in (0, 1, fold, "fold:", "gap:x", 99)] == [0, None, None, None, None, None]


def test_the_next_one_of_some_is_found_in_both_directions() -> None:
    shown = show(WorkingSet.of([event("x", 20), *session("s", 9, 8, 7), event("y", 1)]), gaps=[gap(10)])
    assert shape(shown) == ["x", "gap", "fold s×3", "y"]
    assert [shown.next_of([0, 2, 4, 77], place, 1) for place in (-1, 0, 1, 2, 3)] == [0, 2, 2, 3, None]
    assert [shown.next_of([0, 2, 4], place, -1) for place in (4, 3, 2, 1, 0)] == [3, 2, 0, 0, None]
    assert shown.next_of([], 0, 1) is None


def test_an_instant_has_a_place() -> None:
    shown = show(WorkingSet.of([event("x", 20), *session("s", 9, 8, 7), event("y", 1)]))
    assert [shown.place_at(time) for time in (30, 20, 19, 9, 8, 2, 1, 0)] == [0, 0, 1, 1, 1, 2, 2, 2]
    assert show(WorkingSet()).place_at(5) == 0


def test_sorted_by_a_field_absent_values_are_last_and_the_newest_first_among_equals() -> None:
    events = [event("1", 1, device="b"), event("2", 2), event("3", 3, device="A"), event("4", 4, device="b")]
    assert shape(shown_of(events, [gap(2)], by="device.id", ascending=True)) == ["gap", "3", "4", "1", "2"]
    assert shape(shown_of(events, by="device.id")) == ["4", "1", "3", "2"]
    with pytest.raises(KeyError):
        shown_of(events, by="no.such.field")


def test_a_mask_of_before_shows_what_was_meant_then() -> None:
    working, encoder = WorkingSet(), Encoder()
    working.append(encoder.encode([event("1", 1), event("2", 2)]))
    mask = working.times() > 1
    working.append(encoder.encode([event("3", 3)]))
    assert shape(show(working, mask)) == ["2"]


def naive(
    events: Sequence[tuple[int, Event]], gaps: Sequence[Gap], opened: frozenset[str], apart: frozenset[int]
) -> list[tuple[str, Key, int]]:
    """Return kind, key and count of each row, one event at a time. `events` are row and event, newest first."""
    rows: list[tuple[str, Key, int]] = []
    waiting = sorted(gaps, key=lambda one: (-one.until_us, one.source))[::-1]
    run: list[tuple[int, Event]] = []

    def close() -> None:
        names: list[tuple[str, Key, int]] = [("event", row, 1) for row, _ in run]
        if len(run) >= LEAST:
            key = f"fold:{min(row for row, _ in run)}"
            names = [("fold", key, len(run)), *(names if key in opened else [])]
        rows.extend(names)
        run.clear()

    for row, one in events:
        while waiting and waiting[-1].until_us > one.time_us:
            close()
            rows.append(("gap", gap_key(waiting.pop()), 0))
        if run and not together(run[-1], (row, one), apart):
            close()
        run.append((row, one))
    close()
    return rows + [("gap", gap_key(one), 0) for one in reversed(waiting)]


def together(newer: tuple[int, Event], older: tuple[int, Event], apart: frozenset[int]) -> bool:
    one, other = newer[1], older[1]
    if newer[0] in apart or older[0] in apart or one.session != other.session:
        return False
    same = (one.action, one.ip, one.outcome) == (other.action, other.ip, other.outcome)
    near = one.time_us - other.time_us <= BURST_US
    return bool(one.session) or (same and near and bool(one.action) and bool(one.ip))


@settings(max_examples=80, deadline=None)
@given(pages=PAGES, ends=st.lists(st.integers(0, 25), max_size=3), data=st.data())
def test_nothing_disappears_and_the_order_stays(pages: Pages, ends: list[int], data: st.DataObject) -> None:
    working, rows = filled(pages), each_once(pages)
    gaps = [gap(end, source=str(n)) for n, end in enumerate(ends)]
    mask = np.array(data.draw(st.lists(st.booleans(), min_size=len(rows), max_size=len(rows))), np.bool_)
    apart = frozenset(data.draw(st.lists(st.integers(0, max(0, len(rows) - 1)), max_size=3)))
    order = [row for row in working.order().tolist() if mask[row]]
    listed = [(row, rows[row][1]) for row in order]
    keys = [key for kind, key, _ in naive(listed, gaps, frozenset(), apart) if kind == "fold"]
    opened = frozenset(str(key) for key in keys[::2])
    shown = show(working, mask, gaps=gaps, apart=sorted(apart), opened=opened)
    found = [
        ("gap", row.key, 0) if isinstance(row, GapRow) else
        ("fold", row.key, row.count) if isinstance(row, FoldRow) else ("event", row.key, 1)
        for row in rows_of(shown)
    ]  # fmt: skip
    assert found == naive(listed, gaps, opened, apart)
    assert shown.rows.tolist() == order
    assert [shown.place_of(key) for _, key, _ in found] == list(range(len(found)))
    assert {row.gap for row in rows_of(shown) if isinstance(row, GapRow)} == set(gaps)
    upwards = show(working, mask, gaps=gaps, apart=sorted(apart), ascending=True)
    closed = show(working, mask, gaps=gaps, apart=sorted(apart))
    assert [row.key for row in rows_of(upwards)] == [row.key for row in rows_of(closed)][::-1]


def test_thousands_of_rows_are_folded_as_a_few_are() -> None:
    rng = np.random.default_rng(2)
    sessions = rng.integers(0, 3, 5_000).tolist()
    events = [event(str(n), 10_000 - n, session=f"s{s}" if s else "", ip="192.0.2.1") for n, s in enumerate(sessions)]
    shown = shown_of(events)
    plain = naive(list(enumerate(events)), [], frozenset(), frozenset())
    assert [row.key for row in rows_of(shown)] == [key for _, key, _ in plain]
