"""Microsoft Entra ID sign-in, audit and risk logs, as Microsoft Graph (``signIn``, ``directoryAudit``,
``riskDetection``, ``riskyUser``) or as a diagnostic setting (``{"category", "properties"}``) writes them.

The time is the log's own; the setting's ``time`` is when the record was let out, and is kept as the ingest clock.

Error code 0 is success. Some codes interrupt a sign-in to ask for more (another factor, "stay signed in?"): neither
success nor failure (Microsoft: "Entra authentication and authorization error codes").
"""

from __future__ import annotations

import re
from typing import Any

from workstation.services.timeline.event import Event, Outcome
from workstation.services.timeline.mapping.countries import country_code
from workstation.services.timeline.mapping.fields import reader
from workstation.services.timeline.mapping.records import (
    Unmappable,
    address,
    at,
    first_time,
    items,
    make,
    micros,
    of_json,
    optional_time,
    plain,
    point,
)

SOURCE = "entra"
_SIGN_IN = "Sign-in activity"
WORDS = {
    _SIGN_IN: "sign_in",
    "Change user password": "password.changed",
    "Change password (self-service)": "password.changed",
    "Reset user password": "password.reset",
    "Reset password (by admin)": "password.reset",
    "Reset password (self-service)": "password.reset",
    "User registered security info": "second_factor.added",
    "User registered all required security info": "second_factor.added",
    "User changed default security info": "second_factor.changed",
    "User deleted security info": "second_factor.removed",
    "Admin registered security info": "second_factor.added",
    "Admin deleted security info": "second_factor.removed",
    "Disable Strong Authentication": "second_factor.removed",
    "User updated security info": "second_factor.changed",
    "Admin updated security info": "second_factor.changed",
    "Self-service password reset flow activity progress": "password.reset_requested",
    **dict.fromkeys(
        (
            "Suspicious activity reported",
            "Fraud reported - no action taken",
            "Fraud reported - user is blocked for MFA",
        ),
        "risk.detected",
    ),
    # Microsoft writes this one with a space at its end.
    "Update application – Certificates and secrets management ": "api_key.created",
    "Update application – Certificates and secrets management": "api_key.created",
    "Add service principal credentials": "api_key.created",
    "Remove service principal credentials": "api_key.removed",
    "Add user": "account.created",
    "Delete user": "account.removed",
    "Hard Delete user": "account.removed",
    "Disable account": "account.disabled",
    "Enable account": "account.enabled",
    "Update user": "profile.changed",
    "Unlock user account (self-service)": "account.unlocked",
    "Add member to role": "role.granted",
    "Remove member from role": "role.removed",
    "Add member to group": "group.joined",
    "Remove member from group": "group.left",
    "Consent to application": "consent.granted",
    "Add delegated permission grant": "consent.granted",
    "Remove delegated permission grant": "consent.revoked",
    "Add registered owner to device": "device.added",
    "Add registered users to device": "device.added",
    "Register device": "device.added",
    "Delete device": "device.removed",
    "Update StsRefreshTokenValidFrom Timestamp": "session.ended",
    "Revoke user sign-in sessions": "session.ended",
}
_INTERRUPTED = frozenset({"50055", "50072", "50074", "50076", "50079", "50125", "50127", "50129", "50140", "50144"})
_RESULTS = {"success": Outcome.SUCCESS, "failure": Outcome.FAILURE, "timeout": Outcome.FAILURE}

_US_TIME = re.compile(r"(\d{1,2})/(\d{1,2})/(\d{4}) (\d{1,2}):(\d\d):(\d\d) ([AP])M", re.ASCII)
_wrapper = reader(
    own_id="id",
    category="category",
    operation="operationName",
    code="resultType",
    signature=("result", "resultSignature"),
    described="resultDescription",
    ip="callerIpAddress",
    country="location",
    identity="identity",
)
_inner = reader(
    own_id="id",
    risk=("riskLevelDuringSignIn", "riskLevelAggregated", "riskLevel"),
    user="userId",
    principal="servicePrincipalId",
    name=("userPrincipalName", "userDisplayName", "servicePrincipalName"),
    ip="ipAddress",
    country="location.countryOrRegion",
    city="location.city",
    latitude="location.geoCoordinates.latitude",
    longitude="location.geoCoordinates.longitude",
    user_agent="userAgent",
)
_signed = reader(
    code="status.errorCode",
    reason=("status.failureReason", "status.additionalDetails"),
    asn="autonomousSystemNumber",
    device="deviceDetail.deviceId",
    session="sessionId",
    factor=(
        "mfaDetail.authMethod",
        "authenticationDetails.1.authenticationMethod",
        "authenticationDetails.0.authenticationMethod",
    ),
    target=("appDisplayName", "resourceDisplayName", "appId"),
)
_audited = reader(
    native=("activityDisplayName", "operationName"),
    result="result",
    reason="resultReason",
    actor=("initiatedBy.user.id", "initiatedBy.app.servicePrincipalId", "initiatedBy.app.appId"),
    actor_name=("initiatedBy.user.userPrincipalName", "initiatedBy.user.displayName", "initiatedBy.app.displayName"),
    user="initiatedBy.user.id",
    user_name=("initiatedBy.user.userPrincipalName", "initiatedBy.user.displayName"),
    ip="initiatedBy.user.ipAddress",
)
_thing = reader(kind="type", id="id", login="userPrincipalName", shown="displayName")
_detected = reader(
    kind=("riskEventType", "riskType"),
    state="riskState",
    detail="riskDetail",
    target="activity",
)
_RISK_LOGS = ("UserRiskEvents", "RiskyUsers")


def map_record(record: dict[str, Any], raw: bytes) -> Event:
    """Return the event of a sign-in, an audit or a risk record. Raises Unmappable."""
    properties = record.get("properties")
    inner = properties if isinstance(properties, dict) else record
    outer = _wrapper(record)
    if "SignInLogs" in outer.category or at(inner, "status.errorCode") is not None:
        return _sign_in(record, inner, outer, raw)
    if outer.category in _RISK_LOGS or (inner is record and at(record, "riskState") is not None):
        return _risk_record(record, inner, outer, raw)
    return _audit(record, inner, outer, raw)


def _sign_in(record: dict[str, Any], inner: dict[str, Any], outer: Any, raw: bytes) -> Event:
    said, sign_in = _inner(inner), _signed(inner)
    native = outer.operation or _SIGN_IN
    word = "sign_in" if said.user else "client.sign_in"
    user = said.user or said.principal
    return make(
        SOURCE,
        raw,
        own_id=said.own_id or outer.own_id,
        native=native,
        words={native: word if native == _SIGN_IN else WORDS.get(native, native)},
        category="authentication",
        outcome=_sign_in_outcome(sign_in.code or outer.code, outer),
        reason=sign_in.reason or outer.described,
        account=user,
        account_name=said.name,
        actor=user,
        actor_name=said.name,
        ip=address(said.ip or outer.ip),
        country=country_code(said.country or outer.country),
        city=said.city,
        location=point(said.latitude, said.longitude),
        asn=sign_in.asn,
        user_agent=said.user_agent,
        device=sign_in.device,
        session=sign_in.session,
        factor=sign_in.factor,
        target=sign_in.target,
        risk=_risk(said),
        **_clocks(record, inner, "createdDateTime"),
    )


def _audit(record: dict[str, Any], inner: dict[str, Any], outer: Any, raw: bytes) -> Event:
    said, audit = _inner(inner), _audited(inner)
    things = [_thing(item) for item in items(inner, "targetResources")]
    user = next((thing for thing in things if thing.kind == "User"), None)
    first = things[0] if things else None
    # A consent or a secret names what was let in and no user: it was done to the account of whoever did it.
    own = user is None and bool(audit.user)
    return make(
        SOURCE,
        raw,
        own_id=said.own_id or outer.own_id,
        native=outer.operation or audit.native,
        words=WORDS,
        category="iam",
        outcome=_RESULTS.get((audit.result or outer.signature).lower(), Outcome.UNKNOWN),
        reason=audit.reason or outer.described,
        account=user.id if user else audit.user if own else "",
        account_name=(user.login or user.shown) if user else audit.user_name if own else "",
        actor=audit.actor,
        actor_name=audit.actor_name or outer.identity,
        ip=address(audit.ip or outer.ip),
        user_agent=said.user_agent,
        target=(first.shown or first.login or first.id) if first else "",
        risk=_risk(said),
        **_clocks(record, inner, "activityDateTime"),
    )


def _risk_record(record: dict[str, Any], inner: dict[str, Any], outer: Any, raw: bytes) -> Event:
    """Return the event of a detection, or of what became of a user's risk; a risky user's id is the user's."""
    said, found = _inner(inner), _detected(inner)
    user = said.user or said.own_id
    native = outer.operation or found.kind
    alarming = bool(found.kind) or found.state in ("atRisk", "confirmedCompromised")
    return make(
        SOURCE,
        raw,
        # The record of a risky user has the id of the user, the same every time.
        own_id=said.own_id if said.user else "",
        native=native,
        words={native: "risk.detected" if alarming else native},
        category="threat",
        reason=", ".join(filter(None, (found.kind, found.state, "" if found.detail == "none" else found.detail))),
        account=user,
        account_name=said.name,
        actor=user,
        actor_name=said.name,
        ip=address(said.ip or outer.ip),
        country=country_code(said.country),
        city=said.city,
        location=point(said.latitude, said.longitude),
        user_agent=said.user_agent,
        target=found.target,
        risk=_risk(said),
        **_clocks(record, inner, "activityDateTime", "detectedDateTime", "riskLastUpdatedDateTime"),
    )


def _clocks(record: dict[str, Any], inner: dict[str, Any], *paths: str) -> dict[str, int]:
    """Return the log's own time, and when the setting let the record out (the own one where there is no other)."""
    let_out = 0
    if inner is not record and (written := plain(record.get("time"))):
        try:
            let_out = micros(_american(written))
        except Unmappable:
            let_out = 0
    own = optional_time(inner, *paths)
    # Without either there is nothing: first_time says why.
    time_us = own or let_out or first_time(inner, *paths)
    return {"time_us": time_us, "ingested_us": let_out if own else 0}


def _american(written: str) -> str:
    """Return ``8/22/2022 6:11:52 PM``, as some settings write times, as ISO 8601; anything else as it is."""
    match = _US_TIME.fullmatch(written)
    if match is None:
        return written
    month, day, year, hour, minute, second = map(int, match.groups()[:6])
    return f"{year:04}-{month:02}-{day:02}T{hour % 12 + (12 if match[7] == 'P' else 0):02}:{minute:02}:{second:02}Z"


def _sign_in_outcome(code: str, outer: Any) -> Outcome:
    if code in _INTERRUPTED:
        return Outcome.UNKNOWN
    if code:
        return Outcome.SUCCESS if code == "0" else Outcome.FAILURE
    return _RESULTS.get(outer.signature.lower(), Outcome.UNKNOWN)


def _risk(said: Any) -> str:
    level: str = said.risk.lower()
    return "" if level in ("none", "hidden", "unknownfuturevalue") else level


map_raw = of_json(map_record)
