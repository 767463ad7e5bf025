"""What of a timeline is shown: the events that a query keeps, folded, gaps between them, and how they lie in time."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import msgspec
import numpy as np
import numpy.typing as npt

from workstation.services.timeline.query.ast import Query, leaves
from workstation.services.timeline.query.evaluate import Said, mask
from workstation.services.timeline.query.fields import Kind, kind_of
from workstation.services.timeline.source import Gap
from workstation.services.timeline.working.columns import Snapshot, WorkingSet
from workstation.services.timeline.working.frame import Check, Mask, Rows, never
from workstation.services.timeline.working.lookup import rows_where
from workstation.services.timeline.working.rows import Buckets
from workstation.services.timeline.working.shown import Shown, show
from workstation.services.timeline.working.summary import bucket_us, histogram, histogram_in_order
from workstation.services.views import Label

#: The fields that a label's kind speaks of: a network is an AS, else an address.
LABELLED: dict[str, tuple[str, ...]] = {
    "device": ("device.id",),
    "network": ("source.as.number", "source.ip"),
    "session": ("session.id",),
}


class Sieve(msgspec.Struct, frozen=True, kw_only=True):
    """What is asked for.

    ``pins`` are events kept as evidence (source and id), ``marks`` rule → marked rows: both stay rows of their own.
    ``opened`` are the folds whose events are shown. ``by`` is what it is sorted by. ``buckets`` is the width of the
    histogram.
    """

    query: Query = Query()
    fold: bool = False
    opened: frozenset[str] = frozenset()
    pins: tuple[tuple[str, str], ...] = ()
    marks: Mapping[str, tuple[int, ...]] = msgspec.field(default_factory=dict)
    labels: tuple[Label, ...] = ()
    ascending: bool = False
    by: str = "@timestamp"
    buckets: int = 60


class Sifted(msgspec.Struct, frozen=True):
    """Rows, which events they are of (None: all), the rows of the pins, and the histogram over the time of all."""

    shown: Shown
    mask: Mask | None
    pins: tuple[int, ...]
    total: int
    buckets: Buckets


def sift(working: WorkingSet, gaps: Sequence[Gap], sieve: Sieve, now_us: int, check: Check = never) -> Sifted:
    """Return what a sieve leaves of a working set; gaps always stay, for nobody knows what they hide.

    Args:
        working: the events.
        gaps: in any order.
        sieve: what is asked for.
        now_us: what ``now`` means in the query, microseconds since the epoch.
        check: asked between steps.

    Raises:
        Invalid: the query cannot be asked.
        Cancelled: by `check`.
    """
    frame = working.snapshot()
    pins = tuple(row for row in (frame.find(*pin) for pin in sieve.pins) if row is not None)
    kept = mask(sieve.query, frame, now_us, check, said(frame, sieve, pins)) if sieve.query else None
    check()
    shown = show(
        frame,
        kept,
        gaps=gaps,
        fold=sieve.fold,
        opened=sieve.opened,
        apart=[*pins, *(row for rows in sieve.marks.values() for row in rows)],
        ascending=sieve.ascending,
        by=sieve.by,
        check=check,
    )
    marked = [row for rows in sieve.marks.values() for row in rows]
    buckets = _buckets(frame, kept, shown.newest_first, marked, max(1, sieve.buckets), check)
    return Sifted(shown, kept, pins, len(frame.order()), buckets)


def _buckets(
    frame: Snapshot, kept: Mask | None, rows: Rows | None, marked: Sequence[int], count: int, check: Check
) -> Buckets:
    order, times = frame.order(), frame.times()
    if not len(order):
        return Buckets()
    since, until = int(times[order[-1]]), int(times[order[0]]) + 1
    every = _counted(frame, None, order, since, until, count, check)
    passing = every if kept is None else _counted(frame, kept, rows, since, until, count, check)
    width = bucket_us(since, until, count)
    signs = np.unique(np.array([row for row in marked if row < len(frame)], np.int64))
    signs = signs if kept is None else signs[kept[signs]]
    marks = np.bincount((times[signs] - since) // width, minlength=count)
    return Buckets(tuple(passing.tolist()), tuple(every.tolist()), tuple(marks.tolist()), since, until, width)


def _counted(
    frame: Snapshot, kept: Mask | None, rows: Rows | None, since: int, until: int, count: int, check: Check
) -> npt.NDArray[np.int64]:
    """Count rows by when they were; by looking at each only where they are not in the order of time."""
    counts = histogram_in_order(frame.times(), rows, since, until, count) if rows is not None else None
    return histogram(frame, kept, since, until, count, check=check) if counts is None else counts


def said(frame: Snapshot, sieve: Sieve, pins: Sequence[int]) -> Said:
    """Return what was said of rows, as far as the query asks for it."""
    fields = {getattr(leaf, "field", "") for leaf in leaves(sieve.query.root)}
    if not any(kind_of(field) is Kind.SAID for field in fields):
        return {}
    return {
        "pinned": {"true": np.array(pins, np.int32)},
        "mark": {rule: np.array(rows, np.int32) for rule, rows in sieve.marks.items()},
        "label": labelled(frame, sieve.labels),
    }


def labelled(frame: Snapshot, labels: Sequence[Label]) -> dict[str, Mask]:
    """Return which rows each verdict of the labels is about: ``owner``, ``intruder``, ``unknown``."""
    found: dict[str, Mask] = {}
    for label in labels:
        rows = np.zeros(len(frame), np.bool_)
        for field in LABELLED.get(label.kind, ()):
            rows |= rows_where(frame.codes(field), frame.values(field).equal(label.value))
        found[label.verdict] = found[label.verdict] | rows if label.verdict in found else rows
    return found
