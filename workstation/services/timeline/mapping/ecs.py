"""Events in the Elastic Common Schema, with nested or dotted names or any mixture, also as hits of a search.

``event.category`` is a list in ECS and a text in the wild. Where no ``user.target`` is named, the user is the
account: a client's own sign-in says only ``user.id``.
"""

from __future__ import annotations

from typing import Any

from workstation.services.timeline.event import FIELDS, Event, Outcome
from workstation.services.timeline.mapping.records import Unmappable, address, micros, of_json, plain, record_id

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
    "source.as.number": ("client.as.number",),
    "source.as.organization.name": ("client.as.organization.name",),
    "user.id": ("source.user.id", "client.user.id"),
    "user.name": ("user.email", "source.user.name", "source.user.email", "client.user.name"),
    "user.target.name": ("user.target.email",),
}


def map_record(record: dict[str, Any], raw: bytes) -> Event:
    """Return the event of an ECS document. Raises Unmappable."""
    source = record.get("_source")
    document = source if isinstance(source, dict) else record
    values = {attribute: _value(document, name) for name, attribute in FIELDS.items()}
    values["id"] = record_id(values["id"] or plain(record.get("_id")), raw)
    values["ip"] = address(values["ip"])
    if not values["account"] and not values["account_name"]:
        values["account"], values["account_name"] = values["actor"], values["actor_name"]
    outcome = values.pop("outcome").lower()
    return Event(
        **{**values, "source": values["source"] or SOURCE},
        outcome=Outcome(outcome) if outcome in Outcome.__members__.values() else Outcome.UNKNOWN,
        time_us=micros(find(document, "@timestamp")),
        ingested_us=_ingested(document),
        raw=raw,
    )


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


def _value(document: dict[str, Any], name: str) -> str:
    return next((found for path in (name, *ALSO.get(name, ())) if (found := plain(find(document, path)))), "")


def _ingested(document: dict[str, Any]) -> int:
    try:
        return micros(find(document, "event.ingested"))
    except Unmappable:
        return 0


map_raw = of_json(map_record)
