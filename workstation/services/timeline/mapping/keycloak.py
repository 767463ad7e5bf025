"""Keycloak's user events and admin events (``EventRepresentation``, ``AdminEventRepresentation``), and its log lines.

A failure has the same type with ``_ERROR``; everything else happened. The log listener writes
``type="LOGIN_ERROR", userId="null", …`` instead: absent values are the text ``null`` there.

An admin event says who acted in ``authDetails`` and on whom in ``resourcePath``; a reset lock is filed under
``attack-detection/brute-force/users/ID``. Older servers gave admin events no id.
"""

from __future__ import annotations

import re
from typing import Any

from workstation.services.timeline.event import Event, Outcome
from workstation.services.timeline.mapping.records import (
    Unmappable,
    address,
    at,
    decode,
    first_time,
    make,
    of_json,
    text,
)

SOURCE = "keycloak"
WORDS = {
    "LOGIN": "sign_in",
    "LOGOUT": "sign_out",
    "REGISTER": "account.created",
    "DELETE_ACCOUNT": "account.removed",
    "UPDATE_PASSWORD": "password.changed",
    "SEND_RESET_PASSWORD": "password.reset_requested",
    "RESET_PASSWORD": "password.reset",
    "UPDATE_TOTP": "second_factor.added",
    "REMOVE_TOTP": "second_factor.removed",
    "UPDATE_EMAIL": "email.changed",
    "VERIFY_EMAIL": "email.verified",
    "UPDATE_PROFILE": "profile.changed",
    "CODE_TO_TOKEN": "token.issued",
    "TOKEN_EXCHANGE": "token.issued",
    "REFRESH_TOKEN": "token.refreshed",
    "REVOKE_GRANT": "consent.revoked",
    "GRANT_CONSENT": "consent.granted",
    "UPDATE_CONSENT": "consent.granted",
    "CLIENT_LOGIN": "client.sign_in",
    "IMPERSONATE": "impersonation.started",
    "FEDERATED_IDENTITY_LINK": "identity.linked",
    "REMOVE_FEDERATED_IDENTITY": "identity.unlinked",
    "USER_DISABLED_BY_PERMANENT_LOCKOUT": "account.locked",
    "USER_DISABLED_BY_TEMPORARY_LOCKOUT": "account.locked",
    "USER_SESSION_DELETED": "session.ended",
}
#: UPDATE_CREDENTIAL and REMOVE_CREDENTIAL say in ``details.credential_type`` what they are about.
_CREDENTIALS = {
    ("UPDATE_CREDENTIAL", "password"): "password.changed",
    ("REMOVE_CREDENTIAL", "password"): "password.removed",
    ("UPDATE_CREDENTIAL", "recovery-authn-codes"): "recovery_codes.created",
    **{("UPDATE_CREDENTIAL", kind): "second_factor.added" for kind in ("otp", "webauthn", "webauthn-passwordless")},
    **{
        ("REMOVE_CREDENTIAL", kind): "second_factor.removed"
        for kind in ("otp", "webauthn", "webauthn-passwordless", "recovery-authn-codes")
    },
}
#: What an administrator did: operations, and the path below ``users/ID``.
_ADMIN = [
    (operations.split(), re.compile(path), word)
    for operations, path, word in (
        ("CREATE", "", "account.created"),
        ("DELETE", "", "account.removed"),
        ("UPDATE", "", "account.changed"),
        ("ACTION DELETE", "/credentials/[^/]+", "credential.removed"),
        ("ACTION UPDATE", "/reset-password", "password.changed"),
        ("ACTION UPDATE", "/disable-credential-types", "credential.removed"),
        ("ACTION CREATE", "/logout", "session.ended"),
        ("ACTION CREATE", "/impersonation", "impersonation.started"),
        ("CREATE", "/role-mappings/.*", "role.granted"),
        ("DELETE", "/role-mappings/.*", "role.removed"),
        ("CREATE UPDATE", "/groups/.*", "group.joined"),
        ("DELETE", "/groups/.*", "group.left"),
        ("CREATE", "/federated-identity/.*", "identity.linked"),
        ("DELETE", "/federated-identity/.*", "identity.unlinked"),
        ("ACTION DELETE", "/consents/.*", "consent.revoked"),
    )
]
_USER_PATH = re.compile(r"users/([^/]+)(.*)")
_UNLOCK = re.compile(r"attack-detection/brute-force/users/([^/]+)")
_PAIR = re.compile(r'([A-Za-z_][A-Za-z0-9_.]*)="((?:[^"\\]|\\.)*)"')
_STAMP = re.compile(r"\s*(\d{4}-\d\d-\d\d[T ]\d\d:\d\d:\d\d(?:[.,]\d+)?(?:Z|[+-]\d\d:?\d\d)?)")


def map_record(record: dict[str, Any], raw: bytes) -> Event:
    """Return the event of a user event or an admin event. Raises Unmappable."""
    if "operationType" in record or "resourcePath" in record:
        return _admin_event(record, raw)
    message = at(record, "message")
    if isinstance(message, str) and 'type="' in message:
        return _log_line(message, first_time(record, "@timestamp", "timestamp"), raw)
    return _user_event(record, raw, first_time(record, "time"))


def map_raw(raw: bytes, around_us: int) -> Event:
    """Return the event of a JSON record or a line of the server's log. Raises Unmappable."""
    if raw.lstrip().startswith(b"{"):
        return of_json(map_record)(raw, around_us)
    line = raw.decode("utf-8", "replace")
    stamp = _STAMP.match(line)
    if stamp is None or 'type="' not in line:
        raise Unmappable("The line is no event of Keycloak's.")
    return _log_line(line, first_time({"time": stamp[1]}, "time"), raw)


def _log_line(line: str, time_us: int, raw: bytes) -> Event:
    said = {name: re.sub(r"\\(.)", r"\1", value) for name, value in _PAIR.findall(line)}
    if "operationType" in said:
        who = {name: said.get(name) for name in ("userId", "ipAddress", "clientId")}
        return _admin_event({**said, "authDetails": who, "time": time_us // 1000}, raw, time_us)
    return _user_event({**said, "details": said}, raw, time_us)


def _user_event(record: dict[str, Any], raw: bytes, time_us: int) -> Event:
    native = text(record, "type")
    kind = native.removesuffix("_ERROR")
    failed = kind != native or bool(text(record, "error"))
    account, name = text(record, "userId"), text(record, "details.username")
    impersonator = text(record, "details.impersonator")
    return make(
        SOURCE,
        raw,
        own_id=text(record, "id"),
        time_us=time_us,
        native=native,
        words={native: _user_word(record, kind) or native},
        outcome=Outcome.FAILURE if failed else Outcome.SUCCESS if native else Outcome.UNKNOWN,
        reason=text(record, "error", "details.reason"),
        account=account,
        account_name=name,
        actor="" if impersonator else account,
        actor_name=impersonator or name,
        ip=address(text(record, "ipAddress")),
        user_agent=text(record, "details.user_agent"),
        session=text(record, "sessionId", "details.code_id"),
        factor=text(record, "details.credential_type", "details.selected_credential_type"),
        target=text(record, "details.updated_email", "details.email", "clientId"),
    )


def _user_word(record: dict[str, Any], kind: str) -> str:
    if found := _CREDENTIALS.get((kind, text(record, "details.credential_type"))):
        return found
    if kind == "UPDATE_PROFILE" and text(record, "details.updated_email"):
        return "email.changed"
    return WORDS.get(kind, "")


def _admin_event(record: dict[str, Any], raw: bytes, time_us: int | None = None) -> Event:
    path, operation = text(record, "resourcePath"), text(record, "operationType")
    account, word = _on_whom(path, operation)
    native = " ".join(filter(None, (operation, text(record, "resourceType"))))
    error = text(record, "error")
    return make(
        SOURCE,
        raw,
        own_id=text(record, "id"),
        time_us=first_time(record, "time") if time_us is None else time_us,
        native=native,
        words={native: word or native},
        category="iam",
        outcome=Outcome.FAILURE if error else Outcome.SUCCESS if operation else Outcome.UNKNOWN,
        reason=error or _written(record),
        account=account,
        account_name=text(record, "details.username"),
        actor=text(record, "authDetails.userId"),
        actor_name=text(record, "authDetails.username", "authDetails.clientId"),
        ip=address(text(record, "authDetails.ipAddress")),
        target=path,
    )


def _on_whom(path: str, operation: str) -> tuple[str, str]:
    """Return whose account the path names, and our word for what was done to it."""
    if match := _UNLOCK.fullmatch(path):
        return match[1], "account.unlocked" if operation == "DELETE" else ""
    match = _USER_PATH.fullmatch(path)
    if match is None:
        return "", ""
    words = (word for operations, below, word in _ADMIN if operation in operations and below.fullmatch(match[2]))
    return match[1], next(words, "")


def _written(record: dict[str, Any]) -> str:
    """Say whether the account is on or off in what was written: an update carries the whole user, not the change."""
    representation = text(record, "representation")
    if not representation.lstrip().startswith("{"):
        return ""
    try:
        enabled = at(decode(representation.encode()), "enabled")
    except Unmappable:
        return ""
    return f"written with enabled: {str(enabled).lower()}" if isinstance(enabled, bool) else ""
