"""A store that is a list of records, compared byte by byte as stores do: what bounds are measured with."""

from __future__ import annotations

import ipaddress
import re
from collections.abc import Callable, Mapping, Sequence
from decimal import Decimal

from workstation.services.timeline.event import FIELDS, Event
from workstation.services.timeline.query.addresses import as_ipv6
from workstation.services.timeline.query.fields import INGESTED, TIME
from workstation.services.timeline.query.push.bounds import Bounds, Column, Language, Stored
from workstation.services.timeline.query.push.expressions import ASCII_ONLY, shared

Rows = frozenset[int]


class Records(Language[Rows]):
    """Answers with the records themselves. ``columns`` are named like our fields."""

    def __init__(self, columns: Mapping[str, Column], events: Sequence[Event]) -> None:
        super().__init__(columns)
        self.events = events
        self.every: Rows = frozenset(range(len(events)))

    def _where(self, column: Column, test: Callable[[str], bool]) -> Rows:
        return frozenset(row for row, event in enumerate(self.events) if test(event.value(column.name)))

    def all_of(self, parts: Sequence[Rows]) -> Rows:
        return frozenset.intersection(*parts)

    def any_of(self, parts: Sequence[Rows]) -> Rows:
        return frozenset.union(*parts)

    def negation(self, part: Rows) -> Rows:
        return self.every - part

    def present(self, column: Column) -> Rows:
        if column.name == INGESTED:
            return frozenset(row for row, event in enumerate(self.events) if event.ingested_us)
        return self.every if column.name == TIME else self._where(column, bool)

    def same(self, column: Column, text: str) -> Rows:
        assert text
        return self._where(column, lambda value: value == text)

    def spelled(self, column: Column, regex: str) -> Rows:
        found = re.compile(regex, re.DOTALL)
        return self._where(column, lambda value: found.fullmatch(value) is not None)

    def expression(self, column: Column, source: str) -> Bounds[Rows]:
        if not shared(source):
            return (False, True)
        found, ascii_only = re.compile(source, re.DOTALL | re.IGNORECASE), re.compile(ASCII_ONLY)
        ours = self._where(column, lambda value: bool(value) and found.fullmatch(value) is not None)
        plain = self._where(column, lambda value: ascii_only.fullmatch(value) is not None)
        return ours & plain, ours | (self.every - plain)

    def within(self, column: Column, network: str) -> Bounds[Rows]:
        wanted = [ipaddress.ip_network(one) for one in (network, as_ipv6(network)) if one]

        def inside(value: str) -> bool:
            try:
                address = ipaddress.ip_address(value)
            except ValueError:
                return False
            return any(address in one for one in wanted)

        found = self._where(column, inside)
        return (False if ":" in network else found), found

    def compared(self, column: Column, low: str | None, high: str | None, closed: tuple[bool, bool]) -> Bounds[Rows]:
        def between(value: str) -> bool:
            if not re.fullmatch(r"-?\d+(\.\d+)?", value):
                return False
            it = Decimal(value)
            above = low is None or it > Decimal(low) or (closed[0] and it == Decimal(low))
            return above and (high is None or it < Decimal(high) or (closed[1] and it == Decimal(high)))

        found = self._where(column, between)
        return found, found

    def timed(self, column: Column, low_us: int | None, high_us: int | None) -> Rows | bool:
        tick = column.tick_us
        kept = set()
        for row, event in enumerate(self.events):
            at = event.time_us if column.name == TIME else event.ingested_us
            known = at // tick * tick
            inside = (low_us is None or known >= low_us) and (high_us is None or known < high_us)
            if inside and (at or column.name == TIME):
                kept.add(row)
        return frozenset(kept)


def columns(ip: Stored = Stored.TEXT, tick_us: int = 1, longest: int | None = None) -> dict[str, Column]:
    """Return a column of the same name for every field."""
    kinds = {"source.ip": ip, "event.risk_level": Stored.NUMBER}
    every = {name: Column(name, kinds.get(name, Stored.TEXT), longest=longest) for name in FIELDS}
    return every | {name: Column(name, Stored.TIME, tick_us) for name in (TIME, INGESTED)}
