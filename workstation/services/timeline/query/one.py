"""Asks one event: the plain meaning of a query, for single events and as the measure of the columns' answers."""

from __future__ import annotations

from collections.abc import Collection, Mapping

from workstation.services.timeline.event import FIELDS, Event
from workstation.services.timeline.query.ast import And, Everything, Leaf, Node, Not, Or, Query, Range
from workstation.services.timeline.query.conditions import span_of, test_of
from workstation.services.timeline.query.fields import INGESTED, PINNED, TIME, Kind, kind_of

#: What was said about an event: ``mark`` → its rules, ``label`` → whose it is, ``pinned`` → ``{"true"}`` where it is.
Said = Mapping[str, Collection[str]]
_NOTHING: Said = {}


def matches(query: Query, event: Event, now_us: int, said: Said = _NOTHING) -> bool:
    """Return whether a query keeps an event.

    Args:
        query: the query.
        event: the event.
        now_us: what ``now`` means, microseconds since the epoch.
        said: pins, marks and labels of the event.
    """
    return _kept(query.root, event, now_us, said)


def _kept(node: Node, event: Event, now_us: int, said: Said) -> bool:
    if isinstance(node, Not):
        return not _kept(node.part, event, now_us, said)
    if isinstance(node, And):
        return all(_kept(part, event, now_us, said) for part in node.parts)
    if isinstance(node, Or):
        return any(_kept(part, event, now_us, said) for part in node.parts)
    return _leaf(node, event, now_us, said)


def _leaf(leaf: Leaf, event: Event, now_us: int, said: Said) -> bool:
    if isinstance(leaf, Everything):
        return True
    if not leaf.field:
        return any(test_of(leaf)(event.value(field)) for field in FIELDS)
    kind = kind_of(leaf.field)
    if kind is Kind.TIME:
        at = {TIME: event.time_us, INGESTED: event.ingested_us}[leaf.field]
        low, high = span_of(leaf, now_us) if isinstance(leaf, Range) else (None, None)
        there = leaf.field == TIME or at != 0
        return there and (low is None or at >= low) and (high is None or at < high)
    if kind is Kind.SAID:
        values = said.get(leaf.field, ())
        if leaf.field == PINNED and "true" not in values:
            values = ("false",)
        return any(test_of(leaf)(value) for value in values)
    return test_of(leaf)(event.value(leaf.field))
