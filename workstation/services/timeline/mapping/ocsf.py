"""Open Cybersecurity Schema Framework events of the Identity and Access Management classes, and API Activity (1.x).

An unknown pair of class and activity keeps its own names. ``status_id`` 1 is success, 2 failure, everything else
unknown.
"""

from __future__ import annotations

from typing import Any

from workstation.services.timeline.event import Event, Outcome
from workstation.services.timeline.mapping.countries import country_code
from workstation.services.timeline.mapping.records import address, at, first_time, make, of_json, optional_time, text

SOURCE = "ocsf"
#: (class_uid, activity_id) → our word: 3001 Account Change, 3002 Authentication, 3005 User Access, 3006 Group.
WORDS = {
    ("3001", "1"): "account.created",
    ("3001", "2"): "account.enabled",
    ("3001", "3"): "password.changed",
    ("3001", "4"): "password.reset",
    ("3001", "5"): "account.disabled",
    ("3001", "6"): "account.removed",
    ("3001", "7"): "role.granted",
    ("3001", "8"): "role.removed",
    ("3001", "9"): "account.locked",
    ("3001", "10"): "second_factor.added",
    ("3001", "11"): "second_factor.removed",
    ("3001", "12"): "account.unlocked",
    ("3002", "1"): "sign_in",
    ("3002", "2"): "sign_out",
    ("3002", "3"): "token.issued",
    ("3005", "1"): "role.granted",
    ("3005", "2"): "role.removed",
    ("3006", "3"): "group.joined",
    ("3006", "4"): "group.left",
}
_CATEGORIES = {"3001": "iam", "3002": "authentication", "3003": "session", "3005": "iam", "3006": "iam", "6003": "api"}
_OUTCOMES = {"1": Outcome.SUCCESS, "2": Outcome.FAILURE}


def map_record(record: dict[str, Any], raw: bytes) -> Event:
    """Return the event of an OCSF record. Raises Unmappable."""
    kind, activity = text(record, "class_uid"), text(record, "activity_id")
    user, user_name = _person(record, "user")
    actor, actor_name = _person(record, "actor.user")
    native = text(record, "metadata.event_code", "api.operation") or _own_name(record)
    return make(
        SOURCE,
        raw,
        own_id=text(record, "metadata.uid"),
        time_us=first_time(record, "time", "time_dt"),
        native=native,
        words={native: WORDS.get((kind, activity), native)},
        category=_CATEGORIES.get(kind, ""),
        outcome=_OUTCOMES.get(text(record, "status_id"), Outcome.UNKNOWN),
        reason=text(record, "status_detail", "message"),
        account=user if user or user_name else actor,
        account_name=user_name if user or user_name else actor_name,
        actor=actor if actor or actor_name else user,
        actor_name=actor_name if actor or actor_name else user_name,
        ip=address(text(record, "src_endpoint.ip")),
        country=country_code(text(record, "src_endpoint.location.country")),
        city=text(record, "src_endpoint.location.city"),
        asn=text(record, "src_endpoint.autonomous_system.number"),
        as_org=text(record, "src_endpoint.autonomous_system.name"),
        user_agent=text(record, "http_request.user_agent"),
        device=text(record, "device.uid", "src_endpoint.uid", "device.hostname"),
        session=text(record, "session.uid", "actor.session.uid"),
        factor=_factor(record),
        target=text(record, "service.name", "dst_endpoint.name", "resource.name", "resources.0.name", "group.name"),
        risk=text(record, "risk_level", "risk_level_id").lower(),
        ingested_us=optional_time(record, "metadata.logged_time"),
    )


def _person(record: dict[str, Any], path: str) -> tuple[str, str]:
    return text(record, f"{path}.uid", f"{path}.uid_alt"), text(record, f"{path}.name", f"{path}.email_addr")


def _own_name(record: dict[str, Any]) -> str:
    """Return ``Authentication: Logon``, or the number of the type."""
    names = (text(record, "class_name"), text(record, "activity_name"))
    return ": ".join(filter(None, names)) or text(record, "type_name", "type_uid")


def _factor(record: dict[str, Any]) -> str:
    return text(record, "auth_factors.0.factor_type") or ("mfa" if at(record, "is_mfa") is True else "")


map_raw = of_json(map_record)
