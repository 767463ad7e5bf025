"""PingOne audit activities (PingOne Platform API: "Audit Activities")."""

from __future__ import annotations

from typing import Any

from workstation.services.timeline.event import Event, Outcome
from workstation.services.timeline.mapping.records import address, first_time, items, make, of_json, text

SOURCE = "ping"
WORDS = {
    "AUTHENTICATION": "sign_in",
    "USER.ACCESS_ALLOWED": "sign_in",
    "USER.ACCESS_DENIED": "sign_in",
    "SESSION.CREATED": "session.started",
    "SESSION.DELETED": "session.ended",
    "USER.SLO_SUCCESS": "sign_out",
    "USER.SLO_FAILURE": "sign_out",
    "PASSWORD.CHECK_SUCCEEDED": "sign_in",
    "PASSWORD.CHECK_FAILED": "sign_in",
    "PASSWORD.SET": "password.changed",
    "PASSWORD.RESET": "password.reset",
    "PASSWORD.RECOVERED": "password.reset",
    "PASSWORD.RECOVERY_FAILED": "password.reset",
    "PASSWORD.RECOVERY_INITIATED": "password.reset_requested",
    "PASSWORD.UNLOCKED": "account.unlocked",
    "PASSWORD.LOCKED": "account.locked",
    "USER.LOCKED": "account.locked",
    "USER.UNLOCKED": "account.unlocked",
    "USER.CREATED": "account.created",
    "USER.DELETED": "account.removed",
    "USER.ENABLED": "account.enabled",
    "USER.DISABLED": "account.disabled",
    "USER.UPDATED": "profile.changed",
    "MFA_SETTINGS.DISABLED": "second_factor.removed",
    "DEVICE.CREATED": "second_factor.added",
    "DEVICE.ACTIVATED": "second_factor.added",
    "DEVICE.UPDATED": "second_factor.changed",
    "DEVICE.DELETED": "second_factor.removed",
    "OTP.CHECK_SUCCESS": "second_factor.checked",
    "OTP.CHECK_FAILED": "second_factor.checked",
    "ROLE_ASSIGNMENT.CREATED": "role.granted",
    "ROLE_ASSIGNMENT.DELETED": "role.removed",
    "MEMBER_OF_GROUP.CREATED": "group.joined",
    "MEMBER_OF_GROUP.DELETED": "group.left",
    "LINKED_ACCOUNT.CREATED": "identity.linked",
    "LINKED_ACCOUNT.DELETED": "identity.unlinked",
}
_RESULTS = {"success": Outcome.SUCCESS, "failed": Outcome.FAILURE, "failure": Outcome.FAILURE}


def map_record(record: dict[str, Any], raw: bytes) -> Event:
    """Return the event of an audit activity. Raises Unmappable."""
    actor = text(record, "actors.user.id", "actors.client.id")
    name = text(record, "actors.user.name", "actors.client.name")
    users = [item for item in items(record, "resources") if text(item, "type") == "USER"]
    others = [item for item in items(record, "resources") if text(item, "type") != "USER"]
    return make(
        SOURCE,
        raw,
        own_id=text(record, "id"),
        time_us=first_time(record, "recordedAt", "createdAt"),
        native=text(record, "action.type"),
        words=WORDS,
        outcome=_RESULTS.get(text(record, "result.status").lower(), Outcome.UNKNOWN),
        reason=text(record, "result.description", "action.description"),
        account=text(users[0], "id") if users else text(record, "actors.user.id"),
        account_name=text(users[0], "name") if users else text(record, "actors.user.name"),
        actor=actor,
        actor_name=name,
        ip=address(text(record, "source.ipAddress", "actors.user.ipAddress")),
        user_agent=text(record, "source.userAgent"),
        session=text(record, "internalCorrelation.sessionId"),
        target=text(others[0], "name", "id") if others else "",
    )


map_raw = of_json(map_record)
