"""Okta System Log events (Okta: "System Log API", LogEvent).

``debugContext.debugData`` holds texts that are sometimes JSON and sometimes ``{level=LOW}``, or is no object at
all. For what an administrator does, the account is the target of type User; for the rest it is the actor.
"""

from __future__ import annotations

import re
from typing import Any

from workstation.services.timeline.event import Event, Outcome
from workstation.services.timeline.mapping.countries import country_code
from workstation.services.timeline.mapping.records import address, first_time, items, make, of_json, text

SOURCE = "okta"
WORDS = {
    "user.session.start": "sign_in",
    "user.session.end": "sign_out",
    "user.session.clear": "session.ended",
    "user.session.access_admin_app": "application.opened",
    "user.session.impersonation.initiate": "impersonation.started",
    "user.session.impersonation.end": "impersonation.ended",
    "user.authentication.sso": "application.opened",
    "user.authentication.auth_via_mfa": "second_factor.checked",
    "user.authentication.verify": "second_factor.checked",
    "user.mfa.okta_verify.deny_push": "second_factor.checked",
    "user.mfa.factor.activate": "second_factor.added",
    "user.mfa.factor.deactivate": "second_factor.removed",
    "user.mfa.factor.reset_all": "second_factor.removed",
    "user.mfa.factor.suspend": "second_factor.changed",
    "user.mfa.factor.unsuspend": "second_factor.changed",
    "user.mfa.factor.update": "second_factor.changed",
    "user.account.update_password": "password.changed",
    "user.account.reset_password": "password.reset",
    "user.account.expire_password": "password.reset_requested",
    "user.credential.forgot_password": "password.reset_requested",
    "user.account.update_profile": "profile.changed",
    "user.account.update_primary_email": "email.changed",
    "user.account.update_secondary_email": "email.changed",
    "user.account.lock": "account.locked",
    "user.account.lock.limit": "account.locked",
    "user.account.unlock": "account.unlocked",
    "user.account.unlock_by_admin": "account.unlocked",
    "user.account.privilege.grant": "role.granted",
    "user.account.privilege.revoke": "role.removed",
    "user.account.report_suspicious_activity_by_enduser": "risk.detected",
    "user.risk.detect": "risk.detected",
    "user.lifecycle.create": "account.created",
    "user.lifecycle.activate": "account.enabled",
    "user.lifecycle.reactivate": "account.enabled",
    "user.lifecycle.unsuspend": "account.enabled",
    "user.lifecycle.suspend": "account.disabled",
    "user.lifecycle.deactivate": "account.disabled",
    "user.lifecycle.delete.initiated": "account.removed",
    "group.user_membership.add": "group.joined",
    "group.user_membership.remove": "group.left",
    "device.enrollment.create": "device.added",
    "device.user.add": "device.added",
    "device.user.remove": "device.removed",
    "system.api_token.create": "api_key.created",
    "system.api_token.enable": "api_key.changed",
    "system.api_token.update": "api_key.changed",
    "system.api_token.revoke": "api_key.removed",
    "application.user_membership.show_password": "password.viewed",
    "app.oauth2.as.consent.grant": "consent.granted",
    "app.oauth2.as.consent.revoke": "consent.revoked",
    "app.oauth2.token.revoke": "token.revoked",
    "app.oauth2.as.token.revoke": "token.revoked",
    "security.threat.detected": "risk.detected",
}
#: The results of Okta's outcome object. CHALLENGE, SKIPPED and UNKNOWN are neither.
_OUTCOMES = {
    "SUCCESS": Outcome.SUCCESS,
    "ALLOW": Outcome.SUCCESS,
    "FAILURE": Outcome.FAILURE,
    "DENY": Outcome.FAILURE,
}
_LEVEL = re.compile(r'level"?\s*[=:]\s*"?([A-Za-z]+)')
_CATEGORIES = {"user.session": "session", "user.authentication": "authentication", "policy": "configuration"}


def map_record(record: dict[str, Any], raw: bytes) -> Event:
    """Return the event of an Okta LogEvent. Raises Unmappable."""
    native = text(record, "eventType")
    actor, actor_name = text(record, "actor.id"), _name(record.get("actor"))
    account, account_name = _account(record, actor, actor_name)
    return make(
        SOURCE,
        raw,
        own_id=text(record, "uuid"),
        time_us=first_time(record, "published"),
        native=native,
        words=WORDS,
        category=_category(native),
        outcome=_OUTCOMES.get(text(record, "outcome.result"), Outcome.UNKNOWN),
        reason=text(record, "outcome.reason"),
        account=account,
        account_name=account_name,
        actor=actor,
        actor_name=actor_name,
        ip=address(text(record, "client.ipAddress", "request.ipChain.0.ip")),
        country=country_code(text(record, "client.geographicalContext.country")),
        city=text(record, "client.geographicalContext.city"),
        asn=text(record, "securityContext.asNumber"),
        as_org=text(record, "securityContext.asOrg"),
        user_agent=text(record, "client.userAgent.rawUserAgent"),
        device=text(record, "device.id", "client.id", "debugContext.debugData.deviceFingerprint"),
        session=text(record, "authenticationContext.externalSessionId"),
        factor=_factor(record),
        target=_target(record, account),
        risk=_risk(record),
    )


def _account(record: dict[str, Any], actor: str, actor_name: str) -> tuple[str, str]:
    users = [item for item in items(record, "target") if text(item, "type") == "User"]
    if users:
        return text(users[0], "id"), _name(users[0])
    return (actor, actor_name) if text(record, "actor.type") in ("User", "") else ("", "")


def _name(someone: Any) -> str:
    """Return the sign-in name; Okta writes ``unknown`` where there is none."""
    names = (text(someone, key) for key in ("alternateId", "displayName"))
    return next((name for name in names if name and name != "unknown"), "")


def _target(record: dict[str, Any], account: str) -> str:
    for item in items(record, "target"):
        if text(item, "type") not in ("User", "AppUser") and (found := _name(item) or text(item, "id")):
            return found
    return ""


def _factor(record: dict[str, Any]) -> str:
    debug = text(record, "debugContext.debugData.factor", "debugContext.debugData.factorType")
    if debug:
        return debug
    for item in items(record, "target"):
        if text(item, "type") in ("AuthenticatorEnrollment", "Factor"):
            return _name(item)
    return text(record, "authenticationContext.credentialType")


def _risk(record: dict[str, Any]) -> str:
    """Return the level within ``{reasons=…, level=MEDIUM}`` or a text of JSON, in lower case."""
    data = "debugContext.debugData"
    for path in ("risk", "logOnlySecurityData"):
        said = text(record, f"{data}.{path}.level", f"{data}.{path}.risk.level")
        if found := said or _level(text(record, f"{data}.{path}")):
            return found.lower()
    return ""


def _level(written: str) -> str:
    match = _LEVEL.search(written)
    return match[1] if match else ""


def _category(native: str) -> str:
    return next((category for prefix, category in _CATEGORIES.items() if native.startswith(prefix)), "")


map_raw = of_json(map_record)
