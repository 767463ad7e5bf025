"""Events in the Elastic Common Schema, with nested or dotted names or any mixture, also as hits of a search.

``event.category`` is a list in ECS and a text in the wild. Where no ``user.target`` is named, the user is the
account: a client's own sign-in says only ``user.id``.
"""

from __future__ import annotations

from typing import Any

from workstation.services.timeline.event import FIELDS, Event
from workstation.services.timeline.mapping.quick import Meaning, finish, quick, taken
from workstation.services.timeline.mapping.records import Unmappable, decode, micros, place, plain

SOURCE = "ecs"
#: Where our name for a field is not the only one in use.
ALSO: dict[str, tuple[str, ...]] = {
    "event.action": ("event.code",),
    "event.code": ("event.action",),
    "event.dataset": ("event.module",),
    "event.risk_level": ("event.risk_score",),
    "source.ip": ("client.ip", "source.address"),
    "source.geo.country_iso_code": ("client.geo.country_iso_code",),
    "source.geo.city_name": ("client.geo.city_name",),
    "source.geo.location": ("client.geo.location",),
    "source.as.number": ("client.as.number",),
    "source.as.organization.name": ("client.as.organization.name",),
    "user.id": ("source.user.id", "client.user.id"),
    "user.name": ("user.email", "source.user.name", "source.user.email", "client.user.name"),
    "user.target.name": ("user.target.email",),
}


_TIMES, _INGESTED = ("@timestamp",), ("event.ingested",)
_LOCATION = "source.geo.location"
_PATHS = {name: (name, *ALSO.get(name, ())) for name in FIELDS}
_MEANING = Meaning({}, {"source": SOURCE})
_quick = quick({FIELDS[name]: paths for name, paths in _PATHS.items()}, _TIMES, _INGESTED, _MEANING, micros)
_finish = finish(_MEANING, micros)


def map_raw(raw: bytes, around_us: int) -> Event:
    """Return the event of an ECS document. Raises Unmappable."""
    return _quick(raw, "") or _generally(raw)


def _generally(raw: bytes) -> Event:
    """Return the event of a document that mixes habits of writing."""
    record = decode(raw)
    if not isinstance(record, dict):
        raise Unmappable("The record is no JSON object.")
    source = record.get("_source")
    document = source if isinstance(source, dict) else record
    values = [_value(document, name, paths) for name, paths in _PATHS.items()]
    time, ingested = (find(document, path) for (path,) in (_TIMES, _INGESTED))
    return _finish(values, time, ingested, raw, plain(record.get("_id")))


def find(document: Any, name: str) -> Any:
    """Return the value of a dotted name, whichever of its dots are nesting; None where there is none."""
    if not isinstance(document, dict):
        return None
    if name in document:
        return document[name]
    head, dot, rest = name.partition(".")
    while dot:
        if head in document and (found := find(document[head], rest)) is not None:
            return found
        more, dot, rest = rest.partition(".")
        head = f"{head}.{more}"
    return None


def _value(document: dict[str, Any], name: str, paths: tuple[str, ...]) -> str:
    shown = place if name == _LOCATION else taken
    return next((found for path in paths if (found := shown(find(document, path)))), "")
