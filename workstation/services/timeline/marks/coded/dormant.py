"""An account that slept for months wakes up: forgotten accounts are bought and tried by the thousand.

Waking by itself happens to every account whose owner reads about prices again, with the phone that he always had.
"""

from __future__ import annotations

import numpy as np

from workstation.services.timeline.marks.coded.telling import finding, origin
from workstation.services.timeline.marks.kinds import Kind
from workstation.services.timeline.marks.lens import Lens, Numbers
from workstation.services.timeline.marks.model import About, Fact, Finding
from workstation.services.timeline.marks.past import DAY_US
from workstation.services.timeline.working.frame import Check

ASLEEP_DAYS = 90
_GRAVE = (Kind.ADDRESS, Kind.WITHDRAWAL, Kind.KEY, Kind.CONTACT, Kind.FACTOR_OFF)

ABOUT = About(
    id="dormant_wakes",
    title="A sleeping account wakes",
    severity="medium",
    kind="coded",
    innocent="The owner came back after months, perhaps with a new phone and from a new home.",
    technique="T1078",
    where="coded/dormant.py",
)


class DormantWakes:
    """The detector."""

    about = ABOUT

    def find(self, lens: Lens, now_us: int, check: Check) -> list[Finding]:
        """Return what it finds; see Rule."""
        places = np.flatnonzero(lens.present)
        long = np.flatnonzero(np.diff(lens.times[places]) >= ASLEEP_DAYS * DAY_US)
        out = []
        grave = np.flatnonzero(lens.of(*_GRAVE) & ~lens.failed)
        for before in lens.newest(long.tolist()):
            check()
            last, first = int(places[before]), int(places[before + 1])
            found = self._found(lens, last, first, grave)
            if found is not None:
                out.append(found)
        return out

    @staticmethod
    def _found(lens: Lens, last: int, first: int, grave: Numbers) -> Finding | None:
        past, at = lens.past, int(lens.times[first])
        if not past.long_enough(int(lens.times[last])):
            return None
        days = (at - int(lens.times[last])) // DAY_US
        known = past.device.since[first] >= 0 and not past.device.new[first]
        money = lens.within(grave, at, at + DAY_US)
        facts = [Fact(f"nothing for {days} days", 1)]
        facts += [Fact("a device that the account knows", -2)] if known else [Fact("a device never seen before", 1)]
        if len(money):
            facts.append(Fact("and within a day something that matters was done", 1))
        points = sum(fact.points for fact in facts)
        if points < 1:
            return None
        why = f"After {days} days without anybody, somebody came in: {origin(lens, first)}."
        severity = "medium" if points >= 3 else "low"
        return finding(ABOUT, lens, [last, first, *money.tolist()], why=why, severity=severity, facts=facts)


RULE = DormantWakes()
