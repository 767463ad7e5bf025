"""Open Cybersecurity Schema Framework events of the Identity and Access Management classes, and API Activity (1.x).

An unknown pair of class and activity keeps its own names. ``status_id`` 1 is success, 2 failure, everything else
unknown.
"""

from __future__ import annotations

from typing import Any

from workstation.services.timeline.event import Event, Outcome
from workstation.services.timeline.mapping.countries import country_code
from workstation.services.timeline.mapping.fields import reader
from workstation.services.timeline.mapping.records import (
    address,
    at,
    make,
    micros,
    of_json,
    optional_time,
    place,
    point,
)

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

_FROM = "src_endpoint"
_said = reader(
    own_id="metadata.uid",
    time=("time", "time_dt"),
    code=("metadata.event_code", "api.operation"),
    kind="class_uid",
    kind_name="class_name",
    activity="activity_id",
    activity_name="activity_name",
    type_name=("type_name", "type_uid"),
    status="status_id",
    reason=("status_detail", "message"),
    user=("user.uid", "user.uid_alt"),
    user_name=("user.name", "user.email_addr"),
    actor=("actor.user.uid", "actor.user.uid_alt"),
    actor_name=("actor.user.name", "actor.user.email_addr"),
    ip=f"{_FROM}.ip",
    country=f"{_FROM}.location.country",
    city=f"{_FROM}.location.city",
    latitude=f"{_FROM}.location.lat",
    longitude=f"{_FROM}.location.long",
    asn=f"{_FROM}.autonomous_system.number",
    as_org=f"{_FROM}.autonomous_system.name",
    user_agent="http_request.user_agent",
    device=("device.uid", f"{_FROM}.uid", "device.hostname"),
    session=("session.uid", "actor.session.uid"),
    factor="auth_factors.0.factor_type",
    mfa="is_mfa",
    target=("service.name", "dst_endpoint.name", "resource.name", "resources.0.name", "group.name"),
    risk=("risk_level", "risk_level_id"),
)


def map_record(record: dict[str, Any], raw: bytes) -> Event:
    """Return the event of an OCSF record. Raises Unmappable."""
    said = _said(record)
    has_user, has_actor = said.user or said.user_name, said.actor or said.actor_name
    native = said.code or _own_name(said)
    return make(
        SOURCE,
        raw,
        own_id=said.own_id,
        time_us=micros(said.time),
        native=native,
        words={native: WORDS.get((said.kind, said.activity), native)},
        category=_CATEGORIES.get(said.kind, ""),
        outcome=_OUTCOMES.get(said.status, Outcome.UNKNOWN),
        reason=said.reason,
        account=said.user if has_user else said.actor,
        account_name=said.user_name if has_user else said.actor_name,
        actor=said.actor if has_actor else said.user,
        actor_name=said.actor_name if has_actor else said.user_name,
        ip=address(said.ip),
        country=country_code(said.country),
        city=said.city,
        # Before 1.4 a place was written as a list, longitude first.
        location=point(said.latitude, said.longitude) or place(at(record, f"{_FROM}.location.coordinates")),
        asn=said.asn,
        as_org=said.as_org,
        user_agent=said.user_agent,
        device=said.device,
        session=said.session,
        factor=said.factor or ("mfa" if said.mfa == "true" else ""),
        target=said.target,
        risk=said.risk.lower(),
        ingested_us=optional_time(record, "metadata.logged_time"),
    )


def _own_name(said: Any) -> str:
    """Return ``Authentication: Logon``, or the number of the type."""
    return ": ".join(filter(None, (said.kind_name, said.activity_name))) or str(said.type_name)


map_raw = of_json(map_record)
