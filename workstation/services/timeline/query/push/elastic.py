"""Into the query DSL of OpenSearch and Elasticsearch: one dictionary for ``query.bool.filter``.

Values travel as JSON, so nothing in them can be read as anything else. Texts are asked by ``regexp`` with its optional
operators off (``flags: NONE``), not by ``case_insensitive``, which knows ASCII only.
Source: Elasticsearch reference, "Regexp query", "Term query" (addresses in CIDR), "Range query" (epoch_millis).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, TypeAlias

from workstation.services.timeline.query.ast import Query
from workstation.services.timeline.query.patterns import literal
from workstation.services.timeline.query.push.bounds import Bounds, Column, Language, Pushed, Stored, push

Clause: TypeAlias = dict[str, Any]


class Elastic(Language[Clause]):
    """The query DSL. Times are ``date`` (milliseconds)."""

    def all_of(self, parts: Sequence[Clause]) -> Clause:
        """Return a ``bool`` of filters."""
        return {"bool": {"filter": list(parts)}}

    def any_of(self, parts: Sequence[Clause]) -> Clause:
        """Return a ``bool`` of which one must hold."""
        return {"bool": {"should": list(parts), "minimum_should_match": 1}}

    def negation(self, part: Clause) -> Clause:
        """Return a ``must_not``."""
        return {"bool": {"must_not": [part]}}

    def present(self, column: Column) -> Clause:
        """Return ``exists``; an empty keyword exists, too, and is nothing here."""
        exists = {"exists": {"field": column.name}}
        if column.stored is not Stored.TEXT:
            return exists
        return {"bool": {"filter": [exists], "must_not": [{"term": {column.name: {"value": ""}}}]}}

    def exists(self, column: Column) -> Bounds[Clause]:
        """Return the bounds of having any value: one that is too long or malformed is not indexed."""
        present = self.present(column)
        return present, present if column.longest is None and column.stored is Stored.TEXT else True

    def same(self, column: Column, text: str) -> Clause:
        """Return ``term``."""
        return {"term": {column.name: {"value": text}}}

    def spelled(self, column: Column, regex: str) -> Clause:
        """Return ``regexp``, which always is about the whole value; groups there have no ``?:``."""
        lucene = regex.replace("(?:", "(")
        return {"regexp": {column.name: {"value": lucene, "flags": "NONE"}}}

    def unseen(self, column: Column, pattern: str, found: Clause) -> Clause | bool:
        """Return what matches, or has no indexed value: it may be too long."""
        said = literal(pattern)
        # Folding never shortens a text, so no value that folds to this one is longer.
        if column.longest is None or (said is not None and len(said.casefold()) <= column.longest):
            return found
        return self.any_of([found, self.negation({"exists": {"field": column.name}})])

    def within(self, column: Column, network: str) -> Bounds[Clause]:
        """Return ``term`` with the network. An IPv6 network there may take in IPv4 addresses."""
        found = {"term": {column.name: {"value": network}}}
        return (False if ":" in network else found), found

    def compared(self, column: Column, low: str | None, high: str | None, closed: tuple[bool, bool]) -> Bounds[Clause]:
        """Return ``range`` of numbers."""
        ends: Clause = {}
        if low is not None:
            ends["gte" if closed[0] else "gt"] = _number(low)
        if high is not None:
            ends["lte" if closed[1] else "lt"] = _number(high)
        found = {"range": {column.name: ends}}
        return found, found

    def timed(self, column: Column, low_us: int | None, high_us: int | None) -> Clause | bool:
        """Return ``range`` of milliseconds since the epoch."""
        if column.tick_us % 1_000:
            return True
        ends: Clause = {"format": "epoch_millis"}
        if low_us is not None:
            ends["gte"] = low_us // 1_000
        if high_us is not None:
            ends["lt"] = high_us // 1_000
        return {"range": {column.name: ends}}


def _number(text: str) -> int | float:
    return float(text) if "." in text else int(text)


def query_dsl(query: Query, columns: Mapping[str, Column], now_us: int) -> Pushed[Clause]:
    """Return a query in the query DSL; ``date`` columns have ``tick_us`` 1,000."""
    return push(query, Elastic(columns), now_us)
