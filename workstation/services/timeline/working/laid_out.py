"""Which events, folds and gaps stand at which place of a timeline, and where an instant lies in an order of time.

Of a timeline in which nothing is folded no place is written down: a million of them follow from a few gaps.
"""

from __future__ import annotations

import bisect
from collections.abc import Sequence
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt

from workstation.services.timeline.working.folding import Runs
from workstation.services.timeline.working.frame import Rows, Times

#: Instants further away from 1970 (before 1399, after 2540) are like each other here: the order of rows tells no
#: times apart that are further away still, and what is looked for must be in order.
_FURTHEST = 2**54


class Line(NamedTuple):
    """What stands at a place: the events ``first`` to before ``stop``, counted in their order.

    ``gap`` is the number of the gap that stands there instead, and ``fold`` says that it is the row of a fold.
    """

    first: int
    stop: int
    fold: bool = False
    gap: int | None = None


class Laid:
    """The places of some events, from 0 at the top.

    Args:
        count: how many events there are.
        folds: which of them are folded.
        opened: the numbers of the folds whose events are shown below them.
        gaps: for each gap, in order, the number of the event above which it stands.
    """

    def __init__(self, count: int, folds: Runs, opened: Sequence[int], gaps: Sequence[int]) -> None:
        self._count = count
        closed = np.ones(len(folds.starts), np.bool_)
        closed[list(opened)] = False
        self._starts, self._stops = folds.starts[closed], folds.stops[closed]
        #: The number of the event at the top of each place, without heads; None: each event is a place.
        self._tops = _tops(count, self._starts, self._stops) if len(self._starts) else None
        heads = [(at, Line(at, at, gap=number)) for number, at in enumerate(gaps)]
        heads += [(int(folds.starts[n]), Line(int(folds.starts[n]), int(folds.stops[n]), fold=True)) for n in opened]
        heads.sort(key=lambda head: (head[0], head[1].fold))
        # A gap and the head of an opened fold stand above the event with their number.
        self._above = [at for at, _ in heads]
        self._heads = [line for _, line in heads]
        self._places = [self._first_at(at) + n for n, at in enumerate(self._above)]

    def __len__(self) -> int:
        return (self._count if self._tops is None else len(self._tops)) + len(self._heads)

    def line(self, place: int) -> Line:
        """Return what stands at a place; which places there are is the caller's to know."""
        heads = bisect.bisect_left(self._places, place)
        if heads < len(self._places) and self._places[heads] == place:
            return self._heads[heads]
        at = place - heads
        if self._tops is None:
            return Line(at, at + 1)
        at = int(self._tops[at])
        fold = int(np.searchsorted(self._starts, at))
        if fold < len(self._starts) and self._starts[fold] == at:
            return Line(at, int(self._stops[fold]), fold=True)
        return Line(at, at + 1)

    def place(self, at: int) -> int:
        """Return where an event stands: in a closed fold, where that does."""
        line = at if self._tops is None else int(np.searchsorted(self._tops, at, side="right")) - 1
        return line + bisect.bisect_right(self._above, at)

    def below(self, place: int) -> int:
        """Return the number of the first event that stands below a place."""
        return self.line(place + 1).first if place + 1 < len(self) else self._count

    def before(self, place: int) -> int:
        """Return how many events stand above a place."""
        return self.line(place).first if place < len(self) else self._count

    def gap_place(self, gap: int) -> int:
        """Return where a gap stands. Raises StopIteration where there is no such gap."""
        return next(place for place, line in zip(self._places, self._heads, strict=True) if line.gap == gap)

    def _first_at(self, at: int) -> int:
        return at if self._tops is None else int(np.searchsorted(self._tops, at))


def _tops(count: int, starts: npt.NDArray[np.int32], stops: npt.NDArray[np.int32]) -> npt.NDArray[np.int32]:
    # +1 where a closed fold hides its second event, -1 past its last: the sum says what is hidden.
    change = np.zeros(count + 1, np.int8)
    change[starts + 1] += 1
    change[stops] -= 1
    return np.flatnonzero(np.cumsum(change[:count], dtype=np.int8) == 0).astype(np.int32)


def later(times: Times, rows: Rows, instants: npt.NDArray[np.int64]) -> npt.NDArray[np.int64]:
    """Return for each of some instants how many of `rows`, newest first, are not older.

    A few hundred instants among a million rows take about a third of a millisecond.
    """
    instants = np.clip(instants, -_FURTHEST, _FURTHEST)
    low, high = np.zeros(len(instants), np.int64), np.full(len(instants), len(rows), np.int64)
    while (open_ := np.flatnonzero(low < high)).size:
        middle = (low[open_] + high[open_]) // 2
        enough = np.clip(times[rows[middle]], -_FURTHEST, _FURTHEST) >= instants[open_]
        low[open_[enough]] = middle[enough] + 1
        high[open_[~enough]] = middle[~enough]
    return low


def told_apart(*instants: int) -> bool:
    """Return whether an order of time tells these instants apart from those around them."""
    return all(-_FURTHEST < instant < _FURTHEST for instant in instants)


def found(times: Times, rows: Rows, row: int) -> int | None:
    """Return where a row is among `rows`, newest first; None where it is not."""
    if not 0 <= row < len(times):
        return None
    instant = int(np.clip(times[row], -_FURTHEST, _FURTHEST))
    stop, first = later(times, rows, np.array([instant, instant + 1])).tolist()
    if instant == _FURTHEST:
        first = 0
    return next(iter((np.flatnonzero(rows[first:stop] == row) + first).tolist()), None)


def next_flagged(rows: Rows, flags: npt.NDArray[Any], first: int, stop: int, step: int) -> int | None:
    """Return the first (of step -1: the last) place from `first` to before `stop` whose row is flagged.

    It is mostly near, so a few rows are looked at, then ever more.
    """
    size = 1_024
    while first < stop:
        begin, end = (first, min(stop, first + size)) if step > 0 else (max(first, stop - size), stop)
        hits = np.flatnonzero(flags[rows[begin:end]])
        if len(hits):
            return begin + int(hits[0 if step > 0 else -1])
        first, stop, size = (end, stop, size * 4) if step > 0 else (first, begin, size * 4)
    return None
