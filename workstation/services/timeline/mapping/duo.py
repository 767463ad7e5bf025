"""Duo authentication logs (version 2), administrator, activity and telephony logs (Duo: "Admin API").

Times are seconds, or ``isotimestamp`` / ``ts``. An administrator record's ``description`` is JSON within a text, and
not always valid. Administrator logs do not say what came of an action, except by its name.
"""

from __future__ import annotations

from typing import Any

from workstation.services.timeline.event import Event, Outcome
from workstation.services.timeline.mapping.countries import country_code
from workstation.services.timeline.mapping.fields import reader
from workstation.services.timeline.mapping.records import (
    SECONDS,
    Unmappable,
    address,
    decode,
    first_of,
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

_DEVICE = "access_device"
_said = reader(
    own_id=("txid", "activity_id", "telephony_id"),
    iso="isotimestamp",
    ts="ts",
    seconds="timestamp",
    # A telephony record's type is how the code was sent: sms or phone.
    native=("event_type", "action.name", "type"),
    kind="event_type",
    context="context",
    result=("result", "outcome.result"),
    reason=("reason", "context"),
    user=("user.key", "actor.key"),
    name=("user.name", "actor.name", "email", "username"),
    on="target.key",
    on_name="target.name",
    on_kind="target.type",
    ip=(f"{_DEVICE}.ip", f"{_DEVICE}.ip.address", "ip"),
    country=f"{_DEVICE}.location.country",
    city=f"{_DEVICE}.location.city",
    browser=f"{_DEVICE}.browser",
    system=f"{_DEVICE}.os",
    # The access device asks, the phone (auth_device) answers: that one is the owner's, whoever asks.
    device=f"{_DEVICE}.epkey",
    factor=("factor", "type"),
    target=("application.name", "target.name", "phone"),
    risk="adaptive_trust_assessments.more_secure_auth.trust_level",
)


def map_record(record: dict[str, Any], raw: bytes) -> Event:
    """Return the event of a Duo record of any of the logs. Raises Unmappable."""
    if isinstance(record.get("action"), str):
        return _administrator(record, raw)
    said = _said(record)
    on_user = said.on_kind in ("user", "admin")
    return make(
        SOURCE,
        raw,
        own_id=said.own_id,
        time_us=first_of((said.iso, said.ts, said.seconds), SECONDS),
        native=said.native,
        words=WORDS,
        category="authentication" if said.kind or said.context else "iam",
        outcome=_RESULTS.get(said.result.lower(), Outcome.UNKNOWN),
        reason=said.reason,
        account=said.on if on_user else said.user,
        account_name=said.on_name if on_user else said.name,
        actor=said.user,
        actor_name=said.name,
        ip=address(said.ip),
        country=country_code(said.country),
        city=said.city,
        user_agent=f"{said.browser} {said.system}".strip(),
        device=said.device,
        factor=said.factor,
        target=said.target,
        risk=said.risk.lower(),
    )


def _administrator(record: dict[str, Any], raw: bytes) -> Event:
    native, actor = text(record, "action"), text(record, "username")
    said = _description(record)
    obj = text(record, "object")
    # The object of user_…, bypass_… and the like is the user; of policies and integrations it is their name.
    on_user = native.startswith(("user_", "bypass_", "phone_", "hardtoken_", "admin_", "activation_"))
    error = text(said, "error") if isinstance(said, dict) else ""
    return make(
        SOURCE,
        raw,
        own_id="",
        time_us=first_of((text(record, "isotimestamp"), text(record, "timestamp")), SECONDS),
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
