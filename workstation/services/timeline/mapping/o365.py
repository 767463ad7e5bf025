"""Microsoft 365's unified audit log (Office 365 Management Activity API, common schema and Entra schemas).

Times have no zone and are UTC. ``UserLoginFailed`` comes with a ``ResultStatus`` of ``Success`` (the *request* was
served): its name decides.
"""

from __future__ import annotations

from typing import Any

from workstation.services.timeline.event import Event, Outcome
from workstation.services.timeline.mapping.records import address, first_time, items, make, named, of_json, text

SOURCE = "o365"
WORDS = {
    "UserLoggedIn": "sign_in",
    "UserLoginFailed": "sign_in",
    "MailboxLogin": "sign_in",
    "TeamsSessionStarted": "session.started",
    "UserLoggedOff": "sign_out",
    "Change user password": "password.changed",
    "Reset user password": "password.reset",
    "Set force change user password": "password.reset_requested",
    "Add user": "account.created",
    "Delete user": "account.removed",
    "Update user": "profile.changed",
    "Disable account": "account.disabled",
    "Enable account": "account.enabled",
    "Disable Strong Authentication": "second_factor.removed",
    "User registered security info": "second_factor.added",
    "User deleted security info": "second_factor.removed",
    "Add member to role": "role.granted",
    "Remove member from role": "role.removed",
    "Add member to group": "group.joined",
    "Remove member from group": "group.left",
    "Consent to application": "consent.granted",
    "Add-MailboxPermission": "role.granted",
    "Remove-MailboxPermission": "role.removed",
    "New-InboxRule": "forwarding.changed",
    "Set-InboxRule": "forwarding.changed",
    "UpdateInboxRules": "forwarding.changed",
    "Register device": "device.added",
}
_RESULTS = {
    **dict.fromkeys(("success", "succeeded", "true"), Outcome.SUCCESS),
    **dict.fromkeys(("failed", "failure", "false"), Outcome.FAILURE),
}
#: Kinds of an entry of ``Actor`` and ``Target`` (schema "IdentityTypeValuePair"): 0 id, 3 PUID, 5 UPN.
_ID, _UPN = "0", "5"


def map_record(record: dict[str, Any], raw: bytes) -> Event:
    """Return the event of an audit record. Raises Unmappable."""
    operation = text(record, "Operation")
    code = operation.rstrip(".")
    extended = named(record, "ExtendedProperties", "Name", "Value")
    device = named(record, "DeviceProperties", "Name", "Value")
    actor, name = text(record, "UserKey", "UserId"), text(record, "UserId", "UserKey")
    account, account_name = _target(record)
    return make(
        SOURCE,
        raw,
        own_id=text(record, "Id"),
        time_us=first_time(record, "CreationTime"),
        native=operation,
        words={operation: WORDS.get(code, operation)},
        outcome=_outcome(record, code),
        reason=text(record, "LogonError") or text(extended, "ResultStatusDetail"),
        account=account if account or account_name else actor,
        account_name=account_name if account or account_name else name,
        actor=actor,
        actor_name=name,
        ip=address(text(record, "ClientIP", "ClientIPAddress", "ActorIpAddress")),
        user_agent=text(extended, "UserAgent") or text(record, "UserAgent", "ClientInfoString"),
        device=text(device, "Id"),
        session=text(device, "SessionId") or text(record, "AppAccessContext.AADSessionId", "SessionId"),
        factor=text(extended, "UserAuthenticationMethod"),
        target=text(record, "ObjectId", "ApplicationId"),
    )


def _target(record: dict[str, Any]) -> tuple[str, str]:
    """Return id and name of the user that was acted on; an application as the target of a sign-in is none."""
    pairs = [(text(item, "Type"), text(item, "ID")) for item in items(record, "Target")]
    name = next((value for kind, value in pairs if kind == _UPN and "@" in value), "")
    if not name:
        return "", ""
    ids = (value.removeprefix("User_") for kind, value in pairs if kind in (_ID, "2") and "-" in value)
    return next(ids, ""), name


def _outcome(record: dict[str, Any], code: str) -> Outcome:
    if code == "UserLoginFailed" or text(record, "LogonError"):
        return Outcome.FAILURE
    return _RESULTS.get(text(record, "ResultStatus").lower(), Outcome.UNKNOWN)


map_raw = of_json(map_record)
