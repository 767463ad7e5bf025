"""Google Workspace activities (Reports API, ``admin#reports#activity``), one or several events in a record.

The id is ``id.uniqueQualifier``. Google says of few events what came of them: sign-ins, and challenges in their
parameters; the rest stays unknown. Parameters are a list of names and values of several types, or an object.
"""

from __future__ import annotations

from typing import Any

from workstation.services.timeline.event import Event, Outcome
from workstation.services.timeline.mapping.countries import country_code
from workstation.services.timeline.mapping.records import address, at, first_time, items, make, of_json, plain, text

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
}
_OUTCOMES = {"login_success": Outcome.SUCCESS, "login_failure": Outcome.FAILURE, "logout": Outcome.SUCCESS}
_CHALLENGES = {"challenge passed": Outcome.SUCCESS, "passed": Outcome.SUCCESS} | dict.fromkeys(
    ("challenge failed", "failed"), Outcome.FAILURE
)
_CATEGORIES = {"login": "authentication", "user_accounts": "iam", "admin": "iam", "token": "iam"}
_TARGETS = (
    "doc_title",
    "app_name",
    "APPLICATION_NAME",
    "SETTING_NAME",
    "ROLE_NAME",
    "email_forwarding_destination_address",
)
_VALUES = ("value", "boolValue", "intValue", "multiValue", "multiIntValue")


def map_record(record: dict[str, Any], raw: bytes) -> Event:
    """Return the event of an activity; of several events in it the first speaks, the codes of all are kept."""
    events = list(items(record, "events")) or [record]
    first = events[0]
    said = _parameters(first)
    code = text(first, "name")
    native = ", ".join(dict.fromkeys(filter(None, (text(event, "name") for event in events)))) or text(first, "type")
    actor, name = text(record, "actor.profileId", "actor.key"), text(record, "actor.email", "actor.key")
    other = text(said, "USER_EMAIL", "affected_email_address")
    return make(
        SOURCE,
        raw,
        own_id=text(record, "id.uniqueQualifier"),
        time_us=first_time(record, "id.time"),
        native=native,
        words={native: WORDS.get(code.strip(), native)},
        category=_CATEGORIES.get(text(record, "id.applicationName"), ""),
        outcome=_outcome(code, said),
        reason=text(said, "login_failure_type", "login_challenge_status"),
        account=actor if other in ("", name) else "",
        account_name=other or name,
        actor=actor,
        actor_name=name,
        ip=address(text(record, "ipAddress")),
        country=country_code(text(record, "networkInfo.regionCode")),
        asn=text(record, "networkInfo.ipAsn"),
        user_agent=text(said, "user_agent"),
        device=text(said, "DEVICE_ID", "device_id"),
        factor=text(said, "login_challenge_method", "login_type"),
        target=text(
            said,
            "doc_title",
            "app_name",
            "APPLICATION_NAME",
            "SETTING_NAME",
            "ROLE_NAME",
            "email_forwarding_destination_address",
        ),
    )


def _parameters(event: dict[str, Any]) -> dict[str, Any]:
    found = at(event, "parameters")
    if isinstance(found, dict):
        return found
    return {
        plain(item.get("name")): next((item[kind] for kind in _VALUES if kind in item), None)
        for item in items(event, "parameters")
    }


def _outcome(code: str, said: dict[str, Any]) -> Outcome:
    if code in _OUTCOMES:
        return _OUTCOMES[code]
    return _CHALLENGES.get(text(said, "login_challenge_status").lower(), Outcome.UNKNOWN)


map_raw = of_json(map_record)
