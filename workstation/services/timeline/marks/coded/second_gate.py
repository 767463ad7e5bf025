"""At the second gate: somebody has the password and is stopped, or gets by, at the second factor.

Refused again and again from where the account never was, the password is known to somebody else. Asked again and again
until it works, the owner was worn down (CISA, "Implementing Number Matching in MFA Applications", 2022).
"""

from __future__ import annotations

import re

import numpy as np

from workstation.services.timeline.marks.coded.telling import finding, origin
from workstation.services.timeline.marks.kinds import Kind
from workstation.services.timeline.marks.lens import Lens, Numbers
from workstation.services.timeline.marks.model import About, Fact, Finding, lasting
from workstation.services.timeline.marks.past import HOUR_US
from workstation.services.timeline.working.frame import Check, Mask

#: How the logs of the supported sources say that the password was right and a second factor was missing or wrong.
_STOPPED = re.compile(r"factor|\bmfa\b|\b2fa\b|\botp\b|one.time|verification code|authenticator", re.IGNORECASE)
STOPPED, ASKED = 2, 5
_ASKED_US = HOUR_US // 2

ABOUT_STOPPED = About(
    id="stopped_at_second_factor",
    title="The password is known elsewhere",
    severity="medium",
    kind="coded",
    innocent="The owner with a new device, away from home, without the phone that holds his second factor.",
    technique="T1110, T1078",
    where="coded/second_gate.py",
)
ABOUT_WORN = About(
    id="worn_down",
    title="Asked for the second factor until it was given",
    severity="high",
    kind="coded",
    innocent="An app without a connection: the owner asked again and again until a message came through.",
    technique="T1621",
    where="coded/second_gate.py",
)


class StoppedAtSecondFactor:
    """The detector of who knows the password and got no further."""

    about = ABOUT_STOPPED

    def find(self, lens: Lens, now_us: int, check: Check) -> list[Finding]:
        """Return what it finds; see Rule."""
        stopped = _stopped(lens)
        known = (lens.past.device.since >= 0) & ~lens.past.device.new  # programs too: there is nothing else to go by
        usual = (lens.past.address.since >= 0) & ~lens.past.address.new
        strange = np.flatnonzero(stopped & ~known & ~usual & lens.past.long_enough(lens.times))
        check()
        by_origin: dict[tuple[int, int], list[int]] = {}
        for place in strange.tolist():
            device = int(lens.device[place])
            by_origin.setdefault((device, 0 if device else int(lens.address[place])), []).append(place)
        enough = [places for places in by_origin.values() if len(places) >= STOPPED]
        return [self._found(lens, places) for places in lens.newest(enough)]

    @staticmethod
    def _found(lens: Lens, places: list[int]) -> Finding:
        facts = [Fact(f"{len(places)} times the password was right and the second factor was not", 2)]
        last = int(lens.times[places[-1]])
        mine = lens.by_device.places(int(lens.device[places[-1]])) if lens.device[places[-1]] else lens.order[:0]
        after = lens.within(mine, last, last + HOUR_US)
        after = after[lens.entered[after]]
        if len(after):
            facts.append(Fact("in the end it was given", -1))
        why = (
            f"From {origin(lens, places[0])}, where this account never was, somebody had the right password"
            f" {len(places)} times and no second factor."
        )
        severity = "low" if len(after) else "medium"
        return finding(ABOUT_STOPPED, lens, [*places, *after[:1].tolist()], why=why, severity=severity, facts=facts)


class WornDown:
    """The detector of many prompts and one that was accepted."""

    about = ABOUT_WORN

    def find(self, lens: Lens, now_us: int, check: Check) -> list[Finding]:
        """Return what it finds; see Rule."""
        asked = np.flatnonzero(lens.of(Kind.CHALLENGED, Kind.FACTOR_CHECKED) & (lens.failed | lens.of(Kind.CHALLENGED)))
        given = np.flatnonzero((lens.of(Kind.FACTOR_CHECKED) | lens.of(Kind.SIGN_IN)) & ~lens.failed & lens.own)
        if len(asked) < ASKED or not len(given):
            return []
        check()
        first = np.searchsorted(lens.times[asked], lens.times[given] - _ASKED_US)
        last = np.searchsorted(asked, given)
        out, taken = [], -1
        for n in lens.newest(np.flatnonzero(last - first >= ASKED).tolist()):
            prompts = asked[int(first[n]) : int(last[n])]
            if int(prompts[0]) > taken:
                taken = int(prompts[-1])
                out.append(self._found(lens, prompts, int(given[n])))
        return out

    @staticmethod
    def _found(lens: Lens, prompts: Numbers, given: int) -> Finding:
        past = lens.past
        strange = [place for place in (*prompts.tolist(), given) if past.network.new[place] or past.device.new[place]]
        facts = [
            Fact(f"{len(prompts)} times asked within {lasting(int(lens.times[given] - lens.times[prompts[0]]))}", 2)
        ]
        if strange:
            facts.append(Fact("from a device or network never seen before", 3))
        where = origin(lens, strange[0] if strange else given)
        why = f"The second factor was asked for {len(prompts)} times and then given: {where}."
        severity = "high" if strange else "low"
        return finding(ABOUT_WORN, lens, [*prompts.tolist(), given], why=why, severity=severity, facts=facts)


STOPPED_RULE = StoppedAtSecondFactor()
WORN_RULE = WornDown()


def _stopped(lens: Lens) -> Mask:
    by_reason = lens.table("event.reason", lambda text: _STOPPED.search(text) is not None)
    at_sign_in = lens.of(Kind.SIGN_IN) & (by_reason[lens.column("event.reason")] > 0)
    return np.asarray((at_sign_in | lens.of(Kind.FACTOR_CHECKED)) & lens.failed)
