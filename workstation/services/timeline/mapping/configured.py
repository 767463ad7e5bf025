"""Records of a store that no connector knows by itself: which of their fields is ours is said by settings.

:func:`reader` compiles a ``[logs.mapping]`` table once. What it returns gives the same event for a record whichever
way the record takes through it: many at a time by :mod:`.columns`, or by itself.
"""

from __future__ import annotations

import functools
from collections.abc import Sequence
from typing import Any, Protocol

import msgspec

from workstation.services.errors import Invalid
from workstation.services.timeline.event import FIELDS, Event, Outcome
from workstation.services.timeline.mapping import SOURCES
from workstation.services.timeline.mapping.columns import Mapped, one_by_one
from workstation.services.timeline.mapping.ecs import ALSO
from workstation.services.timeline.mapping.meaning import Layout, Meaning, finished
from workstation.services.timeline.mapping.paths import ByPaths, value_at
from workstation.services.timeline.mapping.records import (
    MICROS,
    MILLIS,
    SECONDS,
    decode,
    micros,
    record_id,
)
from workstation.settings import MappingSettings

#: Formats that are read by paths; every other one is a mapper of :data:`SOURCES`.
BY_PATHS = ("ecs", "flat")
_UNITS = {"s": SECONDS, "ms": MILLIS, "us": MICROS}
_NANOS_IN_MICRO = 1_000
#: Digits of a time in nanoseconds before the year 10000.
_NANOS_DIGITS = 21
_TIMES = {"ecs": ("@timestamp",), "flat": ("@timestamp", "timestamp", "time", "ts")}
_INGESTED = {"ecs": ("event.ingested",), "flat": ("event.ingested", "event_ingested", "ingested_at")}
_OUTCOMES = [str(outcome) for outcome in Outcome]


class Reader(Protocol):
    """Makes an event of a record."""

    def __call__(self, raw: bytes, own_id: str = "", around_us: int = 0) -> Event:
        """Return the event of a record.

        Args:
            raw: the record's text; it stays with the event.
            own_id: the id that its store gives it, for a record that holds none.
            around_us: a time near which it happened, for formats that write no year (openssh).

        Raises:
            Unmappable: it is no JSON object or has no time.
        """
        ...

    def batch(self, raws: Sequence[bytes], own_ids: Sequence[str] = (), around_us: Sequence[int] = ()) -> Mapped:
        """Return the events of many records, in their order, and of which records none could be made.

        Args:
            raws: their texts.
            own_ids: one a record, or none at all.
            around_us: one a record, or none at all.
        """
        ...

    def paths(self, field: str) -> tuple[str, ...]:
        """Return where in a record an ECS field is looked for, first to last; nothing where code decides that."""
        ...


def reader(settings: MappingSettings, name: str) -> Reader:
    """Compile a mapping.

    Args:
        settings: the table.
        name: what the source of an event is called where neither record nor table say so.

    Raises:
        Invalid: the table names a format, a field or an outcome that there is not.
    """
    _check(settings)
    return _Pathed(settings, name) if settings.records in BY_PATHS else _Coded(settings, name)


def instant(settings: MappingSettings, value: Any) -> int:
    """Return a time as microseconds since the epoch, numbers in the unit of the table. Raises Unmappable."""
    digits = str(value) if settings.time_unit == "ns" and isinstance(value, int | str) else ""
    if len(digits) <= _NANOS_DIGITS and digits.isascii() and digits.isdigit():
        return micros(int(digits) // _NANOS_IN_MICRO, MICROS)
    return micros(value, _UNITS.get(settings.time_unit, MILLIS))


def _check(settings: MappingSettings) -> None:
    known = (*BY_PATHS, *sorted(SOURCES))
    if settings.records not in known:
        raise Invalid(f"“{settings.records}” is no format of records.", f"There are: {', '.join(known)}.")
    for field in (*settings.fields, *settings.values, *settings.constants):
        if field not in FIELDS:
            raise Invalid(f"“{field}” is none of our fields.", f"There are: {', '.join(FIELDS)}.")
    said = settings.constants.get("event.outcome", Outcome.UNKNOWN)
    for outcome in (*settings.values.get("event.outcome", {}).values(), said):
        if outcome not in _OUTCOMES:
            raise Invalid(f"“{outcome}” is no outcome.", f"There are: {', '.join(_OUTCOMES)}.")


class _Pathed:
    """Records of which each of our fields has a path."""

    def __init__(self, settings: MappingSettings, name: str) -> None:
        self._paths = {field: _paths(settings, field) for field in FIELDS}
        self._map = ByPaths(
            Layout(
                paths={FIELDS[field]: some for field, some in self._paths.items()},
                times=(settings.time,) if settings.time else _TIMES[settings.records],
                ingested=(settings.ingested,) if settings.ingested else _INGESTED[settings.records],
                meaning=_meaning(settings, name),
                instant=functools.partial(instant, settings),
            )
        )

    def paths(self, field: str) -> tuple[str, ...]:
        return self._paths[field]

    def batch(self, raws: Sequence[bytes], own_ids: Sequence[str] = (), around_us: Sequence[int] = ()) -> Mapped:
        return self._map.batch(raws, own_ids)

    def __call__(self, raw: bytes, own_id: str = "", around_us: int = 0) -> Event:
        return self._map(raw, own_id)


class _Coded:
    """A format of `workstation map`, with the table's own paths over it."""

    def __init__(self, settings: MappingSettings, name: str) -> None:
        self._map = SOURCES[settings.records]
        self._own = {FIELDS[field]: _paths(settings, field) for field in settings.fields}
        self._bare = not settings.fields and not settings.values and not settings.constants
        self._meaning = _meaning(settings, name)

    def paths(self, field: str) -> tuple[str, ...]:
        return self._own.get(FIELDS[field], ())

    def batch(self, raws: Sequence[bytes], own_ids: Sequence[str] = (), around_us: Sequence[int] = ()) -> Mapped:
        ids, around = own_ids or [""] * len(raws), around_us or [0] * len(raws)
        return one_by_one(lambda at: self(raws[at], ids[at], around[at]), len(raws))

    def __call__(self, raw: bytes, own_id: str = "", around_us: int = 0) -> Event:
        event = self._map(raw, around_us)
        if own_id and event.id == record_id("", raw):
            event = msgspec.structs.replace(event, id=own_id)
        if self._bare:
            return event
        record = decode(raw) if self._own else None
        found = {attribute: value_at(record, paths, attribute == "location") for attribute, paths in self._own.items()}
        values = {name: found.get(name) or str(getattr(event, name)) for name in FIELDS.values()}
        return finished(values, event.time_us, event.ingested_us, raw, own_id, self._meaning)


def _meaning(settings: MappingSettings, name: str) -> Meaning:
    values = {FIELDS[field]: table for field, table in settings.values.items()}
    constants = {"source": name, **{FIELDS[field]: value for field, value in settings.constants.items()}}
    return Meaning(values, constants)


def _paths(settings: MappingSettings, field: str) -> tuple[str, ...]:
    """Return where a field is looked for: where the table says, else where the format has it."""
    said = settings.fields.get(field)
    if said:
        return (said,) if isinstance(said, str) else said
    if settings.records == "flat":
        # A column cannot well be called source.ip: source_ip, or what we call it ourselves, is the same.
        return tuple(dict.fromkeys((field, field.replace(".", "_"), FIELDS[field])))
    return (field, *ALSO.get(field, ()))
