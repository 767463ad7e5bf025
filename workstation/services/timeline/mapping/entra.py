"""Microsoft Entra ID sign-in and audit logs, as Microsoft Graph (``signIn``, ``directoryAudit``) or as a diagnostic
setting (``{"category", "properties"}``) writes them.

Error code 0 is success. Some codes interrupt a sign-in to ask for more (another factor, "stay signed in?"): neither
success nor failure (Microsoft: "Entra authentication and authorization error codes").
"""

from __future__ import annotations

from typing import Any

from workstation.services.timeline.event import Event, Outcome
from workstation.services.timeline.mapping.countries import country_code
from workstation.services.timeline.mapping.records import address, at, first_time, items, make, of_json, text

SOURCE = "entra"
WORDS = {
    "Sign-in activity": "sign_in",
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
    "Register device": "device.added",
    "Delete device": "device.removed",
    "Update StsRefreshTokenValidFrom Timestamp": "session.ended",
    "Revoke user sign-in sessions": "session.ended",
}
_INTERRUPTED = frozenset({"50055", "50072", "50074", "50076", "50079", "50125", "50127", "50129", "50140", "50144"})
_RESULTS = {"success": Outcome.SUCCESS, "failure": Outcome.FAILURE, "timeout": Outcome.FAILURE}


def map_record(record: dict[str, Any], raw: bytes) -> Event:
    """Return the event of a sign-in or an audit record. Raises Unmappable."""
    properties = record.get("properties")
    inner = properties if isinstance(properties, dict) else record
    if _is_sign_in(record, inner):
        return _sign_in(record, inner, raw)
    return _audit(record, inner, raw)


def _is_sign_in(record: dict[str, Any], inner: dict[str, Any]) -> bool:
    return "SignInLogs" in text(record, "category") or at(inner, "status.errorCode") is not None


def _sign_in(record: dict[str, Any], inner: dict[str, Any], raw: bytes) -> Event:
    user = text(inner, "userId", "servicePrincipalId")
    name = text(inner, "userPrincipalName", "userDisplayName", "servicePrincipalName")
    return make(
        SOURCE,
        raw,
        own_id=text(inner, "id") or text(record, "id"),
        time_us=_time(record, inner, "createdDateTime"),
        native=text(record, "operationName") or "Sign-in activity",
        words={**WORDS, "Sign-in activity": "sign_in" if text(inner, "userId") else "client.sign_in"},
        outcome=_sign_in_outcome(record, inner),
        reason=text(inner, "status.failureReason", "status.additionalDetails") or text(record, "resultDescription"),
        account=user,
        account_name=name,
        actor=user,
        actor_name=name,
        ip=address(text(inner, "ipAddress") or text(record, "callerIpAddress")),
        country=country_code(text(inner, "location.countryOrRegion") or text(record, "location")),
        city=text(inner, "location.city"),
        asn=text(inner, "autonomousSystemNumber"),
        user_agent=text(inner, "userAgent"),
        device=text(inner, "deviceDetail.deviceId"),
        session=text(inner, "sessionId"),
        factor=text(inner, "mfaDetail.authMethod", "authenticationDetails.0.authenticationMethod"),
        target=text(inner, "appDisplayName", "resourceDisplayName", "appId"),
        risk=_risk(inner),
    )


def _audit(record: dict[str, Any], inner: dict[str, Any], raw: bytes) -> Event:
    native = text(record, "operationName") or text(inner, "activityDisplayName", "operationName")
    target = next(items(inner, "targetResources"), {})
    users = [item for item in items(inner, "targetResources") if text(item, "type") == "User"]
    by = at(inner, "initiatedBy")
    actor = text(by, "user.id", "app.servicePrincipalId", "app.appId")
    name = text(by, "user.userPrincipalName", "user.displayName", "app.displayName")
    result = text(inner, "result").lower() or text(record, "result", "resultSignature").lower()
    return make(
        SOURCE,
        raw,
        own_id=text(inner, "id") or text(record, "id"),
        time_us=_time(record, inner, "activityDateTime"),
        native=native,
        words=WORDS,
        category="iam",
        outcome=_RESULTS.get(result, Outcome.UNKNOWN),
        reason=text(inner, "resultReason") or text(record, "resultDescription"),
        account=text(users[0], "id") if users else "",
        account_name=text(users[0], "userPrincipalName", "displayName") if users else "",
        actor=actor,
        actor_name=name or text(record, "identity"),
        ip=address(text(by, "user.ipAddress") or text(record, "callerIpAddress")),
        user_agent=text(inner, "userAgent"),
        target=text(target, "displayName", "userPrincipalName", "id"),
        risk=_risk(inner),
    )


def _time(record: dict[str, Any], inner: dict[str, Any], key: str) -> int:
    """Return the log's own time; the wrapper's is coarser and later."""
    return first_time({"own": at(inner, key), "wrapper": record.get("time")}, "own", "wrapper")


def _sign_in_outcome(record: dict[str, Any], inner: dict[str, Any]) -> Outcome:
    code = text(inner, "status.errorCode") or text(record, "resultType")
    if code in _INTERRUPTED:
        return Outcome.UNKNOWN
    if code:
        return Outcome.SUCCESS if code == "0" else Outcome.FAILURE
    return _RESULTS.get(text(record, "resultSignature").lower(), Outcome.UNKNOWN)


def _risk(inner: dict[str, Any]) -> str:
    level = text(inner, "riskLevelDuringSignIn", "riskLevelAggregated", "riskLevel").lower()
    return "" if level in ("none", "hidden", "unknownfuturevalue") else level


map_raw = of_json(map_record)
