"""Places that are not written down, and instants looked for in an order, are those that a look at every row finds."""

from __future__ import annotations

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from tests.working.events import event
from workstation.services.timeline.query.language import parse
from workstation.services.timeline.sifting import Sieve, sift
from workstation.services.timeline.working.columns import WorkingSet
from workstation.services.timeline.working.folding import Runs
from workstation.services.timeline.working.laid_out import Laid, found, later, next_flagged
from workstation.services.timeline.working.shown import show
from workstation.services.timeline.working.summary import histogram, histogram_in_order

FAR = 250_000_000_000_000_000  # the year 9892
TIMES = st.one_of(st.integers(-50, 50), st.sampled_from([-FAR, -FAR + 1, FAR, FAR + 1]))


@given(times=st.lists(TIMES, max_size=40), instants=st.lists(st.integers(-60, 60), min_size=1, max_size=5))
def test_an_instant_is_found_in_the_order_of_time(times: list[int], instants: list[int]) -> None:
    working = WorkingSet.of([event(str(n), time) for n, time in enumerate(times)])
    frame = working.snapshot()
    order = frame.order()
    counted = later(frame.times(), order, np.array(instants)).tolist()
    assert counted == [sum(time >= instant for time in times) for instant in instants]
    places = [found(frame.times(), order, row) for row in range(-1, len(times) + 1)]
    assert places == [None, *(order.tolist().index(row) for row in range(len(times))), None]
    assert all(found(frame.times(), order[::2], row) is None for row in order[1::2].tolist())


@given(
    times=st.lists(st.integers(0, 40), min_size=1, max_size=40),
    kept=st.lists(st.booleans(), min_size=40, max_size=40),
    buckets=st.integers(1, 9),
)
def test_a_histogram_in_order_is_the_histogram(times: list[int], kept: list[bool], buckets: int) -> None:
    frame = WorkingSet.of([event(str(n), time) for n, time in enumerate(times)]).snapshot()
    mask = np.array(kept[: len(times)])
    rows = show(frame, mask, fold=False).newest_first
    assert rows is not None
    counts = histogram_in_order(frame.times(), rows, 0, 41, buckets)
    assert counts is not None
    assert counts.tolist() == histogram(frame, mask, 0, 41, buckets).tolist()


def test_a_span_that_an_order_does_not_tell_is_counted_by_looking() -> None:
    working = WorkingSet.of([event("a", FAR), event("b", 5), event("c", 3)])
    for by, ascending in (("@timestamp", False), ("@timestamp", True), ("event.id", True)):
        for query in ("", "event.id:(a or c)"):
            sieve = Sieve(query=parse(query), buckets=10, by=by, ascending=ascending)
            buckets = sift(working, (), sieve, 0).buckets
            assert buckets.every == (2, *(0,) * 8, 1)
            assert buckets.passing == (1 if query else 2, *(0,) * 8, 1)


@given(st.data())
def test_a_place_is_a_line_and_a_line_has_a_place(data: st.DataObject) -> None:
    count = data.draw(st.integers(0, 30))
    cuts = sorted(data.draw(st.sets(st.integers(0, count), max_size=6)))
    pairs = [(a, b) for a, b in zip(cuts[::2], cuts[1::2], strict=False) if b - a >= 3]
    folds = Runs(*(np.array([pair[n] for pair in pairs], np.int32) for n in (0, 1)))
    opened = [n for n in range(len(pairs)) if data.draw(st.booleans())]
    inside = {at for start, stop in pairs for at in range(start + 1, stop)}
    gaps = sorted(data.draw(st.lists(st.integers(0, count).filter(lambda at: at not in inside), max_size=3)))
    laid = Laid(count, folds, opened, gaps)
    expected = []
    for at in range(count + 1):
        expected += [("gap", at)] * gaps.count(at)
        fold = next((n for n, (start, stop) in enumerate(pairs) if start <= at < stop), None)
        if fold is not None and at == pairs[fold][0]:
            expected.append(("fold", at))
        if at < count and (fold is None or fold in opened):
            expected.append(("event", at))
    lines = [laid.line(place) for place in range(len(laid))]
    assert [("gap" if ln.gap is not None else "fold" if ln.fold else "event", ln.first) for ln in lines] == expected
    for at in range(count):
        line = lines[laid.place(at)]
        assert line.gap is None
        assert line.first <= at < line.stop
    for place, line in enumerate(lines):
        assert laid.before(place) == line.first
        assert line.gap is None or laid.gap_place(line.gap) == place
    assert laid.before(len(lines)) == laid.below(len(lines) - 1) == count


@given(flags=st.lists(st.booleans(), min_size=1, max_size=30), step=st.sampled_from([1, -1]), data=st.data())
def test_the_next_flagged_row_is_the_nearest(flags: list[bool], step: int, data: st.DataObject) -> None:
    rows = np.arange(len(flags) - 1, -1, -1, dtype=np.int32)
    first = data.draw(st.integers(0, len(flags)))
    stop = data.draw(st.integers(first, len(flags)))
    hits = [place for place in range(first, stop) if flags[rows[place]]]
    nearest = (hits[0] if step > 0 else hits[-1]) if hits else None
    assert next_flagged(rows, np.array(flags), first, stop, step) == nearest


def test_a_row_far_away_is_found_beyond_the_first_look() -> None:
    rows = np.arange(20_000, dtype=np.int32)
    flags = np.zeros(20_000, np.bool_)
    flags[[3, 19_000]] = True
    assert next_flagged(rows, flags, 4, 20_000, 1) == 19_000
    assert next_flagged(rows, flags, 0, 19_000, -1) == 3
