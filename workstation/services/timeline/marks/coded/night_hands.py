"""The owner's own device moves money at an hour at which he never is awake: malware, or somebody who holds the screen.

Everything looks right but the hour and the pause: a session that lay still for hours goes straight to a new address and
a withdrawal. On a journey the hours shift with the sun, so only addresses that the account knows count.
"""

from __future__ import annotations

import numpy as np

from workstation.services.timeline.marks.coded.telling import finding, origin
from workstation.services.timeline.marks.kinds import Kind
from workstation.services.timeline.marks.lens import Lens, Numbers
from workstation.services.timeline.marks.model import About, Fact, Finding, lasting
from workstation.services.timeline.marks.past import DAY_US, HOUR_US
from workstation.services.timeline.working.frame import Check

#: Events of a past that can say at which hours somebody is awake, the days on which they were, and the share of them
#: below which an hour (with those beside it) is not his.
EVENTS, DAYS, SHARE = 40, 20, 0.015
#: The latest events of a past that are looked at.
LAST = 20_000
IDLE_US = 3 * HOUR_US
#: An address and a withdrawal to it within this time: no second thought.
AT_ONCE_US = HOUR_US // 4

ABOUT = About(
    id="night_hands",
    title="A known device moves money at an hour that is not the owner's",
    severity="high",
    kind="coded",
    innocent="The owner could not sleep, works a night shift for once, or set the clock of his day anew.",
    technique="T1219, T1185",
    where="coded/night_hands.py",
)


class NightHands:
    """The detector."""

    about = ABOUT

    def find(self, lens: Lens, now_us: int, check: Check) -> list[Finding]:
        """Return what it finds; see Rule."""
        past = lens.past
        added = lens.of(Kind.ADDRESS, Kind.KEY) & lens.own & ~lens.failed
        mine = added & (past.address.since >= DAY_US) & ~past.device.new
        out = []
        money = np.flatnonzero(lens.of(Kind.WITHDRAWAL) & lens.own & ~lens.failed)
        human = np.flatnonzero(lens.present & (lens.session > 0))
        human = human if len(human) else np.flatnonzero(lens.present)
        for place in lens.newest(np.flatnonzero(mine).tolist()):
            check()
            facts = _facts(lens, place, money, human)
            points = sum(fact.points for fact in facts)
            if points >= 3:
                took = lens.within(money, int(lens.times[place]), int(lens.times[place]) + HOUR_US)
                severity = "high" if points >= 5 else "medium"
                why = f"{_why(lens, place)} ({origin(lens, place)})."
                out.append(finding(ABOUT, lens, [place, *took.tolist()], why=why, severity=severity, facts=facts))
        return out


RULE = NightHands()


def _facts(lens: Lens, place: int, money: Numbers, human: Numbers) -> list[Fact]:
    at = int(lens.times[place])
    awake = _share(lens, place, human)
    if awake is None or awake > SHARE:
        return []
    facts = [Fact(f"an hour around which {awake:.1%} of the account's events lie", 2)]
    pause = _pause(lens, place)
    if pause >= IDLE_US:
        facts.append(Fact(f"the session had lain still for {lasting(pause)}", 2))
    paid = lens.within(money, at, at + AT_ONCE_US)
    if len(paid) and lens.kinds[place] == Kind.ADDRESS:
        facts.append(Fact(f"a withdrawal {lasting(int(lens.times[paid[0]]) - at)} after the address was added", 2))
    return facts


def _share(lens: Lens, place: int, human: Numbers) -> float | None:
    """Return the share of the account's own events within an hour and a half of that time of day; None: too few."""
    before = lens.times[lens.within(human, 0, int(lens.times[place]) - DAY_US)[-LAST:]]
    if len(before) < EVENTS or len(np.unique(before // DAY_US)) < DAYS:
        return None
    apart = np.abs(before % DAY_US - lens.times[place] % DAY_US)
    return float((np.minimum(apart, DAY_US - apart) <= 3 * HOUR_US // 2).mean())


def _pause(lens: Lens, place: int) -> int:
    """Return for how long the session had done nothing, microseconds; 0 without a session."""
    if not lens.session[place]:
        return 0
    mine = lens.by_session.places(int(lens.session[place]))
    before = int(np.searchsorted(mine, place))
    return int(lens.times[place] - lens.times[mine[before - 1]]) if before else 0


def _why(lens: Lens, place: int) -> str:
    done = "a withdrawal address was added" if lens.kinds[place] == Kind.ADDRESS else "an API key was made"
    hour = int(lens.times[place]) % DAY_US // HOUR_US
    return f"At {hour:02}h UTC, when this account sleeps, {done} with its own device"
