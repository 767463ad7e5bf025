"""The event model: a small subset of the Elastic Common Schema, with a three-valued outcome.

Field names in queries and exports are ECS names (``event.action``, ``source.ip`` …); :data:`FIELDS`
is the one table that ties them to attributes. The raw record stays with the event, byte for byte.
"""

from __future__ import annotations

import hashlib
from enum import StrEnum
from typing import Any

import msgspec

from workstation.services.clock import from_micros


class Outcome(StrEnum):
    """What came of it. A source that does not say is ``unknown``, never success."""

    SUCCESS = "success"
    FAILURE = "failure"
    UNKNOWN = "unknown"


class Event(msgspec.Struct, frozen=True, kw_only=True, gc=False, omit_defaults=True):
    """One thing that happened, as a source told it.

    ``time_us`` and ``ingested_us`` are microseconds since the Unix epoch, UTC. ``account`` is the
    account that was acted *on*; ``actor`` is who did it (the same for a client's own sign-in).
    Text fields are Untrusted. Absent values are empty strings, never guesses. ``location`` is
    ``latitude,longitude`` in degrees (WGS 84), where somebody's database puts the address. `digest` is
    set where `raw` is not what the source sent (the reader masks it): the SHA-256 of what it sent,
    hexadecimal.
    """

    id: str
    time_us: int
    source: str
    action: str
    native_action: str = ""
    category: str = ""
    outcome: Outcome = Outcome.UNKNOWN
    reason: str = ""
    account: str = ""
    account_name: str = ""
    actor: str = ""
    actor_name: str = ""
    ip: str = ""
    country: str = ""
    city: str = ""
    location: str = ""
    asn: str = ""
    as_org: str = ""
    user_agent: str = ""
    device: str = ""
    session: str = ""
    factor: str = ""
    target: str = ""
    risk: str = ""
    ingested_us: int = 0
    raw: bytes = b""
    digest: str = ""

    @property
    def sha256(self) -> str:
        """SHA-256 of the record as the source sent it, hexadecimal; ``""`` where no record is here."""
        return self.digest or (hashlib.sha256(self.raw).hexdigest() if self.raw else "")

    def value(self, field: str) -> str:
        """Return the value of an ECS field as text, ``""`` where it is absent.

        Raises:
            KeyError: `field` is not one of :data:`FIELDS`.
        """
        return str(getattr(self, FIELDS[field]))

    def to_ecs(self) -> dict[str, Any]:
        """Return the event with dotted ECS names; absent fields are left out."""
        out: dict[str, Any] = {"@timestamp": from_micros(self.time_us).isoformat().replace("+00:00", "Z")}
        for name, attribute in FIELDS.items():
            if value := getattr(self, attribute):
                out[name] = str(value) if isinstance(value, Outcome) else value
        if self.ingested_us:
            out["event.ingested"] = from_micros(self.ingested_us).isoformat().replace("+00:00", "Z")
        if self.raw:
            out["event.original"] = self.raw.decode("utf-8", "backslashreplace")
            out["event.hash"] = self.sha256
        return out


#: ECS field → attribute of :class:`Event`, in the order in which facets and exports show them.
FIELDS: dict[str, str] = {
    "event.id": "id",
    "event.dataset": "source",
    "event.action": "action",
    "event.code": "native_action",
    "event.category": "category",
    "event.outcome": "outcome",
    "event.reason": "reason",
    "user.target.id": "account",
    "user.target.name": "account_name",
    "user.id": "actor",
    "user.name": "actor_name",
    "source.ip": "ip",
    "source.geo.country_iso_code": "country",
    "source.geo.city_name": "city",
    "source.geo.location": "location",
    "source.as.number": "asn",
    "source.as.organization.name": "as_org",
    "user_agent.original": "user_agent",
    "device.id": "device",
    "session.id": "session",
    "authentication.factor": "factor",
    "target.id": "target",
    "event.risk_level": "risk",
}
