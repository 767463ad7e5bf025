"""A session used from two networks, or with two devices: what a copied cookie or token looks like.

Phones change between home and mobile network all day, so a change of network counts only where it goes to a network
that the account never saw before, or back and forth faster than anybody changes. A change of device within a session is
no roaming at all: a session belongs to the device that it was given to.
"""

from __future__ import annotations

import numpy as np

from workstation.services.timeline.marks.coded.telling import finding, origin
from workstation.services.timeline.marks.kinds import Kind
from workstation.services.timeline.marks.lens import Lens, Numbers
from workstation.services.timeline.marks.model import About, Fact, Finding, lasting, told
from workstation.services.timeline.marks.past import HOUR_US
from workstation.services.timeline.working.frame import Check

#: Changes between networks of one session within an hour from which on it is in two places.
FORTH_AND_BACK = 4
_LEAST = 3

ABOUT = About(
    id="session_in_two_places",
    title="Session used from two networks or devices",
    severity="high",
    kind="coded",
    innocent="A phone that went from one network to another, an anonymiser switched on within the session, or a browser"
    " that was given another device id by an update.",
    technique="T1539, T1550.004",
    where="coded/sessions.py",
)


class SessionInTwoPlaces:
    """The detector."""

    about = ABOUT

    def find(self, lens: Lens, now_us: int, check: Check) -> list[Finding]:
        """Return what it finds; see Rule."""
        places = np.flatnonzero((lens.session > 0) & lens.own & ~lens.failed & (lens.network > 0))
        places = places[np.argsort(lens.session[places], kind="stable")]
        check()
        same = lens.session[places[1:]] == lens.session[places[:-1]]
        network, device = lens.network[places], _named(lens)[places]
        other_network = same & (network[1:] != network[:-1])
        other_device = same & (device[1:] != device[:-1]) & (device[1:] > 0) & (device[:-1] > 0)
        jumps = np.flatnonzero(other_network | other_device)
        by_session: dict[int, list[int]] = {}
        for jump in jumps.tolist():
            by_session.setdefault(int(lens.session[places[jump]]), []).append(jump)
        found = [self._found(lens, places, some) for some in by_session.values()]
        return [one for one in found if one is not None]

    @staticmethod
    def _found(lens: Lens, places: Numbers, jumps: list[int]) -> Finding | None:
        past, device = lens.past, _named(lens)
        pairs = [(int(places[jump]), int(places[jump + 1])) for jump in jumps]
        swapped = [pair for pair in pairs if device[pair[0]] and device[pair[1]] and device[pair[0]] != device[pair[1]]]
        strange = [pair for pair in pairs if past.network.new[pair[1]] and not past.network.restless(pair[1])]
        quick = _quickest(lens, [there for _, there in pairs])
        facts = [Fact(f"{len(pairs)} change{'s' if len(pairs) > 1 else ''} of network or device in the session")]
        if swapped:
            facts.append(Fact("another device in the same session", 3))
            if past.device.new[swapped[0][1]]:
                facts.append(Fact("a device never seen before", 1))
        if strange:
            facts.append(Fact("a network never seen before", 2))
        if quick >= FORTH_AND_BACK:
            facts.append(Fact(f"{quick} changes within an hour", 2))
        if any(lens.kinds[there] == Kind.RESUMED for _, there in pairs):
            facts.append(Fact("the log itself says that the session was taken up elsewhere", 1))
        points = sum(fact.points for fact in facts)
        if points < 2:
            return None
        one, other = (swapped or strange or pairs)[0]
        why = (
            f"Session {told(lens.text(other, 'session.id'))} was used from {origin(lens, one)} and"
            f" {lasting(int(lens.times[other] - lens.times[one]))} later from {origin(lens, other)}."
        )
        severity = "high" if points >= 5 else "medium" if points >= _LEAST else "low"
        rows = [place for pair in pairs for place in pair]
        return finding(ABOUT, lens, rows, why=why, severity=severity, facts=facts)


RULE = SessionInTwoPlaces()


def _named(lens: Lens) -> Numbers:
    return np.where(lens.device <= lens.named_devices, lens.device, 0)


def _quickest(lens: Lens, places: list[int]) -> int:
    """Return the greatest number of changes within an hour."""
    times = np.sort(lens.times[places])
    return int((np.arange(1, len(times) + 1) - np.searchsorted(times, times - HOUR_US)).max(initial=0))
