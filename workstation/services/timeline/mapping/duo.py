"""Duo authentication logs (version 2), administrator logs and activity logs (Duo: "Admin API").

Times are seconds, or ``isotimestamp`` / ``ts``. An administrator record's ``description`` is JSON within a text, and
not always valid. Administrator logs do not say what came of an action, except by its name.
"""

from __future__ import annotations

from typing import Any

from workstation.services.timeline.event import Event, Outcome
from workstation.services.timeline.mapping.countries import country_code
from workstation.services.timeline.mapping.records import (
    SECONDS,
    Unmappable,
    address,
    decode,
    first_time,
    make,
    of_json,
    text,
)

SOURCE = "duo"
WORDS = {
    "authentication": "second_factor.checked",
    "enrollment": "second_factor.added",
    "admin_login": "sign_in",
    "admin_login_error": "sign_in",
    "admin_2fa_error": "second_factor.checked",
    "admin_lockout": "account.locked",
    "admin_create": "account.created",
    "admin_delete": "account.removed",
    "admin_reset_password": "password.reset",
    "user_create": "account.created",
    "user_delete": "account.removed",
    "user_update": "profile.changed",
    "bypass_create": "recovery_codes.created",
    "user_not_enrolled_lockout": "account.locked",
    "phone_create": "second_factor.added",
    "phone_associate": "second_factor.added",
    "phone_update": "second_factor.changed",
    "phone_delete": "second_factor.removed",
    "phone_disassociate": "second_factor.removed",
    "hardtoken_associate": "second_factor.added",
    "hardtoken_disassociate": "second_factor.removed",
    "u2ftoken_create": "second_factor.added",
    "u2ftoken_delete": "second_factor.removed",
    "webauthncredential_create": "second_factor.added",
    "webauthncredential_delete": "second_factor.removed",
}
_RESULTS = {"success": Outcome.SUCCESS} | dict.fromkeys(
    ("denied", "failure", "failed", "error", "fraud"), Outcome.FAILURE
)


def map_record(record: dict[str, Any], raw: bytes) -> Event:
    """Return the event of a Duo record of any of the three logs. Raises Unmappable."""
    if isinstance(record.get("action"), str):
        return _administrator(record, raw)
    device = "access_device"
    user, name = text(record, "user.key", "actor.key"), text(record, "user.name", "actor.name", "email", "username")
    target, target_name = text(record, "target.key"), text(record, "target.name")
    on_user = text(record, "target.type") in ("user", "admin")
    return make(
        SOURCE,
        raw,
        own_id=text(record, "txid", "activity_id"),
        time_us=first_time(record, "isotimestamp", "ts", "timestamp", unit=SECONDS),
        native=text(record, "event_type", "action.name"),
        words=WORDS,
        category="authentication" if text(record, "event_type") else "iam",
        outcome=_RESULTS.get(text(record, "result", "outcome.result").lower(), Outcome.UNKNOWN),
        reason=text(record, "reason"),
        account=target if on_user else user,
        account_name=target_name if on_user else name,
        actor=user,
        actor_name=name,
        ip=address(text(record, f"{device}.ip", f"{device}.ip.address", "ip")),
        country=country_code(text(record, f"{device}.location.country")),
        city=text(record, f"{device}.location.city"),
        user_agent=" ".join(filter(None, (text(record, f"{device}.browser"), text(record, f"{device}.os")))),
        device=text(record, f"{device}.epkey", "auth_device.key", "auth_device.name"),
        factor=text(record, "factor"),
        target=text(record, "application.name", "target.name"),
        risk=text(record, "adaptive_trust_assessments.more_secure_auth.trust_level").lower(),
    )


def _administrator(record: dict[str, Any], raw: bytes) -> Event:
    native, actor = text(record, "action"), text(record, "username")
    said = _description(record)
    obj = text(record, "object")
    # The object of user_…, bypass_… and the like is the user; of policies and integrations it is their name.
    on_user = native.startswith(("user_", "bypass_", "phone_", "hardtoken_", "admin_"))
    error = text(said, "error") if isinstance(said, dict) else ""
    return make(
        SOURCE,
        raw,
        own_id="",
        time_us=first_time(record, "isotimestamp", "timestamp", unit=SECONDS),
        native=native,
        words=WORDS,
        category="iam",
        outcome=Outcome.FAILURE if error or native.endswith("_error") else Outcome.UNKNOWN,
        reason=error,
        account=text(said, "user_id"),
        account_name=(obj or actor) if on_user else "",
        actor=text(said, "email"),
        actor_name=actor,
        ip=address(text(said, "ip_address")),
        device=text(said, "device"),
        factor=text(said, "factor"),
        target=obj,
    )


def _description(record: dict[str, Any]) -> Any:
    try:
        return decode(text(record, "description").encode())
    except Unmappable:
        return {}


map_raw = of_json(map_record)
