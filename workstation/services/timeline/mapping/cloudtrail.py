"""AWS CloudTrail records, versions 1.05 to 1.11 (AWS: "CloudTrail record contents").

The actor's id is ``principalId``, which outlives a rename; the name of an assumed role says role and session.
A record without ``errorCode`` is a success only where AWS says that it tells failures this way (API calls and
console actions); console sign-ins answer in ``responseElements``.
"""

from __future__ import annotations

from typing import Any

from workstation.services.timeline.event import Event, Outcome
from workstation.services.timeline.mapping.fields import reader
from workstation.services.timeline.mapping.records import address, make, micros, of_json, text

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
    **dict.fromkeys(
        ("CompleteVirtualMfaDeviceRegistration", "CompleteWebAuthnDeviceRegistration"), "second_factor.added"
    ),
    "UpdateMfaDeviceForUser": "second_factor.changed",
    "DeleteMfaDeviceForUser": "second_factor.removed",
    "EnableUser": "account.enabled",
    "DisableUser": "account.disabled",
    "UpdatePassword": "password.reset",
    **dict.fromkeys(("AssumeRole", "AssumeRoleWithSAML", "AssumeRoleWithWebIdentity"), "token.issued"),
    **dict.fromkeys(("GetSessionToken", "GetFederationToken", "GetSigninToken"), "token.issued"),
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
_IDENTITY = frozenset({"", "iam", "signin", "sso", "sso-directory", "identitystore", "sts"})
#: Kinds of record that carry ``errorCode`` when, and only when, the call failed.
_TELLS_ERRORS = frozenset({"AwsApiCall", "AwsConsoleAction"})
#: Versions whose records have no ``eventType``; all of them were calls (AWS added it with 1.02).
_UNTYPED = frozenset({"1.0", "1.00", "1.01"})
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

_WHO = "userIdentity"
_IDS = ("principalId", "arn", "onBehalfOf.userId", "identityProvider", "accountId", "invokedBy")
_said = reader(
    own_id="eventID",
    time="eventTime",
    service="eventSource",
    native="eventName",
    kind="eventType",
    version="eventVersion",
    error="errorCode",
    message="errorMessage",
    actor=tuple(f"{_WHO}.{key}" for key in _IDS),
    arn=f"{_WHO}.arn",
    user_name=f"{_WHO}.userName",
    who=f"{_WHO}.type",
    other_name=(f"{_WHO}.sessionContext.sessionIssuer.userName", f"{_WHO}.invokedBy", f"{_WHO}.arn"),
    key=f"{_WHO}.accessKeyId",
    on_name="requestParameters.userName",
    on_id=("responseElements.user.userId", "requestParameters.userId"),
    ip="sourceIPAddress",
    user_agent="userAgent",
    device="additionalEventData.MFAIdentifier",
    mfa=("additionalEventData.MFAUsed", f"{_WHO}.sessionContext.attributes.mfaAuthenticated"),
    target=_TARGETS,
)


def map_record(record: dict[str, Any], raw: bytes) -> Event:
    """Return the event of a CloudTrail record. Raises Unmappable."""
    said = _said(record)
    identity = said.service.removesuffix(".amazonaws.com") in _IDENTITY
    actor_name = _actor_name(said)
    account, account_name = said.actor, actor_name
    if identity and (said.on_name or said.on_id) and said.on_name != actor_name:
        # AWS tells only the name of others, or (Identity Center) only the id.
        account, account_name = said.on_id, said.on_name
    return make(
        SOURCE,
        raw,
        own_id=said.own_id,
        time_us=micros(said.time),
        native=said.native,
        words=WORDS if identity else {},
        category="iam" if identity else "api",
        outcome=_outcome(record, said),
        reason=": ".join(filter(None, (said.error, said.message))),
        account=account,
        account_name=account_name,
        actor=said.actor,
        actor_name=actor_name,
        ip=address(said.ip),
        user_agent=said.user_agent,
        # AWS issues one temporary access key a session (they begin with ASIA, lasting ones with AKIA).
        session=said.key if said.key.startswith("ASIA") else "",
        factor=said.device or ("mfa" if said.mfa.lower() in ("yes", "true") else ""),
        target=said.target,
    )


def _actor_name(said: Any) -> str:
    found: str = said.user_name
    if not found and ":assumed-role/" in said.arn:
        found = said.arn.partition(":assumed-role/")[2]
    return found or ("root" if said.who == "Root" else said.other_name)


def _outcome(record: dict[str, Any], said: Any) -> Outcome:
    if said.error or said.message:
        return Outcome.FAILURE
    if said.kind in _TELLS_ERRORS or (not said.kind and said.version in _UNTYPED):
        return Outcome.SUCCESS
    answer = text(record, f"responseElements.{said.native}", f"serviceEventDetails.{said.native}")
    return Outcome(answer.lower()) if answer in ("Success", "Failure") else Outcome.UNKNOWN


map_raw = of_json(map_record)
