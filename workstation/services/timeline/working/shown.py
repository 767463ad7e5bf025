"""What a screen shows of a frame: events, folds and gaps as rows, asked for a window at a time.

A row is named by a key that stays: an event by its row number, a fold by the event of it that came first, a gap by its
source and its start. So a cursor stays where it is while rows come in above, below and between.
"""

from __future__ import annotations

import bisect
from collections import OrderedDict
from collections.abc import Sequence

import numpy as np
import numpy.typing as npt

from workstation.services.timeline.source import Gap
from workstation.services.timeline.working.columns import Snapshot, WorkingSet
from workstation.services.timeline.working.folding import Runs, gap_places, runs
from workstation.services.timeline.working.frame import Check, Mask, Rows, never
from workstation.services.timeline.working.laid_out import Laid, found, next_flagged
from workstation.services.timeline.working.rows import EventRow, FoldRow, GapRow, Key, Row

#: Sorts by time; any other name is a field's.
TIME = "@timestamp"
_FOLD, _GAP = "fold:", "gap:"
#: Rows that are made once: a few screenfuls.
_KEPT = 512


def gap_key(gap: Gap) -> str:
    """Return what names a gap's row. Its end moves while events come in, its start does not."""
    return f"{_GAP}{gap.source}\x1f{gap.since_us}"


class Shown:
    """Rows of a timeline. It never changes; :func:`show` makes a new one. Any thread may ask.

    Args:
        frame: of which it shows something.
        rows: the events that are shown, folded ones included, in order.
        folds: which of them are folded.
        opened: the numbers of the folds that are opened.
        gaps: where each gap stands, and the gap.
        newest_first: whether the order is that of time: True newest first, False oldest first, None another one.
    """

    def __init__(
        self,
        frame: Snapshot,
        rows: Rows,
        folds: Runs,
        opened: list[int],
        gaps: list[tuple[int, Gap]],
        newest_first: bool | None = True,
    ) -> None:
        #: The frame of which it shows something.
        self.frame = frame
        #: The events shown, folded ones included, in order.
        self.rows: Rows = rows
        self._newest_first = newest_first
        self._gaps = [gap for _, gap in gaps]
        self._made: OrderedDict[int, Row] = OrderedDict()
        #: Where the opened folds start and stop, in order.
        self._opened = [(int(folds.starts[number]), int(folds.stops[number])) for number in opened]
        self._laid = Laid(len(rows), folds, opened, [place for place, _ in gaps])

    def __len__(self) -> int:
        return len(self._laid)

    @property
    def events(self) -> int:
        """How many events it shows, those in folds included."""
        return len(self.rows)

    @property
    def newest_first(self) -> Rows | None:
        """The events shown, newest first; None where they are not in the order of time."""
        if self._newest_first is None:
            return None
        return self.rows if self._newest_first else self.rows[::-1]

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
        line = self._laid.line(place)
        return self.rows[line.first : line.stop]

    def key_at(self, place: int) -> Key:
        """Return what names the row at a place. Raises IndexError."""
        return self.row_at(place).key

    def place_of(self, key: Key) -> int | None:
        """Return where a row is now; None where it is not shown.

        An event in a closed fold is at the fold's place, and a fold that came apart at the place of its first event.
        """
        if isinstance(key, str) and key.startswith(_GAP):
            named = (number for number, gap in enumerate(self._gaps) if gap_key(gap) == key)
            number = next(named, None)
            return None if number is None else self._laid.gap_place(number)
        at = self._at(key if isinstance(key, int) else _first_of(key))
        if at is None:
            return None
        inside = self._inside(at)
        if isinstance(key, str) and inside is not None:
            return self._laid.place(inside[0]) - 1
        return self._laid.place(at)

    def _at(self, row: int) -> int | None:
        """Return where among the events shown one is."""
        ordered = self.newest_first
        if ordered is None:
            return next(iter(np.flatnonzero(self.rows == row).tolist()), None)
        at = found(self.frame.times(), ordered, row)
        return at if at is None or self._newest_first else len(self.rows) - 1 - at

    def place_at(self, time_us: int) -> int:
        """Return the place of the first event at or below which all are older than `time_us`, newest first; the last
        place where none is. Of rows sorted otherwise than by time, newest first, it means nothing."""
        times = self.frame.times()
        at = bisect.bisect_left(range(len(self.rows)), True, key=lambda n: bool(times[self.rows[n]] <= time_us))
        return self._laid.place(min(at, len(self.rows) - 1)) if len(self.rows) else 0

    def next_of(self, rows: Rows | Sequence[int], place: int, step: int) -> int | None:
        """Return the next place that shows one of some events; None where there is none.

        Args:
            rows: numbers of events, such as those of marks or pins.
            place: where to look from; it does not count itself. -1 and ``len`` are before and after all.
            step: 1 for downwards, -1 for upwards.
        """
        flags = np.zeros(len(self.frame), np.bool_)
        numbers = np.asarray(rows, np.int64)
        flags[numbers[(numbers >= 0) & (numbers < len(flags))]] = True
        first, stop = (self._laid.below(place), len(self.rows)) if step > 0 else (0, self._laid.before(place))
        at = next_flagged(self.rows, flags, first, stop, step)
        return None if at is None else self._laid.place(at)

    def _inside(self, at: int) -> tuple[int, int] | None:
        """Return the opened fold that an event is in."""
        number = bisect.bisect_right(self._opened, (at, len(self.rows) + 1)) - 1
        return self._opened[number] if number >= 0 and at < self._opened[number][1] else None

    def _make(self, place: int) -> Row:
        line = self._laid.line(place)
        if line.gap is not None:
            gap = self._gaps[line.gap]
            return GapRow(gap_key(gap), gap)
        if line.fold:
            return self._fold(line.first, line.stop)
        inside = self._inside(line.first)
        row = int(self.rows[line.first])
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
    placed = sorted(gaps, key=lambda gap: (-gap.until_us, gap.source, gap.since_us))
    unfolded = Runs(*[np.empty(0, np.int32)] * 2)
    if by != TIME:
        order = order[_sorted(frame, order.astype(np.intp), by, ascending)]
        return Shown(frame, order, unfolded, [], [(0, gap) for gap in placed], None)
    where = gap_places(placed, frame.times(), order)
    if ascending:
        order, where, placed = order[::-1], [len(order) - place for place in reversed(where)], placed[::-1]
    folds, shown = unfolded, list[int]()
    if fold:
        lone = np.zeros(len(frame), np.bool_)
        numbers = np.asarray(apart, np.int64)
        lone[numbers[(numbers >= 0) & (numbers < len(lone))]] = True
        rows = order.astype(np.intp)
        folds = runs(frame, rows, lone[rows], where, check)
        shown = _opened(rows, folds, opened, len(frame))
    check()
    return Shown(frame, order, folds, shown, list(zip(where, placed, strict=True)), not ascending)


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
