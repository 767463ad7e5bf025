"""PingOne audit activities (PingOne Platform API: "Audit Activities").

``result.status`` says what came of the *request*: a wrong password is ``PASSWORD.CHECK_FAILED`` with ``SUCCESS``. Where
the name of the action says that something failed, it did.
"""

from __future__ import annotations

from typing import Any

from workstation.services.timeline.event import Event, Outcome
from workstation.services.timeline.mapping.fields import reader
from workstation.services.timeline.mapping.records import address, items, make, micros, of_json, optional_time

SOURCE = "ping"
WORDS = {
    "AUTHENTICATION": "sign_in",
    "USER.ACCESS_ALLOWED": "application.opened",
    "USER.ACCESS_DENIED": "application.opened",
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

_FAILED = ("_FAILED", "_FAILURE", "_DENIED")
#: What the actions that have no word of ours are about; everything else is how the service is set up.
_IAM = (
    "USER.",
    "GROUP.",
    "POPULATION.",
    "ROLE",
    "MEMBER",
    "PASSWORD",
    "DEVICE.",
    "OTP.",
    "LINKED_ACCOUNT.",
    "SESSION.",
)
_said = reader(
    own_id="id",
    recorded="recordedAt",
    created="createdAt",
    native="action.type",
    result="result.status",
    reason=("result.description", "action.description"),
    user="actors.user.id",
    user_name="actors.user.name",
    client="actors.client.id",
    client_name="actors.client.name",
    ip=("source.ipAddress", "actors.user.ipAddress"),
    user_agent="source.userAgent",
    session="internalCorrelation.sessionId",
)
_resource = reader(kind="type", id="id", name="name")


def map_record(record: dict[str, Any], raw: bytes) -> Event:
    """Return the event of an audit activity. Raises Unmappable."""
    said = _said(record)
    things = [_resource(item) for item in items(record, "resources")]
    user = next((thing for thing in things if thing.kind == "USER"), None)
    other = next((thing for thing in things if thing.kind != "USER"), None)
    account, account_name = (user.id, user.name) if user else (said.user, said.user_name)
    # Nobody is named as actor where somebody tries a password: it is the account's own sign-in.
    own = not said.user and not said.client
    return make(
        SOURCE,
        raw,
        own_id=said.own_id,
        time_us=micros(said.recorded or said.created),
        native=said.native,
        words=WORDS,
        category="iam" if said.native.startswith(_IAM) else "configuration",
        outcome=Outcome.FAILURE
        if said.native.endswith(_FAILED)
        else _RESULTS.get(said.result.lower(), Outcome.UNKNOWN),
        reason=said.reason,
        account=account,
        account_name=account_name,
        actor=account if own else said.user or said.client,
        actor_name=account_name if own else said.user_name or said.client_name,
        ip=address(said.ip),
        user_agent=said.user_agent,
        session=said.session,
        target=(other.name or other.id) if other else "",
        # What happened is recorded first and written into the audit log (created) after that.
        ingested_us=optional_time(record, "createdAt") if said.recorded else 0,
    )


map_raw = of_json(map_record)
