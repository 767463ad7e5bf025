"""Somebody new at the account does what intruders do: the mark that most often holds up a withdrawal.

Being new is no crime; what counts is what a newcomer does within a week, how fast, and what speaks for his being the
owner. The points are set by hand, from what takeovers consist of (MITRE ATT&CK T1078, T1098, T1556), and not fitted to
any data; docs/marks.md lists them.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterator

import numpy as np

from workstation.services.timeline.marks.coded.telling import finding, origin, past_said
from workstation.services.timeline.marks.kinds import Kind
from workstation.services.timeline.marks.lens import Lens, Numbers
from workstation.services.timeline.marks.model import About, Fact, Finding, lasting
from workstation.services.timeline.marks.past import DAY_US, HOUR_US
from workstation.services.timeline.marks.strands import Strand, strands
from workstation.services.timeline.working.frame import Check

HIGH, MEDIUM = 5, 3
#: Points from which on a single step that takes nothing away, such as a factor of one's own, is an alarm.
HIGH_ANYWAY = 6
#: What a newcomer does: in words, and how it weighs once.
STEPS: dict[Kind, tuple[str, int]] = {
    Kind.FACTOR_OFF: ("removed a second factor", 2),
    Kind.FACTOR_ON: ("added a second factor", 1),
    Kind.FACTOR_CHANGED: ("changed a second factor", 1),
    Kind.CODES: ("made recovery codes", 1),
    Kind.PASSWORD: ("changed the password", 1),
    Kind.RESET: ("reset the password", 2),
    Kind.CONTACT: ("changed an e-mail address or number", 2),
    Kind.FORWARDING: ("had mail sent on", 2),
    Kind.ADDRESS: ("added a withdrawal address", 2),
    Kind.KEY: ("made an API key", 2),
    Kind.LINKED: ("let an outside identity or application in", 1),
    Kind.GRANTED: ("took a role or joined a group", 1),
    Kind.WITHDRAWAL: ("asked for a withdrawal", 0),
    Kind.PAID: ("had a withdrawal paid out", 0),
}
#: Steps without which nothing is lost yet; several of the others together keep the account all the same.
_GRAVE = frozenset(STEPS) - {Kind.FACTOR_ON, Kind.CODES, Kind.PASSWORD, Kind.LINKED, Kind.GRANTED}
#: An address that was added so shortly before is the newcomer's, whoever added it.
_FRESH_US = 3 * DAY_US
SECOND_US = 1_000_000
_SOON_US, _SLOW_US = HOUR_US // 2, DAY_US
_BEFORE_US = 3 * DAY_US
_TRIES_US, _TRIES = 2 * HOUR_US, 3
#: Nobody is in another country so soon after he was seen at home, or before he is.
_TRAVEL_US = 2 * HOUR_US
#: A second factor's answer belongs to the sign-in that it is so near to.
_ANSWER_US = HOUR_US // 6
#: What logs write as factor of a sign-in that is no second one: the password, the directory, a token from before. A
#: list (``password, google_prompt``) names a second one too.
_FIRST = re.compile(r"[^,]*(?:passw|pwd|previously|directory|saml|federat|reauth|exchange|claim)[^,]*", re.IGNORECASE)

ABOUT = About(
    id="newcomer_acts",
    title="A newcomer does what intruders do",
    severity="high",
    kind="coded",
    innocent="The owner with a new device, in a new place, setting things up at one go; ask him on a channel that was"
    " verified before.",
    technique="T1078, T1098",
    where="coded/newcomer_acts.py",
)


class Around:
    """Places of events that say something about newcomers, each sort looked for once."""

    def __init__(self, lens: Lens) -> None:
        fine = ~lens.failed
        self.tries = np.flatnonzero(lens.of(Kind.SIGN_IN) & lens.failed & ~lens.known_device)
        self.swaps = np.flatnonzero(lens.of(Kind.PHONE_CHECKED) & lens.failed)
        self.staff = np.flatnonzero(lens.of(Kind.CONTACT, Kind.FACTOR_OFF, Kind.RESET) & ~lens.own & fine)
        self.signed_in = np.flatnonzero(lens.entered & ~lens.of(Kind.RESUMED))
        self.factors = _factors(lens, self.signed_in)
        self.added = np.flatnonzero(lens.of(Kind.ADDRESS) & fine)
        self.of_money = np.flatnonzero(lens.of(Kind.ADDRESS, Kind.WITHDRAWAL, Kind.PAID))


class NewcomerActs:
    """The detector."""

    about = ABOUT

    def find(self, lens: Lens, now_us: int, check: Check) -> list[Finding]:
        """Return what it finds; see Rule."""
        out = []
        around = Around(lens)
        for strand in lens.newest(list(strands(lens, STEPS))):
            check()
            facts = list(_facts(lens, strand, around))
            points = sum(fact.points for fact in facts)
            kinds = {Kind(int(lens.kinds[step])) for step in strand.steps}
            grave = not kinds.isdisjoint(_GRAVE) or len(kinds) > 1
            if points < 1 or not any(fact.points > 0 for fact in _done(lens, strand, around)):
                continue
            severity = "high" if points >= (HIGH if grave else HIGH_ANYWAY) else "medium" if points >= MEDIUM else "low"
            places = [strand.came, *strand.steps]
            out.append(finding(ABOUT, lens, places, why=_why(lens, strand), severity=severity, facts=facts))
        return out


RULE = NewcomerActs()


# -- what speaks for and against -----------------------------------------------------------------


def _facts(lens: Lens, strand: Strand, around: Around) -> Iterator[Fact]:
    yield from _done(lens, strand, around)
    yield from _strange(lens, strand)
    yield from _before(lens, strand, around)
    yield from _owner_like(lens, strand)


def _done(lens: Lens, strand: Strand, around: Around) -> Iterator[Fact]:
    kinds = Counter(Kind(int(lens.kinds[step])) for step in strand.steps)
    for kind, count in kinds.items():
        words, points = STEPS[kind]
        if points:
            yield Fact(words + (f" ({count} times)" if count > 1 else ""), points)
    paid = [step for step in strand.steps if lens.kinds[step] in (Kind.WITHDRAWAL, Kind.PAID)]
    if paid:
        yield max((_money(lens, around, step) for step in paid), key=lambda fact: fact.points)
    came, first = int(lens.times[strand.came]), int(lens.times[strand.steps[0]])
    soon = {int(lens.kinds[step]) for step in strand.steps if lens.times[step] - first <= _SOON_US}
    if len(soon) >= 2:
        yield Fact("several of these within half an hour", 1)
    if lens.times[strand.steps[0]] - came > _SLOW_US:
        yield Fact(f"only {lasting(int(lens.times[strand.steps[0]]) - came)} after coming", -1)


def _money(lens: Lens, around: Around, step: int) -> Fact:
    """Return how a withdrawal weighs: an intruder gains nothing from one to the owner's own address."""
    at, targets = int(lens.times[step]), lens.column("target.id")
    added = lens.within(around.added, at - _FRESH_US, at)
    target = int(targets[step])
    if target and bool((targets[added] == target).any()):
        return Fact("money asked for to an address added just before", 3)
    if not target:
        fresh = bool(len(added))
        return Fact("money asked for, an address having just been added", 3) if fresh else Fact("money asked for", 1)
    same = around.of_money[targets[around.of_money] == target]
    if at - int(lens.times[same[0]]) > _FRESH_US:
        return Fact("money asked for to an address that the account had used before", 0)
    return Fact("money asked for to an address never seen before", 3)


def _strange(lens: Lens, strand: Strand) -> Iterator[Fact]:
    past, came = lens.past, strand.came
    if strand.by == "session":
        yield Fact("came into a session that had begun elsewhere", 2)
        if lens.named_device[came] and not past.device.new[came]:
            yield Fact("with a device that the account knows", -1)
    if strand.by == "network" and past.device.new[came]:
        yield Fact("the log names no devices, but the kind of program is new too", 0)
    elif strand.by == "network":
        yield Fact("known by the network alone: the log names no devices", -1)
        if strand.device:
            yield Fact("the same kind of program as usual", -1)
    if past.network.new[came] and not past.network.restless(came):
        yield Fact("a network never seen before", 1)
    anonymous = bool(lens.hosted[came]) and not past.hoster_before(came)
    # Where a rented machine stands says nothing of an owner who switched an anonymiser on.
    foreign = past.country.new[came] and not past.country.restless(came)
    if foreign and (not anonymous or past.device.new[came]):
        yield Fact("a country never seen before", 1)
    if anonymous:
        yield Fact("a hoster's or anonymiser's network, as this account never used", 1)
    if not lens.hosted[came] and _elsewhere(lens, strand):
        yield Fact("seen at home too soon before or after it to have travelled", 1)


def _elsewhere(lens: Lens, strand: Strand) -> bool:
    """Return whether the account was in a country that it knows about the time at which he came in another one."""
    came, past = strand.came, lens.past
    if not lens.country[came] or not past.country.new[came]:
        return False
    at = int(lens.times[came])
    near = lens.between(at - _TRAVEL_US, at + _TRAVEL_US)
    known = lens.present[near] & (lens.country[near] > 0) & (past.country.since[near] >= 0) & ~past.country.new[near]
    return bool((known & ~past.network.new[near] & ~lens.hosted[near]).any())


def _before(lens: Lens, strand: Strand, around: Around) -> Iterator[Fact]:
    at = int(lens.times[strand.came])
    last = int(lens.times[strand.steps[-1]])
    tries = lens.within(around.tries, at - _TRIES_US, at)
    # Who tries again from one place has forgotten his password; who has a list comes from many.
    if (~strand.mine(lens, tries) & (lens.address[tries] != strand.address)).sum() >= _TRIES:
        yield Fact(f"{len(tries)} refused sign-ins just before, from elsewhere", 1)
    if len(lens.within(around.swaps, at - _BEFORE_US, last)):
        yield Fact("the carrier says that the SIM card was changed", 2)
    if len(lens.within(around.staff, at - _BEFORE_US, at)):
        yield Fact("somebody else changed a contact or factor of the account just before", 2)
    passed = _factor(lens, strand, around)
    if passed is False:
        yield Fact("came in without the second factor that this account uses", 1)
    if passed is True:
        yield Fact("passed the second factor that this account uses", -1)


def _factor(lens: Lens, strand: Strand, around: Around) -> bool | None:
    """Return whether he passed the usual second factor, None where that cannot be said."""
    if strand.by == "session":
        return None  # the factor was given, or not, by whoever began the session
    signed_in, factors = around.signed_in, around.factors
    before = signed_in[: np.searchsorted(signed_in, strand.came)][-200:]
    usual, times = next(iter(Counter(factors[before].tolist()).most_common(1)), (0, 0))
    if not usual or len(before) < 5 or times < 0.8 * len(before):
        return None
    mine = lens.within(signed_in, int(lens.times[strand.came]), int(lens.times[strand.steps[-1]]) + DAY_US)
    mine = mine[strand.mine(lens, mine)]
    return None if not len(mine) else bool(factors[mine[0]] == usual)


def _factors(lens: Lens, signed_in: Numbers) -> Numbers:
    """Return by place the second factor of sign-ins: the one that they name, else the one given beside them."""
    named = lens.column("authentication.factor").astype(np.int64)
    second = lens.table("authentication.factor", lambda text: _FIRST.fullmatch(text) is None)[named] > 0
    out = np.where(second, named, 0)
    given = np.flatnonzero(lens.of(Kind.FACTOR_CHECKED) & ~lens.failed & second)
    for place in signed_in[out[signed_in] == 0].tolist() if len(given) else ():
        at = int(lens.times[place])
        near = lens.within(given, at - _ANSWER_US, at + _ANSWER_US)
        same = near[(lens.address[near] == lens.address[place]) & (lens.device[near] == lens.device[place])]
        out[place] = named[same[0]] if len(same) else 0
    return out


def _owner_like(lens: Lens, strand: Strand) -> Iterator[Fact]:
    if not strand.address:
        return
    here = lens.by_address.places(strand.address)
    here = lens.within(here, 0, int(lens.times[strand.came]) + DAY_US)
    here = here[lens.present[here] & ~lens.past.device.new[here] & (lens.past.device.since[here] >= 0)]
    if not strand.mine(lens, here).all():
        yield Fact("a device that the account knows was at the same address", -4)


def _why(lens: Lens, strand: Strand) -> str:
    came = int(lens.times[strand.came])
    done = list(dict.fromkeys(STEPS[Kind(int(lens.kinds[step]))][0] for step in strand.steps))
    what = ", ".join(done[:-1]) + " and " + done[-1] if len(done) > 1 else done[0]
    took = int(lens.times[strand.steps[-1]]) - came
    when = f"within {lasting(took)} of coming" if took >= SECOND_US else "at once"
    who = (
        "A session goes on from elsewhere"
        if strand.by == "session"
        else f"Never seen {past_said(lens, came)}: a newcomer"
    )
    return f"{who} ({origin(lens, strand.came)}) {what} {when}."
