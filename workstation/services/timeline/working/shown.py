"""What a screen shows of a frame: events, folds and gaps as rows, asked for a window at a time.

A row is named by a key that stays: an event by its row number, a fold by the event of it that came first, a gap by its
source and its start. So a cursor stays where it is while rows come in above, below and between.
"""

from __future__ import annotations

import bisect
from collections import OrderedDict
from collections.abc import Sequence
from typing import Any

import numpy as np
import numpy.typing as npt

from workstation.services.timeline.source import Gap
from workstation.services.timeline.working.columns import Snapshot, WorkingSet
from workstation.services.timeline.working.folding import Runs, gap_places, runs
from workstation.services.timeline.working.frame import Check, Mask, Rows, never
from workstation.services.timeline.working.rows import EventRow, FoldRow, GapRow, Key, Row

#: Sorts by time; any other name is a field's.
TIME = "@timestamp"
_FOLD, _GAP = "fold:", "gap:"
_EVENT_KIND, _FOLD_KIND, _GAP_KIND = 0, 1, 2
#: Rows that are made once: a few screenfuls.
_KEPT = 512


def gap_key(gap: Gap) -> str:
    """Return what names a gap's row. Its end moves while events come in, its start does not."""
    return f"{_GAP}{gap.source}\x1f{gap.since_us}"


class Shown:
    """Rows of a timeline. It never changes; :func:`show` makes a new one. Any thread may ask."""

    def __init__(
        self, frame: Snapshot, rows: npt.NDArray[np.intp], folds: Runs, opened: list[int], gaps: list[tuple[int, Gap]]
    ) -> None:
        #: The frame of which it shows something.
        self.frame = frame
        #: The events shown, folded ones included, in order.
        self.rows: Rows = rows.astype(np.int32)
        self._folds = folds
        self._inverse: npt.NDArray[np.int32] | None = None
        self._gaps = [gap for _, gap in gaps]
        self._made: OrderedDict[int, Row] = OrderedDict()
        #: Where the opened folds start and stop, in order.
        self._opened = [(int(folds.starts[number]), int(folds.stops[number])) for number in opened]
        self._at, self._kinds = _laid_out(len(rows), folds, opened, [place for place, _ in gaps])

    def __len__(self) -> int:
        return len(self._at)

    @property
    def events(self) -> int:
        """How many events it shows, those in folds included."""
        return len(self.rows)

    def row_at(self, place: int) -> Row:
        """Return the row at a place, from 0 at the top. Raises IndexError."""
        if not 0 <= place < len(self):
            raise IndexError(place)
        row = self._made.pop(place, None) or self._make(place)
        self._made[place] = row
        while len(self._made) > _KEPT:
            self._made.popitem(last=False)
        return row

    def rows_of(self, place: int) -> Rows:
        """Return the numbers of the events that a place stands for: one, those of a fold, or none of a gap."""
        kind, at = self._kinds[place], int(self._at[place])
        if kind == _GAP_KIND:
            return self.rows[:0]
        return self.rows[at : self._stop(at) if kind == _FOLD_KIND else at + 1]

    def key_at(self, place: int) -> Key:
        """Return what names the row at a place. Raises IndexError."""
        return self.row_at(place).key

    def place_of(self, key: Key) -> int | None:
        """Return where a row is now; None where it is not shown.

        An event in a closed fold is at the fold's place, and a fold that came apart at the place of its first event.
        """
        if isinstance(key, str) and key.startswith(_GAP):
            places = np.flatnonzero(self._kinds == _GAP_KIND).tolist()
            named = (place for place, gap in zip(places, self._gaps, strict=True) if gap_key(gap) == key)
            return next(named, None)
        row = key if isinstance(key, int) else _first_of(key)
        found = np.flatnonzero(self.rows == row)
        if not len(found):
            return None
        at = int(found[0])
        inside = self._inside(at)
        if isinstance(key, str) and inside is not None:
            return int(np.searchsorted(self._at, inside[0], side="right")) - 2
        return self._place(at)

    def place_at(self, time_us: int) -> int:
        """Return the place of the first event at or below which all are older than `time_us`, newest first; the last
        place where none is. Of rows sorted otherwise than by time, newest first, it means nothing."""
        times = self.frame.times()
        at = bisect.bisect_left(range(len(self.rows)), True, key=lambda n: bool(times[self.rows[n]] <= time_us))
        return self._place(min(at, len(self.rows) - 1)) if len(self.rows) else 0

    def next_of(self, rows: Rows | Sequence[int], place: int, step: int) -> int | None:
        """Return the next place that shows one of some events; None where there is none.

        Args:
            rows: numbers of events, such as those of marks or pins.
            place: where to look from; it does not count itself. -1 and ``len`` are before and after all.
            step: 1 for downwards, -1 for upwards.
        """
        numbers = np.asarray(rows, np.int64)
        ats = self._ats()[numbers[(numbers >= 0) & (numbers < len(self.frame))]]
        places = np.sort(self._places(ats[ats >= 0]))
        beyond = places[places > place] if step > 0 else places[places < place]
        return int(beyond[0 if step > 0 else -1]) if len(beyond) else None

    def _ats(self) -> npt.NDArray[np.int32]:
        """Return where in the order each row of the frame is, -1 where it is not shown; found once."""
        if self._inverse is None:
            inverse = np.full(len(self.frame), -1, np.int32)
            inverse[self.rows] = np.arange(len(self.rows), dtype=np.int32)
            self._inverse = inverse
        return self._inverse

    def _place(self, at: int) -> int:
        return int(self._places(np.array([at]))[0])

    def _places(self, ats: npt.NDArray[Any]) -> npt.NDArray[np.intp]:
        # A gap and the head of an opened fold stand above the event with the same number.
        return np.searchsorted(self._at, ats, side="right") - 1

    def _stop(self, at: int) -> int:
        return int(self._folds.stops[np.searchsorted(self._folds.starts, at)])

    def _inside(self, at: int) -> tuple[int, int] | None:
        """Return the opened fold that an event is in."""
        number = bisect.bisect_right(self._opened, (at, len(self.rows) + 1)) - 1
        return self._opened[number] if number >= 0 and at < self._opened[number][1] else None

    def _make(self, place: int) -> Row:
        kind, at = self._kinds[place], int(self._at[place])
        if kind == _GAP_KIND:
            gap = self._gaps[int(np.count_nonzero(self._kinds[:place] == _GAP_KIND))]
            return GapRow(gap_key(gap), gap)
        if kind == _FOLD_KIND:
            return self._fold(at, self._stop(at))
        inside = self._inside(at)
        row = int(self.rows[at])
        return EventRow(row, self.frame.peek(row), self._key(*inside) if inside else "")

    def _key(self, start: int, stop: int) -> str:
        return f"{_FOLD}{int(self.rows[start:stop].min())}"

    def _fold(self, start: int, stop: int) -> FoldRow:
        rows, frame = self.rows[start:stop], self.frame
        ends = [frame.peek(int(rows[0])), frame.peek(int(rows[-1]))]
        first, last = ends if frame.times()[rows[0]] < frame.times()[rows[-1]] else ends[::-1]
        counts = np.bincount(frame.codes("event.action")[rows])
        actions = sorted(np.flatnonzero(counts).tolist(), key=lambda code: -int(counts[code]))
        named = tuple((frame.values("event.action")[code], int(counts[code])) for code in actions)
        opened = self._inside(start) is not None
        return FoldRow(self._key(start, stop), first.session, stop - start, first, last, named, opened)


def show(
    frame: Snapshot | WorkingSet,
    mask: Mask | None = None,
    *,
    gaps: Sequence[Gap] = (),
    fold: bool = True,
    opened: frozenset[str] = frozenset(),
    apart: Rows | Sequence[int] = (),
    ascending: bool = False,
    by: str = TIME,
    check: Check = never,
) -> Shown:
    """Return the rows of a timeline; a million events take less than 100 ms.

    A gap stands between the events that are not older than its end and those that are, and ends a fold there. Sorted
    by a field, nothing is folded and the gaps stand at the top: they have no place among values.

    Args:
        frame: the events.
        mask: which of them; None: all. It may be about fewer rows than there are: those that came later are left out.
        gaps: in any order.
        fold: fold what belongs together.
        opened: keys of folds whose events are shown below them.
        apart: numbers of events that stay rows of their own (pins, marks).
        ascending: the oldest first; by a field, from A.
        by: :data:`TIME`, or the field that it is sorted by: absent values last, of equal ones the newest first.
        check: asked between steps.

    Raises:
        KeyError: there is no such field.
        Cancelled: by `check`.
    """
    frame = frame.snapshot() if isinstance(frame, WorkingSet) else frame
    order = frame.order()
    if mask is not None:
        order = order[mask[order]] if len(mask) == len(frame) else order[order < len(mask)]
        order = order[mask[order]] if len(mask) != len(frame) else order
    check()
    rows = order.astype(np.intp)
    placed = sorted(gaps, key=lambda gap: (-gap.until_us, gap.source, gap.since_us))
    if by != TIME:
        rows = rows[_sorted(frame, rows, by, ascending)]
        return Shown(frame, rows, Runs(*[np.empty(0, np.int32)] * 2), [], [(0, gap) for gap in placed])
    where = gap_places(placed, frame.times(), rows)
    if ascending:
        rows, where, placed = rows[::-1], [len(rows) - place for place in reversed(where)], placed[::-1]
    folds = Runs(np.empty(0, np.int32), np.empty(0, np.int32))
    if fold:
        lone = np.zeros(len(frame), np.bool_)
        numbers = np.asarray(apart, np.int64)
        lone[numbers[(numbers >= 0) & (numbers < len(lone))]] = True
        folds = runs(frame, rows, lone[rows], where, check)
    shown = _opened(rows, folds, opened, len(frame))
    check()
    return Shown(frame, rows, folds, shown, list(zip(where, placed, strict=True)))


def _first_of(key: str) -> int:
    """Return the event that names a fold; -1 for what is no name of one."""
    digits = key.removeprefix(_FOLD)
    return int(digits) if digits.isascii() and digits.isdigit() else -1


def _opened(rows: npt.NDArray[np.intp], folds: Runs, keys: frozenset[str], count: int) -> list[int]:
    """Return which folds have one of `keys`, by their number."""
    named = [row for row in map(_first_of, keys) if 0 <= row < count]
    if not named or not len(folds.starts):
        return []
    wanted = np.zeros(count, np.bool_)
    wanted[named] = True
    found = []
    for at in np.flatnonzero(wanted[rows]).tolist():
        number = int(np.searchsorted(folds.starts, at, side="right")) - 1
        start, stop = int(folds.starts[number]), int(folds.stops[number])
        if number >= 0 and at < stop and int(rows[start:stop].min()) == int(rows[at]):
            found.append(number)
    return found


def _sorted(frame: Snapshot, rows: npt.NDArray[np.intp], field: str, ascending: bool) -> npt.NDArray[np.intp]:
    codes, values = frame.codes(field)[rows], frame.values(field)
    used = np.unique(codes)
    ranked = sorted(used[used > 0].tolist(), key=lambda code: (values[code].casefold(), values[code]))
    ranks = np.full(int(used[-1]) + 1 if len(used) else 1, len(ranked), np.int64)
    ranks[ranked] = np.arange(len(ranked)) if ascending else np.arange(len(ranked))[::-1]
    return np.argsort(ranks[codes], kind="stable")


def _laid_out(
    count: int, folds: Runs, opened: list[int], gaps: list[int]
) -> tuple[npt.NDArray[np.int32], npt.NDArray[np.int8]]:
    """Return for each place the number of the event at its top, among those shown, and its kind."""
    closed = np.ones(len(folds.starts), np.bool_)
    closed[opened] = False
    # +1 where a closed fold hides its second event, -1 past its last: the sum says what is hidden.
    change = np.zeros(count + 1, np.int8)
    change[folds.starts[closed] + 1] += 1
    change[folds.stops[closed]] -= 1
    at = np.flatnonzero(np.cumsum(change[:count], dtype=np.int8) == 0).astype(np.int32)
    kinds = np.zeros(len(at), np.int8)
    kinds[np.searchsorted(at, folds.starts[closed])] = _FOLD_KIND
    heads = [(place, _GAP_KIND) for place in gaps] + [(int(folds.starts[n]), _FOLD_KIND) for n in opened]
    heads.sort(key=lambda head: (head[0], head[1] != _GAP_KIND))
    before = np.searchsorted(at, [place for place, _ in heads])
    at = np.insert(at, before, [place for place, _ in heads])
    return at, np.insert(kinds, before, [kind for _, kind in heads])
