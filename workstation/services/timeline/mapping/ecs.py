"""Events in the Elastic Common Schema, with nested or dotted names or any mixture, also as hits of a search.

``event.category`` is a list in ECS and a text in the wild. Where no ``user.target`` is named, the user is the
account: a client's own sign-in says only ``user.id``.
"""

from __future__ import annotations

from workstation.services.timeline.event import FIELDS, Event
from workstation.services.timeline.mapping.meaning import Layout, Meaning
from workstation.services.timeline.mapping.paths import ByPaths
from workstation.services.timeline.mapping.records import micros

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


#: Reads documents, one at a time or many.
DOCUMENTS = ByPaths(
    Layout(
        paths={attribute: (name, *ALSO.get(name, ())) for name, attribute in FIELDS.items()},
        times=("@timestamp",),
        ingested=("event.ingested",),
        meaning=Meaning({}, {"source": SOURCE}),
        instant=micros,
    )
)


def map_raw(raw: bytes, around_us: int) -> Event:
    """Return the event of an ECS document. Raises Unmappable."""
    return DOCUMENTS(raw)
