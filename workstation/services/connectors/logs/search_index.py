"""What an index of OpenSearch or Elasticsearch can be asked: how its fields are typed decides that."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import msgspec

from workstation.services.connectors.logs.search_api import Capability
from workstation.services.errors import Invalid
from workstation.services.timeline.query.push.bounds import Column, Stored
from workstation.settings import OpenSearchSettings, TimeUnit

#: Types in which a value is found as a whole.
_WHOLE = frozenset({"keyword", "constant_keyword", "wildcard", "flattened", "ip", "version"})
_NUMBERS = frozenset({"long", "integer", "short", "byte", "unsigned_long"})
_STORED: Mapping[Stored, frozenset[str]] = {
    Stored.TEXT: frozenset({"keyword", "constant_keyword", "wildcard"}),
    Stored.IP: frozenset({"ip"}),
    Stored.NUMBER: _NUMBERS,
    Stored.TIME: frozenset(),
}
#: Characters of a keyword beyond which the dynamic mapping of both stores leaves a value out of the index.
_LONGEST = 256
_DATES = frozenset({"date", "date_nanos"})
#: Where the default mapping of both stores puts a text as a whole.
_KEYWORD = ".keyword"
_PER_S: dict[TimeUnit, int] = {"s": 1, "ms": 1_000, "us": 1_000_000, "ns": 1_000_000_000}
_US = 1_000_000


class Index(msgspec.Struct, frozen=True):
    """Fields that can be asked and ordered by.

    A *tick* is the unit in which the store knows times: milliseconds of a date, or whatever a number counts.
    """

    dialect: str
    accounts: tuple[str, ...]
    #: Fields that hold the account as a number.
    numbered: tuple[str, ...]
    time_field: str
    #: Whether the time is a date; a number else.
    dated: bool
    #: Whether dates have nanoseconds, of which we take the milliseconds.
    nanos: bool
    tie_break: str
    per_s: int
    #: What may be asked of our fields, by ECS name: those of the settings that the index types as the settings say.
    columns: Mapping[str, Column] = {}

    def floor(self, us: int) -> int:
        """Return the tick in which a moment (microseconds since the epoch) lies."""
        return us * self.per_s // _US

    def ceiling(self, us: int) -> int:
        """Return the first tick that does not begin before a moment."""
        return -self.floor(-us)

    def micros(self, tick: float) -> int:
        """Return when a tick begins, in microseconds since the epoch."""
        return int(tick) * _US // self.per_s

    def asked(self, account: str) -> tuple[str, ...]:
        """Return the fields that may hold this account; a number is not asked for a word."""
        return self.accounts + (self.numbered if account.isascii() and account.isdigit() else ())


def wanted(chosen: OpenSearchSettings, columns: Mapping[str, Column]) -> list[str]:
    """Return the fields whose types must be known."""
    names = [*chosen.account_fields, chosen.time_field, chosen.tie_break]
    return [*names, *(name + _KEYWORD for name in names), *(column.name for column in columns.values())]


def understood(
    name: str,
    chosen: OpenSearchSettings,
    unit: TimeUnit,
    dialect: str,
    known: Mapping[str, Mapping[str, Capability]],
    columns: Mapping[str, Column],
) -> Index:
    """Return what can be asked of an index.

    Args:
        name: of the source, for sentences.
        chosen: the fields of the settings.
        unit: of a time that is a number.
        dialect: ``opensearch`` or ``elasticsearch``.
        known: field → type → what can be done with it, over all indices that the name matches.
        columns: what the settings allow to be asked for.

    Raises:
        Invalid: no field holds the account as a whole, or the time is none.
    """
    accounts = _usable(known, chosen.account_fields, _WHOLE)
    numbered = _usable(known, chosen.account_fields, _NUMBERS)
    if not accounts and not numbered:
        raise Invalid(
            f"The index of {name} has none of the fields {', '.join(chosen.account_fields)} as a keyword.",
            "Name the field that holds the account's id in the settings (account_fields).",
        )
    times = frozenset(known.get(chosen.time_field, {}))
    dated = bool(times) and times <= _DATES
    if not dated and not (times and times <= _NUMBERS):
        said = f"is {' and '.join(sorted(times))}" if times else "is not there"
        raise Invalid(
            f"The field {chosen.time_field} of {name} {said}: events cannot be put in the order of time.",
            "Name the field that holds the time in the settings (time_field).",
        )
    ties = _usable(known, (chosen.tie_break,), _WHOLE | _NUMBERS)
    return Index(
        dialect=dialect,
        accounts=accounts,
        numbered=numbered,
        time_field=chosen.time_field,
        dated=dated,
        nanos="date_nanos" in times,
        tie_break=ties[0] if ties else "",
        per_s=_PER_S["ms"] if dated else _PER_S[unit],
        columns={
            field: msgspec.structs.replace(column, longest=_LONGEST)
            for field, column in columns.items()
            if _is_typed(column, known.get(column.name, {}))
        },
    )


def _is_typed(column: Column, kinds: Mapping[str, Capability]) -> bool:
    """Return whether a field is everywhere of a type that answers as its column says."""
    return bool(kinds) and all(kind in _STORED[column.stored] and one.searchable for kind, one in kinds.items())


def _usable(
    known: Mapping[str, Mapping[str, Capability]], names: Sequence[str], kinds: frozenset[str]
) -> tuple[str, ...]:
    every = (each for name in names for each in (name, name + _KEYWORD))
    return tuple(
        name for name in every if any(kind in kinds and one.searchable for kind, one in known.get(name, {}).items())
    )
