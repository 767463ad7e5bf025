"""Other hands first: staff, or whoever acts as staff, changes a contact or factor, then a stranger comes in."""

from __future__ import annotations

import numpy as np

from workstation.services.timeline.marks.coded.telling import finding, origin
from workstation.services.timeline.marks.kinds import Kind
from workstation.services.timeline.marks.lens import Lens, Numbers
from workstation.services.timeline.marks.model import About, Fact, Finding, lasting, told
from workstation.services.timeline.marks.past import DAY_US
from workstation.services.timeline.working.frame import Check

WITHIN_US = 3 * DAY_US
#: What staff reset is set anew by whoever comes: that says nothing more.
_PASSWORDS = frozenset({Kind.RESET, Kind.PASSWORD})
_FACTORS = frozenset({Kind.FACTOR_OFF, Kind.FACTOR_CHANGED, Kind.CODES})

ABOUT = About(
    id="helped_in",
    title="Staff opened the door, a stranger came in",
    severity="high",
    kind="coded",
    innocent="The owner asked for it after he lost his phone, and came back with a new one from another place.",
    technique="T1098, T1656",
    where="coded/helped_in.py",
)


class HelpedIn:
    """The detector."""

    about = ABOUT

    def find(self, lens: Lens, now_us: int, check: Check) -> list[Finding]:
        """Return what it finds; see Rule."""
        past = lens.past
        opened = np.flatnonzero(
            lens.of(Kind.CONTACT, Kind.FACTOR_OFF, Kind.RESET, Kind.PASSWORD, Kind.FACTOR_CHANGED, Kind.CODES)
            & ~lens.own
            & ~lens.failed
        )
        inside = lens.entered | (lens.of(Kind.RESET) & lens.own & ~lens.failed)
        # Where the log names neither devices nor programs the network has to do.
        strangers = np.flatnonzero(inside & (past.device.new | (lens.device == 0)) & past.network.new)
        passwords = np.flatnonzero(lens.of(Kind.RESET, Kind.PASSWORD) & lens.own & ~lens.failed)
        out: list[Finding] = []
        taken = -1
        for place in lens.newest(opened.tolist()):
            check()
            at = int(lens.times[place])
            came = lens.within(strangers, at, at + WITHIN_US)
            if not len(came) or int(came[0]) == taken:
                continue
            taken = int(came[0])
            doors = opened[(opened <= taken) & (lens.times[opened] >= lens.times[taken] - WITHIN_US)]
            out.append(self._found(lens, doors.tolist(), taken, passwords))
        return out

    @staticmethod
    def _found(lens: Lens, doors: list[int], came: int, passwords: Numbers) -> Finding:
        kinds = {Kind(int(lens.kinds[door])) for door in doors}
        actors = ", ".join(map(told, lens.texts(doors, "user.id")[:2])) or "somebody"
        facts = [Fact(f"{actors} changed {len(doors)} protection{'s' if len(doors) > 1 else ''} of the account", 2)]
        if lens.device[came]:
            facts.append(Fact("a device and a network never seen before came in after it", 2))
        else:
            facts.append(Fact("a network never seen before came in after it; the log names no devices", 1))
        if len(kinds) > 1:
            facts.append(Fact("two of contact, factor and password, which together open the account", 1))
        if lens.past.country.new[came] or (lens.hosted[came] and not lens.past.hoster_before(came)):
            facts.append(Fact("from a country, or a hoster's network, never seen before", 1))
        enrolled = lens.within(np.flatnonzero(lens.of(Kind.FACTOR_ON) & lens.own & ~lens.failed), *_soon(lens, came))
        if len(enrolled) and not kinds.isdisjoint(_FACTORS):
            # Whoever asked for the reset enrols another one, the owner too: it is told and decides nothing.
            facts.append(Fact("and a second factor was enrolled in place of the old one"))
        reset = lens.within(passwords, int(lens.times[doors[0]]), int(lens.times[came]) + DAY_US)
        if len(reset) and not kinds <= _PASSWORDS:
            facts.append(Fact("and the password was reset", 1))
        severity = "high" if sum(fact.points for fact in facts) >= 5 else "medium"
        took = lasting(int(lens.times[came] - lens.times[doors[-1]]))
        why = f"{actors} changed what protects the account; {took} later a stranger came in: {origin(lens, came)}."
        return finding(
            ABOUT, lens, [*doors, came, *reset.tolist(), *enrolled.tolist()], why=why, severity=severity, facts=facts
        )


RULE = HelpedIn()


def _soon(lens: Lens, place: int) -> tuple[int, int]:
    """Return the day that begins with a place."""
    at = int(lens.times[place])
    return at, at + DAY_US
