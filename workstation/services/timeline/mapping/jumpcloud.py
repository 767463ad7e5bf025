"""JumpCloud Directory Insights events (JumpCloud: "Directory Insights API", version 1)."""

from __future__ import annotations

from typing import Any

from workstation.services.timeline.event import Event, Outcome
from workstation.services.timeline.mapping.countries import country_code
from workstation.services.timeline.mapping.fields import reader
from workstation.services.timeline.mapping.records import address, make, micros, of_json, point

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

_said = reader(
    own_id="id",
    time="timestamp",
    native="event_type",
    success="success",
    reason=("error_message", "message"),
    actor="initiated_by.id",
    actor_name=("initiated_by.username", "initiated_by.email", "username"),
    on="resource.id",
    on_name=("resource.username", "resource.email", "resource.email_address"),
    on_kind="resource.type",
    ip="client_ip",
    country="geoip.country_code",
    city="geoip.city",
    latitude="geoip.latitude",
    longitude="geoip.longitude",
    browser="useragent.name",
    system="useragent.os_full",
    device=("system.id", "system.hostname"),
    factor="mfa_meta.type",
    mfa="mfa",
    method="auth_method",
    target=("application.name", "application.display_label", "resource.id"),
)
_OUTCOMES = {"true": Outcome.SUCCESS, "false": Outcome.FAILURE}


def map_record(record: dict[str, Any], raw: bytes) -> Event:
    """Return the event of a Directory Insights record. Raises Unmappable."""
    said = _said(record)
    on_user = said.on_kind in ("user", "admin")
    return make(
        SOURCE,
        raw,
        own_id=said.own_id,
        time_us=micros(said.time),
        native=said.native,
        words=WORDS,
        outcome=_OUTCOMES.get(said.success, Outcome.UNKNOWN),
        reason=said.reason,
        account=said.on if on_user else said.actor,
        account_name=said.on_name if on_user else said.actor_name,
        actor=said.actor,
        actor_name=said.actor_name,
        ip=address(said.ip),
        country=country_code(said.country),
        city=said.city,
        location=point(said.latitude, said.longitude),
        user_agent=f"{said.browser} {said.system}".strip(),
        device=said.device,
        factor=said.factor or ("mfa" if said.mfa == "true" else said.method),
        target=said.target,
    )


map_raw = of_json(map_record)
