"""Folding: events that belong together and follow each other become one row, so that a long session costs one line."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import msgspec
import numpy as np
import numpy.typing as npt

from workstation.services.timeline.source import Gap
from workstation.services.timeline.working.frame import Check, Frame, Mask, Rows

#: Fewer events than this are no gain as a fold.
LEAST = 3
#: Events without a session belong together when no more than this lies between each and the next, microseconds.
BURST_US = 60 * 1_000_000
#: What is the same in all events of a burst.
ALIKE = ("event.action", "source.ip", "event.outcome")

Places = npt.NDArray[np.intp]


class Runs(msgspec.Struct, frozen=True):
    """Events that are folded: where each fold starts among the rows shown, and where it stops (not included)."""

    starts: npt.NDArray[np.int32]
    stops: npt.NDArray[np.int32]


def runs(frame: Frame, rows: npt.NDArray[np.intp], apart: Mask, barriers: Sequence[int], check: Check) -> Runs:
    """Return the folds of `rows`.

    Events of one session fold, and so do bursts: events without a session, of the same action, address and outcome,
    close in time. What has no action or no address is like nothing else.

    Args:
        frame: the events.
        rows: those that are shown, in the order of time, either way.
        apart: which of the rows stay by themselves.
        barriers: places in `rows` before which a fold ends.
        check: asked between steps.
    """
    if len(rows) < LEAST:
        return Runs(np.empty(0, np.int32), np.empty(0, np.int32))
    sessions = frame.codes("session.id")[rows]
    check()
    linked = sessions[1:] == sessions[:-1]
    without = linked & (sessions[1:] == 0)
    if without.any():
        alone = np.flatnonzero(without)
        linked[alone] = False
        linked[_bursts(frame, rows, alone, check)] = True
    linked &= ~(apart[1:] | apart[:-1])
    linked[[place - 1 for place in barriers if 0 < place < len(rows)]] = False
    check()
    edges = np.flatnonzero(np.diff(linked.view(np.int8), prepend=0, append=0)).astype(np.int32)
    # A run of n links is n + 1 events: from where the first link starts to past where the last one ends.
    starts, stops = edges[::2], edges[1::2] + 1
    long = stops - starts >= LEAST
    return Runs(starts[long], stops[long])


def _bursts(frame: Frame, rows: npt.NDArray[np.intp], places: Places, check: Check) -> Places:
    """Return after which of `places` the next event goes on with a burst."""
    times = frame.times()
    places = places[np.abs(times[rows[places]] - times[rows[places + 1]]) <= BURST_US]
    for field in ALIKE:
        check()
        codes: npt.NDArray[Any] = frame.codes(field)
        here = codes[rows[places]]
        alike = (here == codes[rows[places + 1]]) & (here != 0)
        places = places[alike]
    return places


def gap_places(gaps: Sequence[Gap], times: npt.NDArray[np.int64], rows: Rows) -> list[int]:
    """Return for each gap the number of rows above it, of rows newest first: those not older than its end."""
    places = []
    for gap in gaps:
        low, high = 0, len(rows)
        while low < high:
            middle = (low + high) // 2
            if times[rows[middle]] >= gap.until_us:
                low = middle + 1
            else:
                high = middle
        places.append(low)
    return places
