"""AWS CloudTrail records, versions 1.05 to 1.11 (AWS: "CloudTrail record contents").

The actor's id is ``principalId``, which outlives a rename; the name of an assumed role says role and session.
A record without ``errorCode`` is a success only where AWS says that it tells failures this way (API calls and
console actions); console sign-ins answer in ``responseElements``.
"""

from __future__ import annotations

from typing import Any

from workstation.services.timeline.event import Event, Outcome
from workstation.services.timeline.mapping.records import address, at, first_time, make, of_json, text

SOURCE = "cloudtrail"
WORDS = {
    "ConsoleLogin": "sign_in",
    "CredentialChallenge": "sign_in.challenged",
    "CheckMfa": "second_factor.checked",
    "UserAuthentication": "sign_in",
    "ChangePassword": "password.changed",
    "PasswordUpdated": "password.changed",
    "UpdateLoginProfile": "password.changed",
    "CreateLoginProfile": "password.changed",
    "DeleteLoginProfile": "password.removed",
    "PasswordRecoveryRequested": "password.reset_requested",
    "PasswordRecoveryCompleted": "password.reset",
    "EmailUpdated": "email.changed",
    "EnableMFADevice": "second_factor.added",
    "DeactivateMFADevice": "second_factor.removed",
    "DeleteVirtualMFADevice": "second_factor.removed",
    "ResyncMFADevice": "second_factor.changed",
    "CreateUser": "account.created",
    "DeleteUser": "account.removed",
    "UpdateUser": "profile.changed",
    "CreateAccessKey": "api_key.created",
    "UpdateAccessKey": "api_key.changed",
    "DeleteAccessKey": "api_key.removed",
    "AttachUserPolicy": "role.granted",
    "PutUserPolicy": "role.granted",
    "DetachUserPolicy": "role.removed",
    "DeleteUserPolicy": "role.removed",
    "AddUserToGroup": "group.joined",
    "RemoveUserFromGroup": "group.left",
}
#: Where AWS keeps identities and sign-ins; elsewhere ``CreateUser`` makes a database's user.
_IDENTITY = frozenset({"", "iam", "signin", "sso", "identitystore"})
#: Kinds of record that carry ``errorCode`` when, and only when, the call failed.
_TELLS_ERRORS = frozenset({"AwsApiCall", "AwsConsoleAction"})
#: What an action was done to, the most telling first.
_TARGETS = (
    "requestParameters.accessKeyId",
    "requestParameters.serialNumber",
    "requestParameters.policyArn",
    "requestParameters.groupName",
    "requestParameters.roleArn",
    "requestParameters.roleName",
    "requestParameters.bucketName",
    "requestParameters.secretId",
    "requestParameters.functionName",
    "requestParameters.instanceId",
    "requestParameters.keyId",
    "requestParameters.dBInstanceIdentifier",
    "requestParameters.groupId",
    "requestParameters.name",
    "responseElements.accessKey.accessKeyId",
    "resources.0.ARN",
    "resources.0.arn",
)


def map_record(record: dict[str, Any], raw: bytes) -> Event:
    """Return the event of a CloudTrail record. Raises Unmappable."""
    service = text(record, "eventSource").removesuffix(".amazonaws.com")
    identity = service in _IDENTITY
    actor, actor_name = _actor(record)
    account, account_name = _account(record, actor, actor_name) if identity else (actor, actor_name)
    return make(
        SOURCE,
        raw,
        own_id=text(record, "eventID"),
        time_us=first_time(record, "eventTime"),
        native=text(record, "eventName"),
        words=WORDS if identity else {},
        category="iam" if identity else "api",
        outcome=_outcome(record),
        reason=_reason(record),
        account=account,
        account_name=account_name,
        actor=actor,
        actor_name=actor_name,
        ip=address(text(record, "sourceIPAddress")),
        user_agent=text(record, "userAgent"),
        session=_session(record),
        factor=_factor(record),
        target=text(record, *_TARGETS),
    )


def _actor(record: dict[str, Any]) -> tuple[str, str]:
    who = at(record, "userIdentity")
    identifier = text(who, "principalId", "arn", "onBehalfOf.userId", "identityProvider", "accountId", "invokedBy")
    arn = text(who, "arn")
    name = text(who, "userName")
    if not name and ":assumed-role/" in arn:
        name = arn.partition(":assumed-role/")[2]
    if not name and text(who, "type") == "Root":
        name = "root"
    return identifier, name or text(who, "sessionContext.sessionIssuer.userName", "invokedBy", "arn")


def _account(record: dict[str, Any], actor: str, actor_name: str) -> tuple[str, str]:
    """Return the user that was acted on: named in the call, else the caller. AWS tells only the name of others."""
    named = text(record, "requestParameters.userName")
    if not named or named == actor_name:
        return actor, actor_name
    return text(record, "responseElements.user.userId"), named


def _outcome(record: dict[str, Any]) -> Outcome:
    if text(record, "errorCode", "errorMessage"):
        return Outcome.FAILURE
    answer = text(record, f"responseElements.{text(record, 'eventName')}")
    if answer in ("Success", "Failure"):
        return Outcome(answer.lower())
    return Outcome.SUCCESS if text(record, "eventType") in _TELLS_ERRORS else Outcome.UNKNOWN


def _reason(record: dict[str, Any]) -> str:
    return ": ".join(filter(None, (text(record, "errorCode"), text(record, "errorMessage"))))


def _session(record: dict[str, Any]) -> str:
    """Return the temporary access key: AWS issues one a session (they begin with ASIA, lasting ones with AKIA)."""
    key = text(record, "userIdentity.accessKeyId")
    return key if key.startswith("ASIA") else ""


def _factor(record: dict[str, Any]) -> str:
    if device := text(record, "additionalEventData.MFAIdentifier"):
        return device
    used = text(record, "additionalEventData.MFAUsed", "userIdentity.sessionContext.attributes.mfaAuthenticated")
    return "mfa" if used.lower() in ("yes", "true") else ""


map_raw = of_json(map_record)
