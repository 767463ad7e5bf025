"""Microsoft 365's unified audit log (Office 365 Management Activity API, common schema and Entra schemas).

Times have no zone and are UTC. ``UserLoginFailed`` comes with a ``ResultStatus`` of ``Success`` (the *request* was
served): its name decides, unless the sign-in was only interrupted to ask for more. A ``UserLoggedIn`` may be a sign-out
(``RequestType`` ``OAuth2:Logout``). ``UserId`` is the sign-in name, the only id that every workload writes: ``UserKey``
is another one in each.
"""

from __future__ import annotations

import re
from typing import Any

from workstation.services.timeline.event import Event, Outcome
from workstation.services.timeline.mapping.fields import reader
from workstation.services.timeline.mapping.records import address, items, make, micros, named, of_json, plain

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
    **dict.fromkeys(("Add-MailboxPermission", "Add-RecipientPermission", "AddFolderPermissions"), "mailbox.shared"),
    **dict.fromkeys(("New-InboxRule", "Set-InboxRule", "UpdateInboxRules"), "mail_rule.changed"),
    "Register device": "device.added",
}
_RESULTS = {
    **dict.fromkeys(("success", "succeeded", "true"), Outcome.SUCCESS),
    **dict.fromkeys(("failed", "failure", "false"), Outcome.FAILURE),
}
#: Operations that may send mail on, and what it looks like when they do; an empty value takes it back.
_MAIL = frozenset({"Set-Mailbox", "New-InboxRule", "Set-InboxRule", "UpdateInboxRules"})
_FORWARDS = re.compile(
    r"(?:Forwarding(?:Smtp)?Address|ForwardTo|ForwardAsAttachmentTo|RedirectTo)=."
    r"|RuleActions=.*\b(?:Forward|ForwardAsAttachment|Redirect|ServerSideRedirect)\b",
    re.DOTALL,
)
#: What stands for nobody in ``UserId`` and ``UserKey``.
_NOBODY = frozenset({"", "Not Available", "Unknown"})
#: Workload → ECS category of what has no word of ours.
_CATEGORIES = {
    "AzureActiveDirectory": "iam",
    "Exchange": "email",
    "SharePoint": "file",
    "OneDrive": "file",
    "SecurityComplianceCenter": "threat",
}
#: Kind of an entry of ``Actor`` and ``Target`` (schema "IdentityTypeValuePair"): 5 is the sign-in name.
_UPN = "5"
_said = reader(
    own_id="Id",
    time="CreationTime",
    native="Operation",
    result="ResultStatus",
    error="LogonError",
    workload="Workload",
    user="UserId",
    key="UserKey",
    ip="ClientIP",
    # A mailbox record's ClientIP may be the server that acted for the client.
    mail_ip="ClientIPAddress",
    actor_ip="ActorIpAddress",
    user_agent=("UserAgent", "ClientInfoString"),
    session=("AppAccessContext.AADSessionId", "SessionId"),
    target=("ObjectId", "ApplicationId"),
    owner="MailboxOwnerUPN",
)
_pair = reader(kind="Type", id="ID")


def map_record(record: dict[str, Any], raw: bytes) -> Event:
    """Return the event of an audit record. Raises Unmappable."""
    said = _said(record)
    code = said.native.rstrip(".")
    extended = named(record, "ExtendedProperties", "Name", "Value")
    device = named(record, "DeviceProperties", "Name", "Value")
    actor = said.user if said.user not in _NOBODY else "" if said.key in _NOBODY else said.key
    # A mailbox's records say whose it is: a delegate or a service acts on somebody else's.
    account = _target(record) or said.owner or actor
    return make(
        SOURCE,
        raw,
        own_id=said.own_id,
        time_us=micros(said.time),
        native=said.native,
        words={said.native: _word(record, code, extended) or said.native},
        category=_CATEGORIES.get(said.workload, ""),
        outcome=_outcome(said, code),
        reason="" if said.error == "None" else said.error or plain(extended.get("ResultStatusDetail")),
        account=account,
        account_name=account,
        actor=actor,
        actor_name=actor,
        ip=address(said.mail_ip) or address(said.ip) or address(said.actor_ip),
        user_agent=plain(extended.get("UserAgent")) or said.user_agent,
        device=plain(device.get("Id")),
        session=plain(device.get("SessionId")) or said.session,
        factor=plain(extended.get("UserAuthenticationMethod")),
        target=said.target,
    )


def _word(record: dict[str, Any], code: str, extended: dict[str, Any]) -> str:
    if code == "UserLoggedIn" and extended.get("RequestType") == "OAuth2:Logout":
        return "sign_out"
    if code in _MAIL:
        rule = (*items(record, "Parameters"), *items(record, "OperationProperties"))
        # A rule that is changed in Outlook says what it does in the value, one by a command in the name.
        if any(_FORWARDS.search(f"{plain(item.get('Name'))}={plain(item.get('Value'))}") for item in rule):
            return "forwarding.changed"
    return WORDS.get(code, "")


def _target(record: dict[str, Any]) -> str:
    """Return the name of the user that was acted on; an application as the target of a sign-in is none."""
    pairs = [_pair(item) for item in items(record, "Target")]
    return next((pair.id for pair in pairs if pair.kind == _UPN and "@" in pair.id), "")


def _outcome(said: Any, code: str) -> Outcome:
    error = "" if said.error == "None" else said.error
    if error.endswith("Interrupt") or (error and code == "UserLoggedIn"):
        return Outcome.UNKNOWN
    if error or code == "UserLoginFailed":
        return Outcome.FAILURE
    return _RESULTS.get(said.result.lower(), Outcome.UNKNOWN)


map_raw = of_json(map_record)
