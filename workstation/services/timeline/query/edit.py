"""Queries changed a step at a time: every term in force is a chip, and keys add, drop and turn chips over."""

from __future__ import annotations

from collections.abc import Container

import msgspec

from workstation.services.timeline.query import moments
from workstation.services.timeline.query.ast import Match, Node, Not, Query, Range, asking, leaves, negate
from workstation.services.timeline.query.conditions import span_of
from workstation.services.timeline.query.fields import NAMES, TIME, WORDS, Kind, kind_of
from workstation.services.timeline.query.patterns import escaped


class Chip(msgspec.Struct, frozen=True):
    """One term as the screen shows it.

    ``text`` is what would be typed; values in it are Untrusted. ``place`` is that of the term in the query. ``hides``
    says that it is a ``not``; ``text`` then is without the sign.
    """

    place: int
    text: str
    hides: bool


def chips(query: Query) -> tuple[Chip, ...]:
    """Return the chips of a query, oldest first."""
    return tuple(
        Chip(place, str(term.part if isinstance(term, Not) else term), isinstance(term, Not))
        for place, term in enumerate(query.terms)
    )


def exactly(field: str, value: str) -> Node:
    """Return the condition that only this value meets, ``""`` only what has none.

    Raises:
        KeyError: there is no such field.
        ValueError: the field knows no such value: no time, or none of its few words.
    """
    name = NAMES[field]
    if kind_of(name) is Kind.TIME:
        moments.span(value, 0)
        return Range(name, value, value)
    if name in WORDS and value not in WORDS[name]:
        raise ValueError(f"{name} is one of {', '.join(WORDS[name])}.")
    return Match(name, escaped(value))


def with_value(query: Query, field: str, value: str) -> Query:
    """Return a query that keeps only events with exactly this value, ``""`` for those without any.

    It takes the place of another value of the field, and of hiding this one: two values of one field at once would
    never match. What is asked of the field in other ways (several values, ranges, networks) gives way to it, too.

    Raises:
        KeyError: there is no such field.
        ValueError: the field knows no such value: no time, or none of its few words.
    """
    term = exactly(field, value)
    rest = (old for old in query.terms if old != negate(term) and _field(old) != NAMES[field])
    return Query((*rest, term))


def without_value(query: Query, field: str, value: str) -> Query:
    """Return a query that hides events with exactly this value, and no longer asks for it.

    Raises:
        KeyError: there is no such field.
        ValueError: the field knows no such value: no time, or none of its few words.
    """
    term = exactly(field, value)
    return Query((*(old for old in query.terms if old not in (term, negate(term))), negate(term)))


def also(query: Query, other: Query) -> Query:
    """Return a query that asks for both; a term of `other` that is there already is not added again."""
    new = dict.fromkeys(other.terms)
    return Query((*query.terms, *(term for term in new if term not in query.terms)))


def without(query: Query, place: int) -> Query:
    """Return this query without the term at `place`. Raises IndexError."""
    return _replaced(query, place)


def turned(query: Query, place: int) -> Query:
    """Return this query with the term at `place` turned into its opposite. Raises IndexError."""
    return _replaced(query, place, *asking(negate(query.terms[place])).terms)


def rewritten(query: Query, place: int, typed: Query) -> Query:
    """Return this query with what was typed in place of the term at `place`. Raises IndexError."""
    return _replaced(query, place, *typed.terms)


def without_last(query: Query) -> Query:
    """Return this query without the newest term."""
    return Query(query.terms[:-1])


def between(query: Query, since_us: int, until_us: int) -> Query:
    """Return this query for another span of time: from `since_us` to before `until_us` (microseconds, UTC).

    Raises:
        ValueError: the span is empty, or beyond the years 1 to 9999.
    """
    if not moments.MIN_US <= since_us < until_us <= moments.MAX_US:
        raise ValueError(f"no span of time: {since_us} to {until_us}")
    term = Range(TIME, moments.written(since_us), moments.written(until_us), True, False)
    return Query((*always(query).terms, term))


def around(query: Query, time_us: int, minutes: float) -> Query:
    """Return this query for the time around an event: `minutes` before and after it, itself included."""
    half = moments.minutes(minutes)
    since, until = max(moments.MIN_US, time_us - half), min(moments.MAX_US, time_us + half + 1)
    return between(query, since, until)


def always(query: Query) -> Query:
    """Return this query without the terms that choose a span of time."""
    return Query(tuple(old for old in query.terms if _field(old) != TIME))


def about(query: Query, fields: Container[str]) -> Query:
    """Return the terms of a query that ask nothing but some fields; a bare word asks all fields, so it is none."""
    return Query(
        tuple(term for term in query.terms if all(getattr(leaf, "field", "") in fields for leaf in leaves(term)))
    )


def of_events(query: Query) -> Query:
    """Return the terms that events alone answer: what was said of them, pins, marks and labels, no store knows."""

    def said(term: Node) -> bool:
        return any(kind_of(getattr(leaf, "field", "")) is Kind.SAID for leaf in leaves(term))

    return Query(tuple(term for term in query.terms if not said(term)))


def span(query: Query, now_us: int) -> tuple[int | None, int | None]:
    """Return within which time all that a query keeps lies: from the first microsecond to before the second.

    None is no end. It is never narrower than what the query keeps; only terms of their own are looked at.
    """
    ranges = [span_of(term, now_us) for term in query.terms if isinstance(term, Range) and term.field == TIME]
    lows = [low for low, _ in ranges if low is not None]
    highs = [high for _, high in ranges if high is not None]
    return max(lows, default=None), min(highs, default=None)


def _replaced(query: Query, place: int, *terms: Node) -> Query:
    if not 0 <= place < len(query.terms):
        raise IndexError(place)
    return Query((*query.terms[:place], *terms, *query.terms[place + 1 :]))


def _field(term: Node) -> str:
    """Return the field that a term chooses values of: all of it asks that field and it is not a ``not``."""
    if isinstance(term, Not):
        return ""
    parts = getattr(term, "parts", None)
    if parts is not None:
        fields = {_field(part) for part in parts}
        return fields.pop() if len(fields) == 1 else ""
    return getattr(term, "field", "")
