"""The two bounds of a query in a store's language, and what a store's fields hold."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence
from enum import StrEnum
from typing import Generic, TypeAlias, TypeVar

import msgspec

from workstation.services.timeline.query.ast import (
    And,
    Everything,
    Exists,
    Leaf,
    Match,
    Node,
    Not,
    Or,
    Query,
    Range,
    Regex,
    leaves,
)
from workstation.services.timeline.query.conditions import address_of, number, span_of
from workstation.services.timeline.query.fields import Kind, kind_of
from workstation.services.timeline.query.patterns import literal
from workstation.services.timeline.query.push import spelling
from workstation.services.timeline.query.push.networks import networks_of

T = TypeVar("T")
#: Lower and upper bound; True stands for every event and False for none.
Bounds: TypeAlias = tuple[T | bool, T | bool]
#: Digits of a number that every store compares as we do (IEEE 754: 15 survive any way to and fro).
_DIGITS = 15
#: Stores bound both (indices.query.bool.max_nested_depth 20, max_clause_count 1,024); beyond them we finish locally.
MAX_DEPTH = 6
MAX_CONDITIONS = 256


class Stored(StrEnum):
    """How a store holds the values of a field."""

    #: Whole texts, compared byte by byte: keyword, String, text, a label.
    TEXT = "text"
    #: A type of addresses: ip, IPv4 and IPv6, inet. In Loki a label with addresses.
    IP = "ip"
    #: 64-bit numbers.
    NUMBER = "number"
    #: A type of times.
    TIME = "time"


class Column(msgspec.Struct, frozen=True):
    """A field of a store, which holds one value a record: exactly the text that our event has, where it is TEXT.

    A field whose values a mapping changes, or that may hold lists, has no column: what asks it is finished locally.

    Attributes:
        name: what the store calls it; never from outside.
        stored: how it holds the values.
        tick_us: microseconds that its times are rounded down to; 1,000 for ``date`` of OpenSearch and Elasticsearch.
        longest: characters beyond which the store does not index a value (``ignore_above``: 256 in the dynamic
            mapping of OpenSearch and Elasticsearch, 1,024 in Elastic's ECS templates); None for no bound.
    """

    name: str
    stored: Stored = Stored.TEXT
    tick_us: int = 1
    longest: int | None = None


class Pushed(msgspec.Struct, Generic[T], frozen=True):
    """A query as it is sent to a store.

    Attributes:
        condition: what the store is asked; None for every event.
        nothing: no event can pass: the store need not be asked at all.
        exact: the store keeps what the query keeps, no more.
        local: the terms of the query that the store does not answer to the last.
    """

    condition: T | None
    nothing: bool
    exact: bool
    local: tuple[Node, ...]


class Language(ABC, Generic[T]):
    """A store's language. ``columns`` are by ECS name; what is not there is not pushed.

    Every condition is two-valued: what has no value does not meet it, and meets its negation.
    """

    def __init__(self, columns: Mapping[str, Column]) -> None:
        self.columns = columns

    @abstractmethod
    def all_of(self, parts: Sequence[T]) -> T:
        """Return what all of at least two keep."""

    @abstractmethod
    def any_of(self, parts: Sequence[T]) -> T:
        """Return what any of at least two keeps."""

    @abstractmethod
    def negation(self, part: T) -> T:
        """Return what `part` does not keep."""

    @abstractmethod
    def present(self, column: Column) -> T:
        """Return what has a value that is not ``""``."""

    @abstractmethod
    def same(self, column: Column, text: str) -> T:
        """Return what has exactly this text, byte by byte; never ``""``."""

    @abstractmethod
    def spelled(self, column: Column, regex: str) -> T:
        """Return whose whole value a regular expression of :mod:`.spelling` matches, byte by byte."""

    def expression(self, column: Column, source: str) -> Bounds[T]:
        """Return the bounds of a regular expression that somebody typed."""
        return (False, True)

    def within(self, column: Column, network: str) -> Bounds[T]:
        """Return the bounds of the addresses of a network, of an IP column."""
        return (False, True)

    def compared(self, column: Column, low: str | None, high: str | None, closed: tuple[bool, bool]) -> Bounds[T]:
        """Return the bounds of a span of numbers, of a NUMBER column."""
        return (False, True)

    def timed(self, column: Column, low_us: int | None, high_us: int | None) -> T | bool:
        """Return what lies from `low_us` to before `high_us`, both multiples of the column's tick."""
        return True

    # -- what all languages share ------------------------------------------------------------------

    def bounds(self, node: Node, now_us: int, depth: int = 0) -> Bounds[T]:
        """Return the bounds of a tree, which is `depth` deep in another."""
        if isinstance(node, Not):
            lower, upper = self.bounds(node.part, now_us, depth)
            return self._not(upper), self._not(lower)
        if isinstance(node, And | Or):
            if depth == MAX_DEPTH:
                return (False, True)
            join = self.together if isinstance(node, And) else self._any
            each = [self.bounds(part, now_us, depth + 1) for part in node.parts]
            return join([lower for lower, _ in each]), join([upper for _, upper in each])
        return self._leaf(node, now_us)

    def _not(self, part: T | bool) -> T | bool:
        return (not part) if isinstance(part, bool) else self.negation(part)

    def together(self, parts: Sequence[T | bool]) -> T | bool:
        """Return what all of any number of bounds keep."""
        if any(part is False for part in parts):
            return False
        rest = [part for part in parts if not isinstance(part, bool)]
        return self.all_of(rest) if len(rest) > 1 else rest[0] if rest else True

    def _any(self, parts: Sequence[T | bool]) -> T | bool:
        if any(part is True for part in parts):
            return True
        rest = [part for part in parts if not isinstance(part, bool)]
        return self.any_of(rest) if len(rest) > 1 else rest[0] if rest else False

    def _leaf(self, leaf: Leaf, now_us: int) -> Bounds[T]:
        if isinstance(leaf, Everything):
            return (True, True)
        column = self.columns.get(leaf.field)
        if column is None or kind_of(leaf.field) in (Kind.SEVERAL, Kind.SAID):
            return (False, True)
        if isinstance(leaf, Exists):
            return self.exists(column)
        if column.stored is Stored.TIME:
            return self._time(column, leaf, now_us) if isinstance(leaf, Range) else (False, True)
        if column.stored is Stored.NUMBER:
            return self._number(column, leaf)
        if kind_of(leaf.field) is Kind.IP:
            networks = networks_of(leaf)
            if networks is not None:
                return self._networks(column, networks, leaf)
        return self._text(column, leaf) if column.stored is Stored.TEXT else (False, True)

    def exists(self, column: Column) -> Bounds[T]:
        """Return the bounds of having any value."""
        present = self.present(column)
        return present, present

    def _time(self, column: Column, leaf: Range, now_us: int) -> Bounds[T]:
        if kind_of(leaf.field) is not Kind.TIME:
            return (False, True)
        low, high = span_of(leaf, now_us)
        tick = column.tick_us
        floor = [None if end is None else end // tick * tick for end in (low, high)]
        ceiling = [None if end is None else -(-end // tick) * tick for end in (low, high)]
        return self.timed(column, ceiling[0], floor[1]), self.timed(column, floor[0], ceiling[1])

    def _number(self, column: Column, leaf: Leaf) -> Bounds[T]:
        if isinstance(leaf, Range):
            ends = [end for end in (leaf.low, leaf.high) if end is not None]
            if all(_plain(end) for end in ends):
                return self.compared(column, leaf.low, leaf.high, (leaf.with_low, leaf.with_high))
        if isinstance(leaf, Match) and (said := literal(leaf.pattern)) and _plain(said):
            # 92 and 92.0 are one number and two texts.
            return False, self.compared(column, said, said, (True, True))[1]
        return (False, True)

    def _networks(self, column: Column, networks: Sequence[str], leaf: Leaf) -> Bounds[T]:
        if column.stored is Stored.IP:
            each = [self.within(column, network) for network in networks]
            return self._any([lower for lower, _ in each]), self._any([upper for _, upper in each])
        if column.stored is not Stored.TEXT:
            return (False, True)
        upper = self._any([self.spelled(column, spelling.of_network(network)) for network in networks])
        named = isinstance(leaf, Match) and address_of(leaf) is not None
        return (self._text(column, leaf)[0] if named else False), upper

    def _text(self, column: Column, leaf: Leaf) -> Bounds[T]:
        if isinstance(leaf, Regex):
            return self.expression(column, leaf.source)
        if not isinstance(leaf, Match):
            return (False, True)
        if leaf.pattern == "":
            lower, upper = self.exists(column)
            return self._not(upper), self._not(lower)
        spelled = spelling.of_pattern(leaf.pattern)
        if spelled is None:
            return (False, True)
        if spelled.only is not None:
            same = self.same(column, spelled.only)
            return same, self.unseen(column, leaf.pattern, same)
        upper = self.spelled(column, spelled.upper)
        return self.spelled(column, spelled.lower), self.unseen(column, leaf.pattern, upper)

    def unseen(self, column: Column, pattern: str, found: T) -> T | bool:
        """Return the upper bound of a pattern: what the store finds, and what it could not look at."""
        return found


def _plain(text: str) -> bool:
    return number(text) is not None and sum(char.isdigit() for char in text) <= _DIGITS and text[:1] not in "aA"


def push(query: Query, language: Language[T], now_us: int) -> Pushed[T]:
    """Return a query as it is sent to a store.

    Args:
        query: the query.
        language: the store's.
        now_us: what ``now`` means, microseconds since the epoch.
    """
    each: list[Bounds[T]] = []
    room = MAX_CONDITIONS
    for term in query.terms:
        size = sum(1 for _ in leaves(term))
        each.append(language.bounds(term, now_us) if size <= room else (False, True))
        room -= size if size <= room else 0
    lower, upper = (language.together([bounds[side] for bounds in each]) for side in (0, 1))
    local = tuple(term for term, bounds in zip(query.terms, each, strict=True) if not _settled(bounds))
    return Pushed(None if isinstance(upper, bool) else upper, upper is False, _settled((lower, upper)), local)


def _settled(bounds: Bounds[T]) -> bool:
    return bounds[0] == bounds[1] and isinstance(bounds[0], bool) == isinstance(bounds[1], bool)
