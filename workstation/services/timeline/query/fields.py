"""What can be asked for: the fields of events, the two times, and what people and rules said about events."""

from __future__ import annotations

import difflib
from enum import StrEnum

import msgspec

from workstation.services.timeline.event import FIELDS


class Kind(StrEnum):
    """How the values of a field compare."""

    TEXT = "text"
    #: Texts joined by ``, ``, any of which may match.
    SEVERAL = "several"
    #: Texts whose ranges are of numbers.
    NUMBER = "number"
    IP = "ip"
    TIME = "time"
    #: Not of the event but of what was said about it: pins, marks and labels.
    SAID = "said"


class Field(msgspec.Struct, frozen=True):
    """A field: its name, its kind, and what it holds in one line."""

    name: str
    kind: Kind
    meaning: str


TIME = "@timestamp"
INGESTED = "event.ingested"
PINNED = "pinned"
MARK = "mark"
LABEL = "label"
#: What a field of this kind can be, where the words are few and fixed.
WORDS: dict[str, tuple[str, ...]] = {PINNED: ("true", "false"), LABEL: ("intruder", "owner", "unknown")}

_KINDS = {
    "event.category": Kind.SEVERAL,
    "source.ip": Kind.IP,
    "source.as.number": Kind.NUMBER,
    "event.risk_level": Kind.NUMBER,
}
_MEANINGS = {
    "event.id": "what its source calls the event",
    "event.dataset": "which source told it",
    "event.action": "what happened, in our words",
    "event.code": "what happened, in the source's words",
    "event.category": "kind of event: authentication, session, iam …",
    "event.outcome": "success, failure or unknown",
    "event.reason": "why, as the source says",
    "user.target.id": "the account that was acted on",
    "user.target.name": "name of the account that was acted on",
    "user.id": "who did it",
    "user.name": "name of who did it",
    "source.ip": "address it came from; also 10.0.0.0/8",
    "source.geo.country_iso_code": "country it came from, two letters",
    "source.geo.city_name": "city it came from",
    "source.geo.location": "latitude,longitude it came from",
    "source.as.number": "number of the network it came from",
    "source.as.organization.name": "who runs the network it came from",
    "user_agent.original": "what the browser or app calls itself",
    "device.id": "device it came from",
    "session.id": "session it belongs to",
    "authentication.factor": "factor that was used or changed",
    "target.id": "what it was done to: key, address, factor …",
    "event.risk_level": "risk, as the source rates it",
}


def _known() -> dict[str, Field]:
    said = (
        Field(TIME, Kind.TIME, "when it happened: 2026-11, now-2h, now-7d/d"),
        *(Field(name, _KINDS.get(name, Kind.TEXT), _MEANINGS[name]) for name in FIELDS),
        Field(INGESTED, Kind.TIME, "when its store took it in"),
        Field(PINNED, Kind.SAID, "whether it is kept as evidence: true, false"),
        Field(MARK, Kind.SAID, "rule that marked it; * for any"),
        Field(LABEL, Kind.SAID, "whose it is: intruder, owner, unknown"),
    )
    return {field.name: field for field in said}


#: Field name → field, in the order in which they are proposed.
KNOWN: dict[str, Field] = _known()
#: What may be typed → field name. Attribute names of events stand for their ECS names.
NAMES: dict[str, str] = (
    {attribute: name for name, attribute in FIELDS.items()}
    | {"time": TIME, "ingested": INGESTED}
    | {name: name for name in KNOWN}
)


def kind_of(field: str) -> Kind:
    """Return how a field compares; TEXT for ``""``, which stands for every field. Raises KeyError."""
    return KNOWN[field].kind if field else Kind.TEXT


def nearest(name: str) -> str:
    """Return the name that somebody most likely meant, ``""`` where none is near."""
    near = difflib.get_close_matches(name[:60], NAMES, 1)
    return near[0] if near else ""
