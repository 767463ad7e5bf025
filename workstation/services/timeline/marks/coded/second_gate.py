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
_STOPPED = re.compile(
    r"factor|(?<![a-z])(?:mfa|2fa|otp)(?![a-z])|one.time|verification code|authenticator|strong authentication",
    re.IGNORECASE,
)
#: How they say that the owner himself said no, rather than not answering.
_SAID_NO = re.compile(r"den(?:y|ied)|reject|declin|fraud|cancel", re.IGNORECASE)
STOPPED, ASKED = 2, 5
#: Prompts that are enough where they come from a stranger (CISA's and Okta's published cases begin with three).
ASKED_STRANGER = 3
HIGH, MEDIUM = 5, 3
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
        asked = np.flatnonzero(lens.of(Kind.CHALLENGED) | _stopped(lens))
        given = np.flatnonzero((lens.of(Kind.FACTOR_CHECKED) | lens.of(Kind.SIGN_IN)) & ~lens.failed & lens.own)
        if len(asked) < ASKED_STRANGER or not len(given):
            return []
        check()
        first = np.searchsorted(lens.times[asked], lens.times[given] - _ASKED_US)
        last = np.searchsorted(asked, given)
        out, taken = [], -1
        for n in lens.newest(np.flatnonzero(last - first >= ASKED_STRANGER).tolist()):
            prompts = asked[int(first[n]) : int(last[n])]
            if int(prompts[0]) > taken:
                found = self._found(lens, prompts, int(given[n]))
                if found is not None:
                    taken = int(prompts[-1])
                    out.append(found)
        return out

    @staticmethod
    def _found(lens: Lens, prompts: Numbers, given: int) -> Finding | None:
        times = _prompts(lens, prompts)
        strange = _strange(lens, [*prompts.tolist(), given], often=times >= ASKED)
        if times < (ASKED_STRANGER if strange else ASKED):
            return None
        took = lasting(int(lens.times[given] - lens.times[prompts[0]]))
        facts = [Fact(f"{times} times asked within {took}", 2), *strange]
        if times >= ASKED:
            facts.append(Fact("more often than anybody asks by mistake", 1))
        refused = any(_SAID_NO.search(text) for text in _answers(lens, prompts))
        if refused:
            facts.append(Fact("and the owner said no", 1))
        points = sum(fact.points for fact in facts)
        # Three or four that nobody heard are bad reception as often as an intruder.
        alarm = points >= HIGH and (refused or times >= ASKED)
        severity = "low" if not strange else "high" if alarm else "medium" if points >= MEDIUM else "low"
        why = f"The second factor was asked for {times} times and then given: {origin(lens, given)}."
        return finding(ABOUT_WORN, lens, [*prompts.tolist(), given], why=why, severity=severity, facts=facts)


STOPPED_RULE = StoppedAtSecondFactor()
WORN_RULE = WornDown()


def _stopped(lens: Lens) -> Mask:
    by_reason = lens.table("event.reason", lambda text: _STOPPED.search(text) is not None)
    at_sign_in = lens.of(Kind.SIGN_IN) & (by_reason[lens.column("event.reason")] > 0)
    return np.asarray((at_sign_in | lens.of(Kind.FACTOR_CHECKED)) & lens.failed)


def _prompts(lens: Lens, places: Numbers) -> int:
    """Return how often somebody was asked in vain.

    A log may write both that it asked and that it was refused; of what it asked the last was answered.
    """
    challenged = int(lens.of(Kind.CHALLENGED)[places].sum())
    return max(challenged - 1, len(places) - challenged)


def _answers(lens: Lens, places: Numbers) -> list[str]:
    refused = places[lens.failed[places]]
    return [text for field in ("event.reason", "event.code", "event.action") for text in lens.texts(refused, field)]


def _strange(lens: Lens, places: list[int], often: bool) -> list[Fact]:
    """Return what about these places is new; nothing where a device that the account knows is at work.

    After three or four prompts without an answer a new network alone weighs little: hotels have bad reception.
    """
    past = lens.past
    if lens.known_device[places].all():
        return []
    facts = []
    if past.device.new[places].any():
        facts.append(Fact("a device never seen before", 1))
    if past.network.new[places].any():
        unnamed = often and not lens.named_device[places].any()
        said = ", and the log names no devices" if unnamed else ""
        facts.append(Fact(f"a network never seen before{said}", 1 + unnamed))
    abroad = [place for place in places if lens.hosted[place] and not past.hoster_before(place)]
    if abroad or past.country.new[places].any():
        facts.append(Fact("a country, or a hoster's network, never seen before", 1))
    return facts
