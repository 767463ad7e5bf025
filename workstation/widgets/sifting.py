"""What of a timeline is shown: filters on values, gaps between the events, and how they lie in time."""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Sequence
from fnmatch import fnmatchcase

import msgspec

from workstation.services.timeline.event import FIELDS, Event
from workstation.services.timeline.source import Gap
from workstation.services.views import TimelineView

#: Short names that a hand may type, beside the ECS names.
_NAMES = {attribute: attribute for attribute in FIELDS.values()} | FIELDS
#: What a typed word without a field is looked for in.
_ANYWHERE = ("action", "target", "ip", "country", "city", "as_org", "device", "session", "user_agent", "reason", "id")


class Term(msgspec.Struct, frozen=True):
    """One condition: a field and a value (``*`` and ``?`` stand for anything), or a word anywhere."""

    attribute: str
    value: str
    hide: bool = False

    def word(self) -> str:
        """Return the term as it is typed."""
        return f"{'-' if self.hide else ''}{self.attribute + ':' if self.attribute else ''}{self.value}"

    def matches(self, event: Event) -> bool:
        """Return whether the event has the value, whatever :attr:`hide` says."""
        wanted = self.value.lower()
        if not self.attribute:
            return any(wanted in str(getattr(event, name)).lower() for name in _ANYWHERE)
        have = str(getattr(event, self.attribute)).lower()
        return fnmatchcase(have, wanted) if "*" in wanted or "?" in wanted else have == wanted


class Filters(msgspec.Struct, frozen=True):
    """Terms in the order in which they were added. Values of one field are alternatives; hidden ones are not shown."""

    terms: tuple[Term, ...] = ()

    def plus(self, *terms: Term) -> Filters:
        """Return these filters with more terms; one that is there already is not doubled."""
        return Filters(self.terms + tuple(term for term in terms if term not in self.terms))

    def without_last(self) -> Filters:
        """Return these filters without the newest term."""
        return Filters(self.terms[:-1])

    def keeps(self, event: Event) -> bool:
        """Return whether the event is shown."""
        wanted: dict[str, bool] = {}
        for term in self.terms:
            hit = term.matches(event)
            if term.hide:
                if hit:
                    return False
            elif term.attribute:
                wanted[term.attribute] = wanted.get(term.attribute, False) or hit
            elif not hit:
                return False
        return all(wanted.values())


def parse(text: str) -> tuple[tuple[Term, ...], str]:
    """Read ``event.action:login -ip:10.* word`` and return its terms, and what could not be read, or ``""``."""
    terms: list[Term] = []
    for raw in text.split():
        hide, word = raw.startswith("-"), raw.removeprefix("-")
        field, colon, value = word.rpartition(":")
        if not colon or not field:
            terms.append(Term("", word, hide))
        elif field in _NAMES and value:
            terms.append(Term(_NAMES[field], value, hide))
        elif field in _NAMES:
            return (), f"{raw} has no value."
        else:
            return (), f"{field} is not a field; try action, ip, country, device, session or outcome."
    return tuple(terms), ""


class Sifted(msgspec.Struct, frozen=True):
    """What is shown: rows newest first with their ids, how many events they are, and the histogram."""

    keys: list[str]
    rows: list[Event | Gap]
    events: int
    buckets: list[int]
    since_us: int
    until_us: int


def event_key(event: Event) -> str:
    """Return what names an event among those of all sources."""
    return f"{event.source}\x1f{event.id}"


def gap_key(gap: Gap) -> str:
    """Return what names a gap."""
    return f"gap\x1f{gap.source}\x1f{gap.since_us}"


def sift(view: TimelineView, filters: Filters, width: int) -> Sifted:
    """Return what `filters` leave of `view`; gaps always stay, for nobody knows what they hide.

    Args:
        view: events newest first.
        filters: what is shown and hidden.
        width: buckets of the histogram.
    """
    events: Sequence[Event] = view.events
    if filters.terms:
        events = [event for event in events if filters.keeps(event)]
    keys = [event_key(event) for event in events]
    rows: list[Event | Gap] = list(events)
    order = [-event.time_us for event in events]
    for gap in sorted(view.gaps, key=lambda gap: gap.until_us):
        at = bisect_left(order, -gap.until_us)
        keys.insert(at, gap_key(gap))
        rows.insert(at, gap)
        order.insert(at, -gap.until_us)
    since = view.events[-1].time_us if view.events else 0
    until = view.events[0].time_us if view.events else 0
    return Sifted(keys, rows, len(events), histogram(events, since, until, width), since, until)


def histogram(events: Sequence[Event], since_us: int, until_us: int, width: int) -> list[int]:
    """Return how many events fall into each of `width` equal spans from `since_us` to `until_us`."""
    buckets = [0] * max(1, width)
    span = max(1, until_us - since_us)
    last = len(buckets) - 1
    for event in events:
        buckets[min(last, (event.time_us - since_us) * len(buckets) // span)] += 1
    return buckets
