"""A session used from two networks, or with two devices: what a copied cookie or token looks like.

Phones change between home and mobile network all day, so a change of network counts only where it goes to a network
that the account never saw before, or back and forth faster than anybody changes. A change of device within a session is
no roaming at all: a session belongs to the device that it was given to.
"""

from __future__ import annotations

import msgspec
import numpy as np

from workstation.services.timeline.marks.coded.telling import finding, origin
from workstation.services.timeline.marks.kinds import Kind
from workstation.services.timeline.marks.lens import Lens, Numbers
from workstation.services.timeline.marks.model import About, Fact, Finding, lasting, told
from workstation.services.timeline.marks.past import HOUR_US
from workstation.services.timeline.working.frame import Check, Mask

#: Changes of one session within an hour from which on it is in two places.
FORTH_AND_BACK = 4
HIGH, MEDIUM = 5, 3

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


class Jumps(msgspec.Struct):
    """Changes of network or device within sessions, by session and time: from a place to a place."""

    one: Numbers
    other: Numbers
    swapped: Mask
    strange: Mask
    quick: Mask

    def telling(self) -> Mask:
        """Return which changes say anything."""
        return self.swapped | self.strange | self.quick


class SessionInTwoPlaces:
    """The detector."""

    about = ABOUT

    def find(self, lens: Lens, now_us: int, check: Check) -> list[Finding]:
        """Return what it finds; see Rule."""
        jumps = _jumps(lens)
        check()
        sessions = lens.session[jumps.one]
        some = list(dict.fromkeys(sessions[np.argsort(jumps.other) if len(sessions) else []].tolist()))
        meant = set(sessions[jumps.telling()].tolist())
        out = []
        for session in lens.newest([session for session in some if session in meant]):
            check()
            first, last = np.searchsorted(sessions, [session, session + 1])
            found = self._found(lens, jumps, slice(int(first), int(last)))
            if found is not None:
                out.append(found)
        return out

    @staticmethod
    def _found(lens: Lens, jumps: Jumps, mine: slice) -> Finding | None:
        facts = _facts(lens, jumps, mine)
        points = sum(fact.points for fact in facts)
        if points < 2:
            return None
        telling = np.flatnonzero(jumps.swapped[mine])
        telling = telling if len(telling) else np.flatnonzero(jumps.telling()[mine])
        one, other = int(jumps.one[mine][telling[0]]), int(jumps.other[mine][telling[0]])
        why = (
            f"Session {told(lens.text(other, 'session.id'))} was used from {origin(lens, one)} and"
            f" {lasting(int(lens.times[other] - lens.times[one]))} later from {origin(lens, other)}."
        )
        severity = "high" if points >= HIGH else "medium" if points >= MEDIUM else "low"
        places = [*jumps.one[mine].tolist(), *jumps.other[mine].tolist()]
        return finding(ABOUT, lens, places, why=why, severity=severity, facts=facts)


RULE = SessionInTwoPlaces()


def _jumps(lens: Lens) -> Jumps:
    places = np.flatnonzero((lens.session > 0) & lens.own & ~lens.failed & (lens.network > 0))
    places = places[np.argsort(lens.session[places], kind="stable")]
    same = lens.session[places[1:]] == lens.session[places[:-1]]
    network, device = lens.network[places], lens.named_device[places]
    swapped = (device[1:] != device[:-1]) & (device[1:] > 0) & (device[:-1] > 0)
    meant = np.flatnonzero(same & ((network[1:] != network[:-1]) | swapped))
    one, other = places[meant], places[meant + 1]
    strange = lens.past.network.new[other]
    quick = np.zeros(len(meant), np.bool_)
    ahead = FORTH_AND_BACK - 1
    if len(meant) > ahead:
        within = lens.times[other[ahead:]] - lens.times[other[:-ahead]] <= HOUR_US
        quick[ahead:] = within & (lens.session[other[ahead:]] == lens.session[other[:-ahead]])
    return Jumps(one, other, swapped[meant], strange, quick)


def _facts(lens: Lens, jumps: Jumps, mine: slice) -> list[Fact]:
    past, there = lens.past, jumps.other[mine]
    swapped, strange = there[jumps.swapped[mine]], there[jumps.strange[mine]]
    facts = [Fact(f"{len(there)} change{'s' if len(there) > 1 else ''} of network or device in the session")]
    if len(swapped):
        facts.append(Fact("another device in the same session", 3))
    if past.device.new[swapped].any():
        facts.append(Fact("a device never seen before", 1))
    if any(not past.network.restless(place) for place in strange[:20].tolist()):
        roamed = lens.named_device[strange[0]] > 0 and not len(swapped)
        facts.append(Fact("a network never seen before" + (", with the same device" if roamed else ""), 2 - roamed))
    if jumps.quick[mine].any():
        facts.append(Fact(f"at least {FORTH_AND_BACK} changes within an hour", 2))
    if (lens.kinds[there] == Kind.RESUMED).any():
        facts.append(Fact("the log itself says that the session was taken up elsewhere", 1))
    return facts
