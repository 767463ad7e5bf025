"""Spans in the units in which a store keeps time."""

from __future__ import annotations

import msgspec

from workstation.services.timeline.batch import Times


class Window(msgspec.Struct, frozen=True):
    """Ticks from `low` up to, not including, `high`."""

    low: int
    high: int


def are_within(ticks: list[int], window: Window) -> bool:
    """Return whether ticks are in order, the newest first, and all within a window."""
    return not ticks or (ticks[0] < window.high and ticks[-1] >= window.low and ticks == sorted(ticks, reverse=True))


def ticks_of(times: Times, per_s: int) -> Times:
    """Return times (microseconds) as ticks of which a second has `per_s`, a power of ten; what is finer is cut off."""
    return times // (1_000_000 // per_s) if per_s <= 1_000_000 else times * (per_s // 1_000_000)
