"""The mailbox fell first: the password is reset through it by somebody new, or the contact changes hands with a reset.

Whoever reads the owner's mail resets passwords with it, and then sets another address, so that the owner hears nothing
more. Either order counts: contact then reset, reset then contact.
"""

from __future__ import annotations

import numpy as np

from workstation.services.timeline.marks.coded.telling import finding, origin
from workstation.services.timeline.marks.kinds import Kind
from workstation.services.timeline.marks.lens import Lens
from workstation.services.timeline.marks.model import About, Fact, Finding, lasting
from workstation.services.timeline.marks.past import DAY_US
from workstation.services.timeline.working.frame import Check

WITHIN_US = DAY_US
#: From a network never seen before two more things make an alarm; where the account was before it takes more: there a
#: new phone with a new number looks the same.
HIGH, HIGH_NEARBY, MEDIUM = 4, 5, 3

ABOUT = About(
    id="mailbox_first",
    title="Password reset by somebody new",
    severity="high",
    kind="coded",
    innocent="The owner forgot his password and reset it with a new device, away from home; a new mail provider and a"
    " new password on one day.",
    technique="T1114, T1556",
    where="coded/mailbox.py",
)


class MailboxFirst:
    """The detector."""

    about = ABOUT

    def find(self, lens: Lens, now_us: int, check: Check) -> list[Finding]:
        """Return what it finds; see Rule."""
        resets = np.flatnonzero(lens.of(Kind.RESET) & lens.own & ~lens.failed)
        changes = np.flatnonzero(lens.of(Kind.CONTACT) & ~lens.failed)
        out = []
        for reset in lens.newest(resets.tolist()):
            check()
            near = changes[np.abs(lens.times[changes] - lens.times[reset]) <= WITHIN_US]
            facts = _facts(lens, reset, near.tolist())
            points = sum(fact.points for fact in facts)
            if points < 2:
                continue
            alarm = points >= (HIGH if lens.past.network.new[reset] else HIGH_NEARBY)
            severity = "high" if alarm else "medium" if points >= MEDIUM else "low"
            places = [reset, *near.tolist()]
            out.append(
                finding(ABOUT, lens, places, why=_why(lens, reset, near.tolist()), severity=severity, facts=facts)
            )
        return out


RULE = MailboxFirst()


def _facts(lens: Lens, reset: int, near: list[int]) -> list[Fact]:
    past = lens.past
    facts = []
    if past.device.new[reset]:
        facts.append(Fact("reset with a device never seen before", 2))
    if past.network.new[reset]:
        named = bool(lens.device[reset])
        said = "" if named else ", and the log names no devices"
        facts.append(Fact(f"from a network never seen before{said}", 2 - named))
    elif past.address.since[reset] >= 0 and not past.address.new[reset]:
        facts.append(Fact("from an address that the account knows", -3))
    if past.country.new[reset] or (lens.hosted[reset] and not past.hoster_before(reset)):
        facts.append(Fact("from a country, or a hoster's network, never seen before", 1))
    if near:
        facts.append(Fact("an e-mail address or number was changed within a day of it", 2))
        if any(not lens.own[place] for place in near):
            facts.append(Fact("and not by the account itself", 1))
    return facts


def _why(lens: Lens, reset: int, near: list[int]) -> str:
    why = f"The password was reset from {origin(lens, reset)}"
    if not near:
        return f"{why}, where this account never was."
    apart = int(lens.times[near[0]]) - int(lens.times[reset])
    order = "later" if apart >= 0 else "earlier"
    return f"{why}; {lasting(abs(apart))} {order} a contact of the account was changed."
