"""What a device does first: a second factor changed, or an API key made, soon after it was first seen.

Both are what a new phone or a new trading program needs, and what an intruder does to stay. At an address where the
account's other devices are, it is the household; such findings are low.
"""

from __future__ import annotations

import numpy as np

from workstation.services.timeline.marks.coded.telling import finding, origin, past_said
from workstation.services.timeline.marks.kinds import Kind
from workstation.services.timeline.marks.lens import Lens
from workstation.services.timeline.marks.model import About, Fact, Finding, lasting
from workstation.services.timeline.marks.past import DAY_US
from workstation.services.timeline.working.frame import Check

SOON_US = DAY_US


class FirstActs:
    """A detector of one sort of act.

    Args:
        about: what it is called.
        kinds: the acts.
        grave: those that weigh more: what they take away protected the account.
        said: what was done, as the sentence goes on.
    """

    def __init__(self, about: About, kinds: tuple[Kind, ...], grave: frozenset[Kind], said: str) -> None:
        self.about = about
        self._kinds, self._grave, self._said = kinds, grave, said

    def find(self, lens: Lens, now_us: int, check: Check) -> list[Finding]:
        """Return what it finds; see Rule."""
        past = lens.past
        acts = lens.of(*self._kinds) & lens.own & ~lens.failed
        soon = acts & past.device.new & (past.device.since >= 0) & (past.device.since <= SOON_US)
        check()
        by_device: dict[int, list[int]] = {}
        for place in np.flatnonzero(soon).tolist():
            by_device.setdefault(int(lens.device[place]), []).append(place)
        return [self._found(lens, places) for places in lens.newest(list(by_device.values()))]

    def _found(self, lens: Lens, places: list[int]) -> Finding:
        past, act = lens.past, places[0]
        came = int(past.device.first[lens.device[act]])
        at_home = past.address.since[act] > SOON_US
        facts = [Fact("by a device never seen before", 1)]
        if any(Kind(int(lens.kinds[place])) in self._grave for place in places):
            facts.append(Fact("and what it took away protected the account", 1))
        if past.network.new[act]:
            facts.append(Fact("from a network never seen before", 1))
        if at_home:
            facts.append(Fact("from an address that the account knows", -2))
        severity = "medium" if sum(fact.points for fact in facts) >= 2 else "low"
        took = lasting(int(lens.times[act] - lens.times[came]))
        why = (
            f"{took.capitalize()} after a device came that was never seen {past_said(lens, int(lens.times[came]))}"
            f" ({origin(lens, act)}), {self._said}."
        )
        return finding(self.about, lens, [came, *places], why=why, severity=severity, facts=facts)


FACTOR = FirstActs(
    About(
        id="factor_after_new_device",
        title="Second factor changed soon after a new device",
        severity="medium",
        kind="coded",
        innocent="A new phone: the authenticator moves to it on the first day.",
        technique="T1556.006",
        where="coded/first_acts.py",
    ),
    (Kind.FACTOR_OFF, Kind.FACTOR_ON, Kind.FACTOR_CHANGED, Kind.CODES),
    frozenset({Kind.FACTOR_OFF, Kind.FACTOR_CHANGED}),
    "it changed the second factors",
)
KEY = FirstActs(
    About(
        id="key_by_new_device",
        title="API key made by a new device",
        severity="medium",
        kind="coded",
        innocent="A new computer on which the owner sets up his trading program.",
        technique="T1098.001",
        where="coded/first_acts.py",
    ),
    (Kind.KEY,),
    frozenset({Kind.KEY}),
    "it made an API key, which goes on working when the session is ended",
)
