"""Folding: nothing disappears, sessions become one row, rows keep their names."""

from __future__ import annotations

from hypothesis import given, settings
from hypothesis import strategies as st

from tests.timeline.events import event
from workstation.services.timeline.event import Event
from workstation.services.timeline.fold import EventRow, FoldRow, GapRow, Row, event_id, fold
from workstation.services.timeline.source import Gap


def session(name: str, *times: int, **fields: str) -> list[Event]:
    return [event(f"{name}{time}", time, session=name, **fields) for time in times]


def gap(until_us: int, since_us: int = 0, source: str = "risk") -> Gap:
    return Gap(source=source, since_us=since_us, until_us=until_us, why="no answer")


def word(row: Row) -> str:
    if isinstance(row, FoldRow):
        return f"fold {row.session}×{row.count}"
    return "gap" if isinstance(row, GapRow) else row.event.id


def shape(rows: list[Row]) -> list[str]:
    return [word(row) for row in rows]


def test_events_of_one_session_that_follow_each_other_become_a_row() -> None:
    rows = fold([*session("s", 9, 8, 7), event("x", 6), *session("t", 5, 4), *session("s", 3, 2, 1)])
    assert shape(rows) == ["fold s×3", "x", "t5", "t4", "fold s×3"]
    assert len({row.id for row in rows}) == len(rows)


def test_a_fold_says_what_is_in_it() -> None:
    events = [*session("s", 9, action="withdrawal.requested"), *session("s", 8, 7), *session("s", 6, action="sign_out")]
    (row,) = fold(events)
    assert isinstance(row, FoldRow)
    assert (row.count, row.first.time_us, row.last.time_us) == (4, 6, 9)
    assert row.actions == (("sign_in", 2), ("sign_out", 1), ("withdrawal.requested", 1))


def test_events_without_a_session_are_never_folded() -> None:
    assert shape(fold([event(str(n), 9 - n) for n in range(5)])) == ["0", "1", "2", "3", "4"]


def test_pins_and_marks_stay_rows_of_their_own() -> None:
    events = session("s", 9, 8, 7, 6, 5, 4, 3)
    assert shape(fold(events, apart=frozenset({event_id(events[3])}))) == ["fold s×3", "s6", "fold s×3"]


def test_a_gap_stands_where_it_ends_and_parts_a_fold() -> None:
    events = session("s", 9, 8, 7, 3, 2, 1)
    assert shape(fold(events, [gap(5)])) == ["fold s×3", "gap", "fold s×3"]
    assert shape(fold(events, [gap(20), gap(0)])) == ["gap", "fold s×6", "gap"]
    assert shape(fold([], [gap(5)])) == ["gap"]


def test_an_opened_fold_shows_its_events_below_it() -> None:
    events = session("s", 9, 8, 7)
    (closed,) = fold(events)
    rows = fold(events, opened=frozenset({closed.id}))
    assert shape(rows) == ["fold s×3", "s9", "s8", "s7"]
    assert [row.inside for row in rows if isinstance(row, EventRow)] == [closed.id] * 3
    assert isinstance(rows[0], FoldRow)
    assert rows[0].opened


def test_names_stay_when_newer_events_join_and_gaps_grow() -> None:
    (before,) = fold(session("s", 9, 8, 7))
    (after,) = fold(session("s", 10, 9, 8, 7))
    assert before.id == after.id
    assert fold([], [gap(5)])[0].id == fold([], [gap(7)])[0].id


EVENTS = st.lists(st.tuples(st.integers(0, 20), st.sampled_from(["", "s", "t"])), max_size=25).map(
    lambda rows: sorted(
        (event(str(n), time, session=name) for n, (time, name) in enumerate(rows)), key=lambda e: (-e.time_us, e.id)
    )
)


@settings(max_examples=150, deadline=None)
@given(events=EVENTS, ends=st.lists(st.integers(0, 25), max_size=4), least=st.integers(1, 4), data=st.data())
def test_nothing_disappears_and_the_order_stays(
    events: list[Event], ends: list[int], least: int, data: st.DataObject
) -> None:
    gaps = [gap(end, source=str(n)) for n, end in enumerate(ends)]
    apart = frozenset(
        event_id(e) for e in data.draw(st.lists(st.sampled_from(events), max_size=3) if events else st.just([]))
    )
    closed = fold(events, gaps, apart=apart, least=least)
    folds = [row for row in closed if isinstance(row, FoldRow)]
    opened = fold(events, gaps, apart=apart, least=least, opened=frozenset(row.id for row in folds))
    assert [row.event for row in opened if isinstance(row, EventRow)] == events
    assert {row.gap for row in closed if isinstance(row, GapRow)} == set(gaps)
    assert len({row.id for row in opened}) == len(opened)
    assert sum(row.count for row in folds) + sum(isinstance(row, EventRow) for row in closed) == len(events)
    assert all(row.count >= least for row in folds)
    assert apart <= {row.id for row in closed if isinstance(row, EventRow)}
