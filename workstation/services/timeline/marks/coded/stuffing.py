"""Credential stuffing that hits: refused sign-ins from many places, then one that works from where nobody ever was.

The owner who mistypes sits at one place with a device that is known; a list of leaked passwords is tried through many
addresses, a few times each (OWASP, "Credential Stuffing Prevention Cheat Sheet").
"""

from __future__ import annotations

import numpy as np

from workstation.services.timeline.marks.coded.telling import finding, origin
from workstation.services.timeline.marks.kinds import Kind
from workstation.services.timeline.marks.lens import Lens, Numbers
from workstation.services.timeline.marks.model import About, Fact, Finding, lasting
from workstation.services.timeline.marks.past import HOUR_US
from workstation.services.timeline.working.frame import Check

#: Refused tries, and the addresses or networks that they came from, within :data:`WITHIN_US`.
TRIES, PLACES = 3, 3
WITHIN_US = HOUR_US
#: So long after the last refused one a sign-in that works belongs to them.
AFTER_US = 2 * HOUR_US

ABOUT = About(
    id="stuffing_hit",
    title="Many refused sign-ins, then one that worked",
    severity="high",
    kind="coded",
    innocent="The owner on a journey who tried several networks and devices before he remembered the password.",
    technique="T1110.004",
    where="coded/stuffing.py",
)


class StuffingHit:
    """The detector."""

    about = ABOUT

    def find(self, lens: Lens, now_us: int, check: Check) -> list[Finding]:
        """Return what it finds; see Rule."""
        usual = (lens.past.address.since >= 0) & ~lens.past.address.new
        signing = lens.of(Kind.SIGN_IN)
        tries = np.flatnonzero(signing & lens.failed & ~lens.known_device & ~usual)
        if len(tries) < TRIES:
            return []
        check()
        out = []
        hits = np.flatnonzero(signing & lens.entered & (lens.past.network.new | lens.past.address.new))
        for burst in lens.newest(_bursts(lens, tries)):
            check()
            found = self._found(lens, burst, hits)
            if found is not None:
                out.append(found)
        return out

    @staticmethod
    def _found(lens: Lens, burst: Numbers, strange: Numbers) -> Finding | None:
        addresses = len(set(lens.address[burst].tolist()) - {0})
        if addresses < PLACES and len(set(lens.network[burst].tolist()) - {0}) < PLACES:
            return None
        first, last = int(lens.times[burst[0]]), int(lens.times[burst[-1]])
        past = lens.past
        inside = lens.within(strange, first, last + AFTER_US)
        facts = [Fact(f"{len(burst)} refused sign-ins from {addresses} addresses within {lasting(last - first)}", 2)]
        # Somebody with a device that the account knows is the owner, whatever was tried beside him.
        hits = [
            place
            for place in inside.tolist()
            if past.device.new[place] or (not lens.device[place] and not past.network.restless(place))
        ]
        if not hits:
            why = f"{len(burst)} sign-ins were refused from {addresses} addresses; none of them got in."
            return finding(ABOUT, lens, burst, why=why, severity="low", facts=facts)
        hit = hits[0]
        facts.append(Fact("then one that worked, with a device never seen before", 3))
        if past.network.new[hit]:
            facts.append(Fact("from a network never seen before", 1))
        why = (
            f"{len(burst)} sign-ins were refused from {addresses} addresses, and"
            f" {lasting(int(lens.times[hit]) - last)} later one worked: {origin(lens, hit)}."
        )
        return finding(ABOUT, lens, [*burst.tolist(), hit], why=why, severity="high", facts=facts)


RULE = StuffingHit()


def _bursts(lens: Lens, tries: Numbers) -> list[Numbers]:
    """Return runs of tries, no two of which are further apart than :data:`WITHIN_US`."""
    cuts = np.flatnonzero(np.diff(lens.times[tries]) > WITHIN_US) + 1
    return [part for part in np.split(tries, cuts) if len(part) >= TRIES]
