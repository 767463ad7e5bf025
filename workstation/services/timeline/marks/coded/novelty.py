"""A sign-in that is new in more than one way at once, against the account's own past.

One new thing happens to everybody: a new phone, a journey, another provider. So a finding needs a new device together
with a place where the account never was, and is a low one; a country or a hoster that is new too makes it medium. It is
never an alarm. A new device beside the known ones, at an address of theirs, is nothing.
"""

from __future__ import annotations

import numpy as np

from workstation.services.timeline.marks.coded.telling import finding, origin, past_said
from workstation.services.timeline.marks.lens import Lens
from workstation.services.timeline.marks.model import About, Fact, Finding
from workstation.services.timeline.working.frame import Check

ABOUT = About(
    id="new_device_in_new_place",
    title="New device in a new place",
    severity="medium",
    kind="coded",
    innocent="A new phone or computer first used away from home: on a journey, at work, or with a new provider.",
    technique="T1078",
    where="coded/novelty.py",
)


class NewDeviceInNewPlace:
    """The detector."""

    about = ABOUT

    def find(self, lens: Lens, now_us: int, check: Check) -> list[Finding]:
        """Return what it finds; see Rule."""
        past = lens.past
        both = lens.entered & past.device.new & (past.network.new | past.address.new)
        check()
        # Each device once: at its first time.
        first = {int(lens.device[place]): place for place in np.flatnonzero(both)[::-1].tolist()}
        found = (self._found(lens, place) for place in lens.newest(sorted(first.values())))
        return [one for one in found if one is not None]

    @staticmethod
    def _found(lens: Lens, place: int) -> Finding | None:
        past, at = lens.past, int(lens.times[place])
        network = bool(past.network.new[place])
        if past.device.restless(place) or (past.network if network else past.address).restless(place):
            return None
        where = "a network" if network else "an address"
        facts = [Fact("a device never seen before", 1), Fact(f"{where} never seen before", 1)]
        if past.country.new[place]:
            facts.append(Fact("a country never seen before", 1))
        if lens.hosted[place] and not past.hoster_before(place):
            facts.append(Fact("a hoster's or anonymiser's network, as this account never used", 1))
        severity = "medium" if len(facts) > 2 else "low"
        new = f"a device and from {where} never seen {past_said(lens, at)}"
        why = f"Somebody came in with {new}: {origin(lens, place)}."
        return finding(ABOUT, lens, [place], why=why, severity=severity, facts=facts)


RULE = NewDeviceInNewPlace()
