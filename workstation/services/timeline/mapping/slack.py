"""Slack's audit logs (Slack: "Audit Logs API"). What came of an action only the names of sign-ins say."""

from __future__ import annotations

from typing import Any

from workstation.services.timeline.event import Event, Outcome
from workstation.services.timeline.mapping.fields import reader
from workstation.services.timeline.mapping.records import SECONDS, address, make, micros, of_json

SOURCE = "slack"
WORDS = {
    "user_login": "sign_in",
    "user_login_failed": "sign_in",
    "user_logout": "sign_out",
    "user_session_invalidated": "session.ended",
    "user_session_reset_by_admin": "session.ended",
    "bulk_session_reset_by_admin": "session.ended",
    "user_created": "account.created",
    "user_deactivated": "account.disabled",
    "user_reactivated": "account.enabled",
    "user_email_updated": "email.changed",
    "user_profile_updated": "profile.changed",
    "role_change_to_owner": "role.granted",
    "role_change_to_admin": "role.granted",
    "permissions_assigned": "role.granted",
    "permissions_removed": "role.removed",
    "user_added_to_usergroup": "group.joined",
    "user_removed_from_usergroup": "group.left",
    "app_installed": "consent.granted",
    "app_uninstalled": "consent.revoked",
    "anomaly": "risk.detected",
}
_OUTCOMES = {"user_login": Outcome.SUCCESS, "user_logout": Outcome.SUCCESS, "user_login_failed": Outcome.FAILURE}
_CATEGORIES = {"user": "iam", "file": "file"}
_said = reader(
    own_id="id",
    time="date_create",
    native="action",
    reason=("details.reason", "details.type"),
    actor="actor.user.id",
    actor_name=("actor.user.email", "actor.user.name"),
    kind="entity.type",
    on="entity.user.id",
    on_name=("entity.user.email", "entity.user.name"),
    ip="context.ip_address",
    user_agent="context.ua",
    session="context.session_id",
    target=("entity.app.name", "entity.file.name", "entity.channel.name", "entity.workspace.name"),
)


def map_record(record: dict[str, Any], raw: bytes) -> Event:
    """Return the event of an entry of the audit log. Raises Unmappable."""
    said = _said(record)
    on_user = said.kind == "user"
    return make(
        SOURCE,
        raw,
        own_id=said.own_id,
        time_us=micros(said.time, SECONDS),
        native=said.native,
        words=WORDS,
        category=_CATEGORIES.get(said.kind, "configuration"),
        outcome=_OUTCOMES.get(said.native, Outcome.UNKNOWN),
        reason=said.reason,
        account=said.on if on_user else said.actor,
        account_name=said.on_name if on_user else said.actor_name,
        actor=said.actor,
        actor_name=said.actor_name,
        ip=address(said.ip),
        user_agent=said.user_agent,
        session=said.session,
        target=said.target,
    )


map_raw = of_json(map_record)
