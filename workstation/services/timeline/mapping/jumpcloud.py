"""JumpCloud Directory Insights events (JumpCloud: "Directory Insights API", version 1)."""

from __future__ import annotations

from typing import Any

from workstation.services.timeline.event import Event, Outcome
from workstation.services.timeline.mapping.countries import country_code
from workstation.services.timeline.mapping.records import address, at, first_time, make, of_json, text

SOURCE = "jumpcloud"
WORDS = {
    "user_login_attempt": "sign_in",
    "admin_login_attempt": "sign_in",
    "login_attempt": "sign_in",
    "ldap_bind": "sign_in",
    "radius_auth_attempt": "sign_in",
    "sso_auth": "application.opened",
    "admin_lockout": "account.locked",
    "user_lockout": "account.locked",
    "user_unlocked": "account.unlocked",
    "user_password_change": "password.changed",
    "admin_password_change": "password.changed",
    "admin_password_reset_request": "password.reset_requested",
    "password_reset_request": "password.reset_requested",
    "user_password_reset_request": "password.reset_requested",
    "user_create": "account.created",
    "user_create_provision": "account.created",
    "admin_create": "account.created",
    "user_delete": "account.removed",
    "user_delete_provision": "account.removed",
    "admin_delete": "account.removed",
    "user_activated": "account.enabled",
    "user_suspended": "account.disabled",
    "user_update": "profile.changed",
    "user_update_provision": "profile.changed",
    "admin_update": "profile.changed",
    "totp_finish_enrollment": "second_factor.added",
    "totp_delete_enrollment": "second_factor.removed",
    "admin_totp_finish_enrollment": "second_factor.added",
    "admin_totp_disable": "second_factor.removed",
    "user_mfa_exclusion_expired": "second_factor.changed",
    "webauthn_credential_create": "second_factor.added",
    "webauthn_credential_delete": "second_factor.removed",
    "push_mfa_attempt": "second_factor.checked",
    "admin_apikey_new": "api_key.created",
}


def map_record(record: dict[str, Any], raw: bytes) -> Event:
    """Return the event of a Directory Insights record. Raises Unmappable."""
    actor = text(record, "initiated_by.id")
    name = text(record, "initiated_by.username", "initiated_by.email", "username")
    on_user = text(record, "resource.type") in ("user", "admin")
    return make(
        SOURCE,
        raw,
        own_id=text(record, "id"),
        time_us=first_time(record, "timestamp"),
        native=text(record, "event_type"),
        words=WORDS,
        outcome=_outcome(at(record, "success")),
        reason=text(record, "error_message", "message"),
        account=text(record, "resource.id") if on_user else actor,
        account_name=text(record, "resource.username", "resource.email", "resource.email_address") if on_user else name,
        actor=actor,
        actor_name=name,
        ip=address(text(record, "client_ip")),
        country=country_code(text(record, "geoip.country_code")),
        city=text(record, "geoip.city"),
        user_agent=" ".join(filter(None, (text(record, "useragent.name"), text(record, "useragent.os_full")))),
        device=text(record, "system.id", "system.hostname"),
        factor=_factor(record),
        target=text(record, "application.name", "application.display_label", "resource.id"),
    )


def _outcome(success: Any) -> Outcome:
    if isinstance(success, bool):
        return Outcome.SUCCESS if success else Outcome.FAILURE
    return Outcome.UNKNOWN


def _factor(record: dict[str, Any]) -> str:
    return text(record, "mfa_meta.type") or ("mfa" if at(record, "mfa") is True else text(record, "auth_method"))


map_raw = of_json(map_record)
