"""Somebody new at the account does what intruders do: the one mark that may hold up a withdrawal by itself.

A newcomer is a device (or, where devices are not told, a program or a network) that the account never saw before, or a
session that goes on from elsewhere. Being new is no crime; what counts is what it does within a week, how fast, and
what speaks for its being the owner. The points are set by hand from what takeovers consist of (FATF/Egmont red flags,
MITRE ATT&CK T1078, T1098, T1556) and not fitted to any data; docs/marks.md lists them.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator

import msgspec
import numpy as np

from workstation.services.timeline.marks.coded.telling import finding, origin, past_said
from workstation.services.timeline.marks.kinds import Kind
from workstation.services.timeline.marks.lens import Lens, Numbers
from workstation.services.timeline.marks.model import About, Fact, Finding, lasting
from workstation.services.timeline.marks.past import DAY_US, HOUR_US, NEW_US
from workstation.services.timeline.working.frame import Check, Mask

HIGH, MEDIUM = 5, 3
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
#: Steps without which nothing is lost yet.
_GRAVE = frozenset(STEPS) - {Kind.FACTOR_ON, Kind.CODES, Kind.PASSWORD, Kind.LINKED, Kind.GRANTED}
#: An address that was added so shortly before is the newcomer's, whoever added it.
_FRESH_US = 3 * DAY_US
#: Events that say nothing of whence are the newcomer's, if nobody else came in between, for so long.
_FOLLOW_US = HOUR_US
_SOON_US, _SLOW_US = HOUR_US // 2, DAY_US
_BEFORE_US = 3 * DAY_US
_TRIES_US, _TRIES = 2 * HOUR_US, 3

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


class Strand(msgspec.Struct):
    """What one newcomer did: the place at which he came and the places of his steps."""

    came: int
    steps: list[int]
    device: int
    address: int
    sessions: frozenset[int]
    moved: bool


class Around:
    """Places of events that say something about newcomers, each sort looked for once."""

    def __init__(self, lens: Lens) -> None:
        fine = ~lens.failed
        self.tries = np.flatnonzero(lens.of(Kind.SIGN_IN) & lens.failed & ~lens.known_device)
        self.swaps = np.flatnonzero(lens.of(Kind.PHONE_CHECKED) & lens.failed)
        self.staff = np.flatnonzero(lens.of(Kind.CONTACT, Kind.FACTOR_OFF, Kind.RESET) & ~lens.own & fine)
        self.signed_in = np.flatnonzero(lens.of(Kind.SIGN_IN) & lens.entered)
        self.added = np.flatnonzero(lens.of(Kind.ADDRESS) & fine)
        self.of_money = np.flatnonzero(lens.of(Kind.ADDRESS, Kind.WITHDRAWAL, Kind.PAID))


class NewcomerActs:
    """The detector."""

    about = ABOUT

    def find(self, lens: Lens, now_us: int, check: Check) -> list[Finding]:
        """Return what it finds; see Rule."""
        out = []
        around = Around(lens)
        for strand in lens.newest(list(strands(lens))):
            check()
            facts = list(_facts(lens, strand, around))
            points = sum(fact.points for fact in facts)
            grave = any(Kind(int(lens.kinds[step])) in _GRAVE for step in strand.steps)
            if points < 1:
                continue
            severity = "high" if points >= HIGH and grave else "medium" if points >= MEDIUM else "low"
            places = [strand.came, *strand.steps]
            out.append(finding(ABOUT, lens, places, why=_why(lens, strand), severity=severity, facts=facts))
        return out


RULE = NewcomerActs()


def strands(lens: Lens) -> Iterator[Strand]:
    """Yield newcomers that took a step, by the time of their first one."""
    steps = np.flatnonzero(lens.of(*STEPS) & ~lens.failed & (lens.own | lens.of(Kind.PAID)))
    whence = _whence(lens, steps)
    new = np.where(whence >= 0, _newcomer(lens)[whence], False)
    open_strands: dict[tuple[int, int], Strand] = {}
    for step, origin_place in zip(steps[new].tolist(), whence[new].tolist(), strict=True):
        device, address = int(lens.device[origin_place]), int(lens.address[origin_place])
        key = (device, 0) if bool(lens.past.device.new[origin_place]) else (0, address)
        strand = open_strands.get(key)
        if strand is None or lens.times[step] - lens.times[strand.came] > NEW_US:
            if strand is not None:
                yield strand
            strand = open_strands[key] = _begun(lens, origin_place, device, address, by_device=key[0] > 0)
        strand.steps.append(step)
        strand.sessions |= {int(lens.session[step])} - {0}
    yield from sorted(open_strands.values(), key=lambda strand: strand.steps[0])


def _whence(lens: Lens, steps: Numbers) -> Numbers:
    """Return the place that tells whence each step came: itself, its session's start, or who had just come in."""
    told = (lens.device[steps] > 0) | (lens.address[steps] > 0)
    by_session = lens.came_in[steps]
    entries = np.flatnonzero(lens.entered & ((lens.device > 0) | (lens.address > 0)))
    before = np.searchsorted(entries, steps) - 1
    last = np.where(before >= 0, entries[np.maximum(before, 0)], -1) if len(entries) else np.full(len(steps), -1)
    close = (last >= 0) & (lens.times[steps] - lens.times[np.maximum(last, 0)] <= _FOLLOW_US)
    return np.where(told, steps, np.where(by_session >= 0, by_session, np.where(close, last, -1)))


def _newcomer(lens: Lens) -> Mask:
    """Return at which places somebody new is at work."""
    past = lens.past
    named = (lens.device > 0) & (lens.device <= lens.named_devices)
    new_network = past.network.new & (past.country.new | lens.hosted | past.device.new | (lens.device == 0))
    return np.asarray((named & past.device.new) | (~named & new_network) | (lens.moved & past.address.new))


def _begun(lens: Lens, place: int, device: int, address: int, *, by_device: bool) -> Strand:
    novelty = lens.past.device if by_device else lens.past.address
    code = device if by_device else address
    first = int(novelty.first[code]) if code else place
    jumped = bool(lens.moved[place])
    return Strand(
        came=first if 0 <= first <= place and lens.times[place] - lens.times[first] <= NEW_US else place,
        steps=[],
        device=device,
        address=address,
        sessions=frozenset({int(lens.session[place])} - {0}),
        moved=jumped,
    )


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
    came = int(lens.times[strand.came])
    soon = {int(lens.kinds[step]) for step in strand.steps if lens.times[step] - came <= _SOON_US}
    if len(soon) >= 2:
        yield Fact("all of it within half an hour of coming", 1)
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
        return Fact("money asked for, an address having just been added", 3) if fresh else Fact("money asked for", 2)
    same = around.of_money[targets[around.of_money] == target]
    if at - int(lens.times[same[0]]) > _FRESH_US:
        return Fact("money asked for to an address that the account had used before", 0)
    return Fact("money asked for to an address never seen before", 2)


def _strange(lens: Lens, strand: Strand) -> Iterator[Fact]:
    past, came = lens.past, strand.came
    if strand.moved:
        yield Fact("came into a session that had begun elsewhere", 2)
    if past.network.new[came] and not past.network.restless(came):
        yield Fact("a network never seen before", 1)
    if past.country.new[came] and not past.country.restless(came):
        yield Fact("a country never seen before", 1)
    if lens.hosted[came] and not past.hoster_before(came):
        yield Fact("a hoster's or anonymiser's network, as this account never used", 1)


def _before(lens: Lens, strand: Strand, around: Around) -> Iterator[Fact]:
    at = int(lens.times[strand.came])
    last = int(lens.times[strand.steps[-1]])
    tries = lens.within(around.tries, at - _TRIES_US, at)
    if len(tries) >= _TRIES:
        yield Fact(f"{len(tries)} refused sign-ins from elsewhere just before", 1)
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
    signed_in = around.signed_in
    before = signed_in[: np.searchsorted(signed_in, strand.came)][-200:]
    factors = lens.column("authentication.factor")
    usual, times = next(iter(Counter(factors[before].tolist()).most_common(1)), (0, 0))
    if not usual or len(before) < 5 or times < 0.8 * len(before):
        return None
    mine = signed_in[np.searchsorted(signed_in, strand.came) : np.searchsorted(signed_in, strand.steps[-1])]
    mine = mine[_of_strand(lens, strand, mine)]
    return None if not len(mine) else bool(factors[mine[0]] == usual)


def _of_strand(lens: Lens, strand: Strand, places: Numbers) -> Mask:
    """Return which of these places are the newcomer's own."""
    mine = np.isin(lens.session[places], list(strand.sessions))
    if lens.past.device.new[strand.came] and strand.device:
        return np.asarray(mine | (lens.device[places] == strand.device))
    return np.asarray(mine | ((lens.address[places] == strand.address) & (strand.address > 0)))


def _owner_like(lens: Lens, strand: Strand) -> Iterator[Fact]:
    if not strand.address:
        return
    here = lens.by_address.places(strand.address)
    here = lens.within(here, 0, int(lens.times[strand.came]) + DAY_US)
    here = here[lens.present[here] & ~lens.past.device.new[here] & (lens.past.device.since[here] >= 0)]
    if not _of_strand(lens, strand, here).all():
        yield Fact("a device that the account knows was at the same address", -4)


def _why(lens: Lens, strand: Strand) -> str:
    came = int(lens.times[strand.came])
    done = list(dict.fromkeys(STEPS[Kind(int(lens.kinds[step]))][0] for step in strand.steps))
    what = ", ".join(done[:-1]) + " and " + done[-1] if len(done) > 1 else done[0]
    span = lasting(int(lens.times[strand.steps[-1]]) - came)
    who = "A session goes on from elsewhere" if strand.moved else f"Never seen {past_said(lens, came)}: a newcomer"
    return f"{who} ({origin(lens, strand.came)}) {what} within {span} of coming."
