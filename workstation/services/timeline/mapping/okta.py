"""Okta System Log events (Okta: "System Log API", LogEvent).

``debugContext.debugData`` holds texts that are sometimes JSON and sometimes ``{level=LOW}``, or is no object at
all. For what an administrator does, the account is the target of type User; for the rest it is the actor.
"""

from __future__ import annotations

import functools
import re
from typing import Any

from workstation.services.timeline.event import Event, Outcome
from workstation.services.timeline.mapping.countries import country_code
from workstation.services.timeline.mapping.fields import reader
from workstation.services.timeline.mapping.records import address, items, make, micros, of_json, point

SOURCE = "okta"
WORDS = {
    "user.session.start": "sign_in",
    "user.session.end": "sign_out",
    "user.session.clear": "session.ended",
    # Identity Threat Protection: a live session's address or device is another one than before.
    "user.session.context.change": "session.resumed",
    "user.session.access_admin_app": "application.opened",
    "user.session.impersonation.initiate": "impersonation.started",
    "user.session.impersonation.end": "impersonation.ended",
    "user.authentication.sso": "application.opened",
    "user.authentication.auth_via_mfa": "second_factor.checked",
    "user.authentication.verify": "second_factor.checked",
    "user.mfa.okta_verify.deny_push": "second_factor.checked",
    **dict.fromkeys(
        (
            "system.push.send_factor_verify_push",
            "system.sms.send_factor_verify_message",
            "system.voice.send_mfa_challenge_call",
            "system.email.send_factor_verify_message",
        ),
        "sign_in.challenged",
    ),
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
    **dict.fromkeys(
        (
            "system.email.password_reset.sent_message",
            "system.sms.send_password_reset_message",
            "system.voice.send_password_reset_call",
        ),
        "password.reset_requested",
    ),
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
_CATEGORIES = {
    "user.session": "session",
    "user.authentication": "authentication",
    "policy.evaluate_sign_on": "authentication",
    "policy": "configuration",
}
_said = reader(
    own_id="uuid",
    time="published",
    native="eventType",
    result="outcome.result",
    reason="outcome.reason",
    actor="actor.id",
    actor_login="actor.alternateId",
    actor_shown="actor.displayName",
    actor_type="actor.type",
    ip=("client.ipAddress", "request.ipChain.0.ip"),
    country="client.geographicalContext.country",
    city="client.geographicalContext.city",
    latitude="client.geographicalContext.geolocation.lat",
    longitude="client.geographicalContext.geolocation.lon",
    asn="securityContext.asNumber",
    as_org="securityContext.asOrg",
    user_agent="client.userAgent.rawUserAgent",
    # dtHash is the hash of the device token cookie: the same browser has the same one.
    device=("device.id", "debugContext.debugData.deviceFingerprint", "debugContext.debugData.dtHash"),
    session="authenticationContext.externalSessionId",
    factor=("debugContext.debugData.factor", "debugContext.debugData.factorType"),
    credential="authenticationContext.credentialType",
    level=("debugContext.debugData.risk.level", "debugContext.debugData.risk.risk.level"),
    risk="debugContext.debugData.risk",
    seen_level=(
        "debugContext.debugData.logOnlySecurityData.level",
        "debugContext.debugData.logOnlySecurityData.risk.level",
    ),
    seen="debugContext.debugData.logOnlySecurityData",
)
_target = reader(kind="type", id="id", login="alternateId", shown="displayName")


def map_record(record: dict[str, Any], raw: bytes) -> Event:
    """Return the event of an Okta LogEvent. Raises Unmappable."""
    said = _said(record)
    actor_name = _name(said.actor_login, said.actor_shown)
    targets = [_target(item) for item in items(record, "target")]
    user = next((target for target in targets if target.kind == "User"), None)
    if user is not None:
        account, account_name = user.id, _name(user.login, user.shown)
    else:
        own = said.actor_type in ("User", "")
        account, account_name = (said.actor, actor_name) if own else ("", "")
    return make(
        SOURCE,
        raw,
        own_id=said.own_id,
        time_us=micros(said.time),
        native=said.native,
        words=WORDS,
        category=_category(said.native),
        outcome=_OUTCOMES.get(said.result, Outcome.UNKNOWN),
        reason=said.reason,
        account=account,
        account_name=account_name,
        actor=said.actor,
        actor_name=actor_name,
        ip=address(said.ip),
        country=country_code(said.country),
        city=said.city,
        location=point(said.latitude, said.longitude),
        asn=said.asn,
        as_org=said.as_org,
        user_agent=said.user_agent,
        device=said.device,
        session="" if said.session == "unknown" else said.session,
        factor=said.factor or _factor(targets) or said.credential,
        target=_thing(targets),
        risk=_risk(said),
    )


def _name(login: str, shown: str) -> str:
    """Return the sign-in name, else the shown one; Okta writes ``unknown`` where there is none."""
    if login and login != "unknown":
        return login
    return "" if shown == "unknown" else shown


def _thing(targets: list[Any]) -> str:
    """Return what is not a user among the targets."""
    for target in targets:
        if target.kind not in ("User", "AppUser") and (found := _name(target.login, target.shown) or target.id):
            return str(found)
    return ""


def _factor(targets: list[Any]) -> str:
    enrolled = ("AuthenticatorEnrollment", "Factor")
    return next((_name(target.login, target.shown) for target in targets if target.kind in enrolled), "")


def _risk(said: Any) -> str:
    """Return the level within ``{reasons=…, level=MEDIUM}`` or a text of JSON, in lower case."""
    found: str = said.level or _level(said.risk) or said.seen_level or _level(said.seen)
    return found.lower()


def _level(written: str) -> str:
    match = _LEVEL.search(written) if written else None
    return match[1] if match else ""


@functools.lru_cache(maxsize=4_096)
def _category(native: str) -> str:
    return next((category for prefix, category in _CATEGORIES.items() if native.startswith(prefix)), "")


map_raw = of_json(map_record)
