"""Newcomers at an account and what each of them did: the rows that belong to one pair of hands.

A newcomer is a device that the account never saw before; where logs name no devices, a network that it never saw; or a
session that goes on from elsewhere. What he does within a week is cut into bursts: a pause of a day ends one.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator

import msgspec
import numpy as np

from workstation.services.timeline.marks.kinds import Kind
from workstation.services.timeline.marks.lens import Lens, Numbers
from workstation.services.timeline.marks.past import DAY_US, HOUR_US, SELDOM_US
from workstation.services.timeline.working.frame import Mask

#: Events that say nothing of whence are the newcomer's, if nobody else came in between, for so long.
_FOLLOW_US = HOUR_US


class Strand(msgspec.Struct):
    """What one newcomer did in one go: the place at which he first came, and the places of his steps.

    ``by`` says how he is known to be new: ``device``, ``session`` or ``network``.
    """

    came: int
    steps: list[int]
    device: int
    address: int
    sessions: frozenset[int]
    by: str

    def mine(self, lens: Lens, places: Numbers) -> Mask:
        """Return which of these places are the newcomer's own."""
        mine = np.isin(lens.session[places], list(self.sessions))
        if self.by == "device":
            return np.asarray(mine | (lens.device[places] == self.device))
        return np.asarray(mine | ((lens.address[places] == self.address) & (self.address > 0)))


def strands(lens: Lens, kinds: Collection[Kind]) -> Iterator[Strand]:
    """Yield newcomers that took steps of these kinds, by the time of their first one."""
    steps = np.flatnonzero(lens.of(*kinds) & ~lens.failed & (lens.own | lens.of(Kind.PAID)))
    whence = _whence(lens, steps)
    hands: dict[tuple[str, int], Strand] = {}
    done: list[Strand] = []
    for step, place in zip(steps.tolist(), whence.tolist(), strict=True):
        by = _new_by(lens, place) if place >= 0 else ""
        if not by:
            continue
        key = (by, int(lens.device[place] if by == "device" else lens.address[place]))
        strand = hands.get(key)
        if strand is None or lens.times[step] - lens.times[strand.steps[-1]] > DAY_US:
            strand = hands[key] = _begun(lens, place, by)
            done.append(strand)
        strand.steps.append(step)
        strand.sessions |= {int(lens.session[step])} - {0}
    yield from done


def _whence(lens: Lens, steps: Numbers) -> Numbers:
    """Return the place that tells whence each step came: itself, its session's start, or who had just come in."""
    told = (lens.device[steps] > 0) | (lens.address[steps] > 0)
    told_by = np.fromiter((_teller(lens, step) for step in steps.tolist()), np.int64, len(steps))
    by_session = lens.came_in[steps]
    entries = np.flatnonzero(lens.entered & ((lens.device > 0) | (lens.address > 0)))
    before = np.searchsorted(entries, steps) - 1
    last = np.where(before >= 0, entries[np.maximum(before, 0)], -1) if len(entries) else np.full(len(steps), -1)
    close = (last >= 0) & (lens.times[steps] - lens.times[np.maximum(last, 0)] <= _FOLLOW_US)
    return np.where(told, told_by, np.where(by_session >= 0, by_session, np.where(close, last, -1)))


def _teller(lens: Lens, step: int) -> int:
    """Return the step, or who had just come to its address, where the step names fewer of session and device.

    Audit logs often name an address alone: the sign-in there within the hour before (after it, where somebody resets
    a password to come in) says by which device and session.
    """
    if not lens.address[step] or (lens.session[step] and lens.named_device[step]):
        return step
    at = int(lens.times[step])
    near = lens.within(lens.by_address.places(int(lens.address[step])), at - _FOLLOW_US, at + _FOLLOW_US)
    near = near[lens.present[near]]
    for field in (lens.session, lens.device):
        if field[step]:
            near = near[field[near] == field[step]]
    adds = [(field[near] > 0) & (not field[step]) for field in (lens.session, lens.device)]
    more = adds[0].astype(np.int64) + adds[1]
    best = near[more == more.max()] if more.any() else near[:0]
    before = best[best < step]
    return int(before[-1] if len(before) else best[0]) if len(best) else step


def _new_by(lens: Lens, place: int) -> str:
    """Return by what somebody is new at a place, ``""`` where he is not."""
    past = lens.past
    if lens.named_device[place] and past.device.new[place]:
        return "" if past.device.restless(place) else "device"
    if lens.moved[place] and past.address.new[place]:
        # A phone on the road has another address every hour; its device stays the one that came in.
        start = int(lens.came_in[place])
        other = lens.device[place] != lens.device[start]
        if (other and past.network.new[place]) or not past.address.restless(place):
            return "session"
        # Where the log names no devices, a network tells a phone's road from another pair of hands.
        if not lens.named_device[place] and past.network.new[place] and not past.network.restless(place):
            return "session"
    if not lens.named_device[place] and past.network.new[place] and not past.network.restless(place):
        return "network"
    return ""


def _begun(lens: Lens, place: int, by: str) -> Strand:
    device, address = int(lens.device[place]), int(lens.address[place])
    novelty, code = (lens.past.device, device) if by == "device" else (lens.past.address, address)
    first = int(novelty.first[code]) if code else place
    recent = 0 <= first <= place and lens.times[place] - lens.times[first] <= SELDOM_US
    return Strand(
        came=first if recent else place,
        steps=[],
        device=device,
        address=address,
        sessions=frozenset({int(lens.session[place])} - {0}),
        by=by,
    )
