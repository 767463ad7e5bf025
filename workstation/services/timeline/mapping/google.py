"""Google Workspace activities (Reports API, ``admin#reports#activity``), one or several events in a record.

The id is ``id.uniqueQualifier``. Google says of few events what came of them: sign-ins, and challenges in their
parameters; the rest stays unknown. Parameters are a list of names and values of several types, or an object.
"""

from __future__ import annotations

from typing import Any

from workstation.services.timeline.event import Event, Outcome
from workstation.services.timeline.mapping.countries import country_code
from workstation.services.timeline.mapping.fields import reader
from workstation.services.timeline.mapping.records import address, at, items, make, micros, of_json, plain

SOURCE = "google"
WORDS = {
    "login_success": "sign_in",
    "login_failure": "sign_in",
    "login_challenge": "sign_in.challenged",
    "login_verification": "second_factor.checked",
    "logout": "sign_out",
    "password_edit": "password.changed",
    "CHANGE_PASSWORD": "password.changed",
    "2sv_enroll": "second_factor.added",
    "passkey_enrolled": "second_factor.added",
    "passkey_removed": "second_factor.removed",
    "recovery_secret_qa_edit": "profile.changed",
    "2sv_disable": "second_factor.removed",
    "TURN_OFF_2_STEP_VERIFICATION": "second_factor.removed",
    "UNENROLL_USER_FROM_STRONG_AUTH": "second_factor.removed",
    "GENERATE_2SV_SCRATCH_CODES": "recovery_codes.created",
    "recovery_email_edit": "email.changed",
    "recovery_phone_edit": "phone.changed",
    "CHANGE_RECOVERY_EMAIL": "email.changed",
    "CHANGE_RECOVERY_PHONE": "phone.changed",
    "email_forwarding_out_of_domain": "forwarding.changed",
    "account_disabled_password_leak": "account.disabled",
    "account_disabled_hijacked": "account.disabled",
    "account_disabled_spamming": "account.disabled",
    "account_disabled_spamming_through_relay": "account.disabled",
    "account_disabled_generic": "account.disabled",
    "SUSPEND_USER": "account.disabled",
    "UNSUSPEND_USER": "account.enabled",
    "CREATE_USER": "account.created",
    "DELETE_USER": "account.removed",
    "GRANT_ADMIN_PRIVILEGE": "role.granted",
    "ASSIGN_ROLE": "role.granted",
    "REVOKE_ADMIN_PRIVILEGE": "role.removed",
    "UNASSIGN_ROLE": "role.removed",
    "authorize": "consent.granted",
    "revoke": "consent.revoked",
    "suspicious_login": "risk.detected",
    "suspicious_login_less_secure_app": "risk.detected",
    "suspicious_programmatic_login": "risk.detected",
    "gov_attack_warning": "risk.detected",
    "risky_sensitive_action_allowed": "risk.detected",
    "risky_sensitive_action_blocked": "risk.detected",
    "user_signed_out_due_to_suspicious_session_cookie": "risk.detected",
    "RESET_SIGNIN_COOKIES": "session.ended",
    "CREATE_EMAIL_MONITOR": "forwarding.changed",
}
_OUTCOMES = {"login_success": Outcome.SUCCESS, "login_failure": Outcome.FAILURE, "logout": Outcome.SUCCESS}
_CHALLENGES = {"challenge passed": Outcome.SUCCESS, "passed": Outcome.SUCCESS} | dict.fromkeys(
    ("challenge failed", "failed", "incorrect answer entered"), Outcome.FAILURE
)
#: Application → ECS category of what has no word of ours.
_CATEGORIES = {
    "login": "authentication",
    "saml": "authentication",
    "user_accounts": "iam",
    "admin": "iam",
    "token": "iam",
    "groups": "iam",
    "groups_enterprise": "iam",
    "drive": "file",
}
_VALUES = ("value", "boolValue", "intValue", "multiValue", "multiIntValue")
_said = reader(
    own_id="id.uniqueQualifier",
    time="id.time",
    application="id.applicationName",
    actor=("actor.profileId", "actor.key"),
    actor_name=("actor.email", "actor.key"),
    ip="ipAddress",
    country="networkInfo.regionCode",
    asn="networkInfo.ipAsn",
)
_parameter = reader(
    other=("USER_EMAIL", "affected_email_address"),
    reason=("login_failure_type", "login_challenge_status"),
    challenge="login_challenge_status",
    user_agent="user_agent",
    device=("DEVICE_ID", "device_id"),
    factor=("login_challenge_method", "login_type"),
    target=(
        "doc_title",
        "app_name",
        "APPLICATION_NAME",
        "SETTING_NAME",
        "ROLE_NAME",
        "email_forwarding_destination_address",
    ),
)


def map_record(record: dict[str, Any], raw: bytes) -> Event:
    """Return the event of an activity; of several events in it the first speaks, the codes of all are kept."""
    said = _said(record)
    events = list(items(record, "events")) or [record]
    code = plain(events[0].get("name"))
    names = [code] if len(events) == 1 else [plain(event.get("name")) for event in events]
    native = ", ".join(dict.fromkeys(filter(None, names))) or plain(events[0].get("type"))
    about = _parameter(_parameters(events[0]))
    return make(
        SOURCE,
        raw,
        own_id=said.own_id,
        time_us=micros(said.time),
        native=native,
        words={native: WORDS.get(code, native)},
        category=_CATEGORIES.get(said.application, ""),
        outcome=_outcome(code, about.challenge),
        reason=about.reason,
        account=said.actor if about.other in ("", said.actor_name) else "",
        account_name=about.other or said.actor_name,
        actor=said.actor,
        actor_name=said.actor_name,
        ip=address(said.ip),
        country=country_code(said.country),
        asn=said.asn,
        user_agent=about.user_agent,
        device=about.device,
        factor=about.factor,
        target=about.target,
    )


def _parameters(event: dict[str, Any]) -> dict[str, Any]:
    found = at(event, "parameters")
    if isinstance(found, dict):
        return found
    said: dict[str, Any] = {}
    for item in items(event, "parameters"):
        for kind in _VALUES:
            if kind in item:
                said[plain(item.get("name"))] = item[kind]
                break
    return said


def _outcome(code: str, challenge: str) -> Outcome:
    if code in _OUTCOMES:
        return _OUTCOMES[code]
    return _CHALLENGES.get(challenge.lower().rstrip("."), Outcome.UNKNOWN)


map_raw = of_json(map_record)
