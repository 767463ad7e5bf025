"""What of a timeline is shown: the events that pass a filter, gaps between them, and how they lie in time."""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Sequence

import msgspec

from workstation.services.timeline.event import Event
from workstation.services.timeline.filter import Filter
from workstation.services.timeline.source import Gap
from workstation.services.views import TimelineView


class Sifted(msgspec.Struct, frozen=True):
    """What is shown: rows newest first with their ids, how many events they are, and the histogram."""

    keys: list[str]
    rows: list[Event | Gap]
    events: int
    buckets: list[int]
    since_us: int
    until_us: int


def event_key(event: Event) -> str:
    """Return what names an event among those of all sources."""
    return f"{event.source}\x1f{event.id}"


def gap_key(gap: Gap) -> str:
    """Return what names a gap."""
    return f"gap\x1f{gap.source}\x1f{gap.since_us}"


def sift(view: TimelineView, passes: Filter, width: int) -> Sifted:
    """Return what `passes` leaves of `view`; gaps always stay, for nobody knows what they hide.

    Args:
        view: events newest first.
        passes: what is shown and hidden.
        width: buckets of the histogram.
    """
    events: Sequence[Event] = view.events
    if passes:
        events = [event for event in events if passes.matches(event)]
    keys = [event_key(event) for event in events]
    rows: list[Event | Gap] = list(events)
    order = [-event.time_us for event in events]
    for gap in sorted(view.gaps, key=lambda gap: gap.until_us):
        at = bisect_left(order, -gap.until_us)
        keys.insert(at, gap_key(gap))
        rows.insert(at, gap)
        order.insert(at, -gap.until_us)
    since = view.events[-1].time_us if view.events else 0
    until = view.events[0].time_us if view.events else 0
    return Sifted(keys, rows, len(events), histogram(events, since, until, width), since, until)


def histogram(events: Sequence[Event], since_us: int, until_us: int, width: int) -> list[int]:
    """Return how many events fall into each of `width` equal spans from `since_us` to `until_us`."""
    buckets = [0] * max(1, width)
    span = max(1, until_us - since_us)
    last = len(buckets) - 1
    for event in events:
        buckets[min(last, (event.time_us - since_us) * len(buckets) // span)] += 1
    return buckets
