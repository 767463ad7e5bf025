"""Records of a store that no connector knows by itself: which of their fields is ours is said by settings.

:func:`reader` compiles a ``[logs.mapping]`` table once. What it returns gives the same event for a record whichever
way the record takes through it: by :mod:`.quick` where it is written as most are (nested names or dotted names), by a
general reading where it is not.
"""

from __future__ import annotations

from typing import Any, Protocol

import msgspec

from workstation.services.errors import Invalid
from workstation.services.timeline.event import FIELDS, Event, Outcome
from workstation.services.timeline.mapping import SOURCES
from workstation.services.timeline.mapping.ecs import ALSO, find
from workstation.services.timeline.mapping.quick import Meaning, finish, quick, taken
from workstation.services.timeline.mapping.records import (
    MICROS,
    MILLIS,
    SECONDS,
    Unmappable,
    decode,
    micros,
    place,
    plain,
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
_LOCATION = "source.geo.location"
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
    return _ByPaths(settings, name) if settings.records in BY_PATHS else _Coded(settings, name)


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


class _ByPaths:
    """Records of which each of our fields has a path."""

    def __init__(self, settings: MappingSettings, name: str) -> None:
        self._settings = settings
        self._paths = {field: _paths(settings, field) for field in FIELDS}
        self._times = (settings.time,) if settings.time else _TIMES[settings.records]
        self._ingested = (settings.ingested,) if settings.ingested else _INGESTED[settings.records]
        meaning, paths = _meaning(settings, name), {FIELDS[field]: some for field, some in self._paths.items()}
        self._quick = quick(paths, self._times, self._ingested, meaning, self._instant)
        self._finish = finish(meaning, self._instant)

    def paths(self, field: str) -> tuple[str, ...]:
        return self._paths[field]

    def __call__(self, raw: bytes, own_id: str = "", around_us: int = 0) -> Event:
        return self._quick(raw, own_id) or self._generally(raw, own_id)

    def _generally(self, raw: bytes, own_id: str) -> Event:
        record = decode(raw)
        if not isinstance(record, dict):
            raise Unmappable("The record is no JSON object.")
        source = record.get("_source")
        document: Any = source if isinstance(source, dict) else record
        values = [_value(document, paths, field == _LOCATION) for field, paths in self._paths.items()]
        time, ingested = (_first(document, paths) for paths in (self._times, self._ingested))
        return self._finish(values, time, ingested, raw, own_id or plain(record.get("_id")))

    def _instant(self, value: Any) -> int:
        return instant(self._settings, value)


class _Coded:
    """A format of `workstation map`, with the table's own paths over it."""

    def __init__(self, settings: MappingSettings, name: str) -> None:
        self._map = SOURCES[settings.records]
        self._own = {FIELDS[field]: _paths(settings, field) for field in settings.fields}
        self._bare = not settings.fields and not settings.values and not settings.constants
        self._finish = finish(_meaning(settings, name), micros)

    def paths(self, field: str) -> tuple[str, ...]:
        return self._own.get(FIELDS[field], ())

    def __call__(self, raw: bytes, own_id: str = "", around_us: int = 0) -> Event:
        event = self._map(raw, around_us)
        if own_id and event.id == record_id("", raw):
            event = msgspec.structs.replace(event, id=own_id)
        if self._bare:
            return event
        record = decode(raw) if self._own else None
        found = {attribute: _value(record, paths, attribute == "location") for attribute, paths in self._own.items()}
        values = [found.get(name) or str(getattr(event, name)) for name in FIELDS.values()]
        made = self._finish(values, 0, 0, raw, own_id)
        return msgspec.structs.replace(made, time_us=event.time_us, ingested_us=event.ingested_us)


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


def _value(document: Any, paths: tuple[str, ...], point: bool = False) -> str:
    shown = place if point else taken
    return next((found for path in paths if (found := shown(find(document, path)))), "")


def _first(document: Any, paths: tuple[str, ...]) -> Any:
    values = (find(document, path) for path in paths)
    return next((value for value in values if value not in (None, "")), None)
