"""Sigma correlations as windows that slide over the events of a group, which end with each of them in turn.

Every function takes the times of one group's events, oldest first, and returns for each event where the window begins
that ends with it and fulfils the condition; -1 where there is none. A window is as long as the time span, both ends
included.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable

import numpy as np
import numpy.typing as npt

from workstation.services.timeline.working.frame import Check, Times

Indices = npt.NDArray[np.int64]
#: Of a number of events, values or rules: is it enough?
Enough = Callable[[npt.NDArray[np.int64]], npt.NDArray[np.bool_]]
#: Steps of a loop between two questions whether anybody still wants the answer.
_STEPS = 1 << 15
_NEVER = np.iinfo(np.int64).min


def counted(times: Times, span_us: int, enough: Enough) -> Indices:
    """Windows in which there are enough events."""
    first = np.searchsorted(times, times - span_us, "left").astype(np.int64)
    found = enough(np.arange(1, len(times) + 1) - first)
    return np.where(found, first, -1)


def valued(times: Times, values: Indices, span_us: int, enough: Enough, check: Check) -> Indices:
    """Windows in which a field has enough different values."""
    first = np.searchsorted(times, times - span_us, "left").tolist()
    inside: Counter[int] = Counter()
    different = np.zeros(len(times), np.int64)
    begin = 0
    for place, value in enumerate(values.tolist()):
        if place % _STEPS == 0:
            check()
        inside[value] += 1
        while begin < first[place]:
            old = int(values[begin])
            inside[old] -= 1
            if not inside[old]:
                del inside[old]
            begin += 1
        different[place] = len(inside)
    return np.where(enough(different), np.asarray(first, np.int64), -1)


def together(times: Times, rules: Indices, count: int, span_us: int, enough: Enough) -> Indices:
    """Windows in which events of enough of `count` rules are; `rules` says of which rule each event is."""
    last = np.stack([np.maximum.accumulate(np.where(rules == rule, times, _NEVER)) for rule in range(count)])
    inside = last >= times - span_us
    found = enough(inside.sum(axis=0))
    begin = np.where(inside, last, np.iinfo(np.int64).max).min(axis=0)
    return np.where(found, np.searchsorted(times, begin, "left"), -1)


def in_order(times: Times, rules: Indices, count: int, span_us: int) -> Indices:
    """Windows in which there is an event of each rule, one after another in the order of the rules.

    Events of one instant may stand in any order.
    """
    # The latest moment at which a chain began that has come as far as this rule.
    began = np.where(rules == 0, times, _NEVER)
    for rule in range(1, count):
        so_far = np.maximum.accumulate(began)
        # Of one instant the last one knows most.
        so_far = so_far[np.searchsorted(times, times, "right") - 1]
        began = np.where(rules == rule, so_far, _NEVER)
    found = (began != _NEVER) & (began >= times - span_us)
    return np.where(found, np.searchsorted(times, began, "left"), -1)


def merged(first: Indices) -> list[tuple[int, int]]:
    """Return windows as first and last event; windows that share an event are one."""
    ends = np.flatnonzero(first >= 0)
    out: list[tuple[int, int]] = []
    for end in ends.tolist():
        begin = int(first[end])
        if out and begin <= out[-1][1]:
            out[-1] = (min(begin, out[-1][0]), end)
        else:
            out.append((begin, end))
    return out
