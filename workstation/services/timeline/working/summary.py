"""What a frame says in sum: how often each value, when how much, what is near, what differs."""

from __future__ import annotations

import msgspec
import numpy as np
import numpy.typing as npt

from workstation.services.errors import Invalid
from workstation.services.timeline.event import FIELDS
from workstation.services.timeline.working.frame import Check, Frame, Mask, Rows, Times, never
from workstation.services.timeline.working.laid_out import later, told_apart
from workstation.services.timeline.working.lookup import rows_where

_MINUTE_US = 60 * 1_000_000


class Facets(msgspec.Struct, frozen=True):
    """How often the values of a field occur.

    ``top`` are the most frequent ones with their counts, of equally frequent ones the first that came; ``others`` is
    how many more values there are and ``rest`` in how many events; ``absent`` is how many events have none.
    """

    field: str
    top: tuple[tuple[str, int], ...]
    others: int
    rest: int
    absent: int


class Seen(msgspec.Struct, frozen=True):
    """In how many events a value occurs, and the oldest and the newest of them by row number."""

    count: int
    first: int
    last: int


class Differing(msgspec.Struct, frozen=True):
    """A field in which two events differ, and both values."""

    field: str
    one: str
    other: str


def facets(frame: Frame, mask: Mask | None, field: str, top: int = 10, *, check: Check = never) -> Facets:
    """Return how often the values of a field occur among some events.

    Every event counts as having an ``event.id`` of its own, also where two sources use the same.

    Args:
        frame: the events.
        mask: which of them; None: all.
        field: an ECS name.
        top: how many values.
        check: asked between steps.

    Raises:
        KeyError: there is no such field.
    """
    codes, values = frame.codes(field), frame.values(field)
    chosen = codes if mask is None else codes[mask]
    check()
    counts = np.bincount(chosen, minlength=1)
    check()
    absent, counts[0] = int(counts[0]), 0
    some = np.flatnonzero(counts)
    ranked = some[_most(counts[some], top)]
    named = tuple((values[code], int(counts[code])) for code in ranked.tolist())
    rest = int(counts.sum()) - sum(count for _, count in named)
    return Facets(field, named, len(some) - len(named), rest, absent)


def _most(counts: npt.NDArray[np.int64], top: int) -> npt.NDArray[np.intp]:
    """Return the places of the largest counts, largest first, the first of equal ones before the others."""
    if 0 < top < len(counts):
        least = np.partition(counts, len(counts) - top)[len(counts) - top]
        above, equal = np.flatnonzero(counts > least), np.flatnonzero(counts == least)
        places = np.sort(np.concatenate((above, equal[: top - len(above)])))
    else:
        places = np.arange(len(counts))[: max(0, top)]
    order: npt.NDArray[np.intp] = places[np.argsort(-counts[places], kind="stable")]
    return order


def bucket_us(since_us: int, until_us: int, buckets: int) -> int:
    """Return how long a bucket of a histogram is, in microseconds: the last one may reach beyond the end."""
    return max(1, -(-(until_us - since_us) // buckets))


def histogram(
    frame: Frame, mask: Mask | None, since_us: int, until_us: int, buckets: int, *, check: Check = never
) -> npt.NDArray[np.int64]:
    """Return how many events fall into each of `buckets` equal spans (:func:`bucket_us`) of a half-open span.

    Args:
        frame: the events.
        mask: which of them; None: all.
        since_us: where the first bucket begins.
        until_us: what is not before this is not counted.
        buckets: how many, at least one.
        check: asked between steps.
    """
    times = frame.times() if mask is None else frame.times()[mask]
    check()
    times = times[(times >= since_us) & (times < until_us)]
    check()
    counts = np.bincount((times - since_us) // bucket_us(since_us, until_us, buckets), minlength=buckets)
    return counts.astype(np.int64)


def histogram_in_order(
    times: Times, rows: Rows, since_us: int, until_us: int, buckets: int
) -> npt.NDArray[np.int64] | None:
    """Return what :func:`histogram` does, of rows that are in the order of time; that takes no look at each.

    Args:
        times: of all rows.
        rows: those that are counted, newest first, none before the span or after it.
        since_us: where the first bucket begins.
        until_us: what is not before this is not counted.
        buckets: how many, at least one.

    Returns:
        one count a bucket; None where the span is so far away that an order of time does not tell.
    """
    width = bucket_us(since_us, until_us, buckets)
    if not told_apart(since_us, since_us + width * buckets):
        return None
    edges = since_us + width * np.arange(buckets + 1, dtype=np.int64)
    return -np.diff(later(times, rows, edges))


def around(frame: Frame, row: int, minutes: float) -> Mask:
    """Return which events are at most so many minutes away from an event, itself included. Raises IndexError."""
    times = frame.times()
    at, width = int(times[row]), round(minutes * _MINUTE_US)
    return (times >= at - width) & (times <= at + width)


def same(frame: Frame, field: str, row: int) -> Mask:
    """Return which events have the same value as an event, itself included.

    Raises:
        KeyError: there is no such field.
        Invalid: the event has no value there: that two are unknown does not make them the same.
    """
    codes = frame.codes(field)
    if not codes[row]:
        raise Invalid(f"This event has no {field}.", "Choose an event that has one.")
    found: Mask = codes == codes[row]
    return found


def seen(frame: Frame, field: str, value: str, mask: Mask | None = None) -> Seen | None:
    """Return where a value occurs, upper and lower case alike; None where it does not.

    Args:
        frame: the events.
        field: an ECS name.
        value: of that field.
        mask: among which events; None: all.

    Raises:
        KeyError: there is no such field.
    """
    found = rows_where(frame.codes(field), frame.values(field).equal(value))
    rows = np.flatnonzero(found if mask is None else found & mask)
    if not len(rows):
        return None
    times = frame.times()[rows]
    return Seen(len(rows), int(rows[times.argmin()]), int(rows[times.argmax()]))


def difference(frame: Frame, one: int, other: int) -> list[Differing]:
    """Return the fields in which two events differ, in the order of :data:`FIELDS`. Raises IndexError."""
    found = []
    for field in FIELDS:
        codes, values = frame.codes(field), frame.values(field)
        if codes[one] != codes[other]:
            found.append(Differing(field, values[int(codes[one])], values[int(codes[other])]))
    return found
