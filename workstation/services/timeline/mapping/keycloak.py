"""Keycloak's user events and admin events (``EventRepresentation``, ``AdminEventRepresentation``), and its log lines.

A failure has the same type with ``_ERROR``; everything else happened. The log listener writes
``type="LOGIN_ERROR", userId="null", …`` instead: absent values are the text ``null`` there. Older servers write no
quotation marks. What the server itself knows comes before what a client wrote, and the first of a name counts, so no
user name can move an event to another account.

An admin event says who acted in ``authDetails`` and on whom in ``resourcePath``; a reset lock is filed under
``attack-detection/brute-force/users/ID``. Older servers gave admin events no id.
"""

from __future__ import annotations

import re
from typing import Any

from workstation.services.timeline.event import Event, Outcome
from workstation.services.timeline.mapping.fields import reader
from workstation.services.timeline.mapping.records import (
    Unmappable,
    address,
    at,
    decode,
    first_time,
    make,
    micros,
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
        ("ACTION UPDATE", "/(?:execute-actions|reset-password)-email", "password.reset_requested"),
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
_BARE_PAIR = re.compile(r"([A-Za-z_][A-Za-z0-9_.]*)=(.*?)(?=, [A-Za-z_][A-Za-z0-9_.]*=|\Z)", re.DOTALL)
#: Where the fields of an event begin in a line: the first such name is the server's.
_BEGIN = re.compile(r'\b(?:type|operationType)=("?)')
_LOGGER = "[org.keycloak.events]"
_ESCAPED = re.compile(r"\\(.)")
_STAMP = re.compile(r"\s*(\d{4}-\d\d-\d\d[T ]\d\d:\d\d:\d\d(?:[.,]\d+)?(?:Z|[+-]\d\d:?\d\d)?)")


_said = reader(
    own_id="id",
    time="time",
    native="type",
    error="error",
    account="userId",
    name="details.username",
    impersonator="details.impersonator",
    reason="details.reason",
    ip="ipAddress",
    user_agent="details.user_agent",
    session=("sessionId", "details.code_id", "details.authSessionParentId"),
    credential="details.credential_type",
    factor=("details.credential_type", "details.selected_credential_type"),
    new_email="details.updated_email",
    target=("details.updated_email", "details.email", "clientId"),
)
_admin = reader(
    own_id="id",
    time="time",
    operation="operationType",
    resource="resourceType",
    path="resourcePath",
    error="error",
    name="details.username",
    actor="authDetails.userId",
    actor_name=("authDetails.username", "authDetails.clientId"),
    ip="authDetails.ipAddress",
)


def map_record(record: dict[str, Any], raw: bytes) -> Event:
    """Return the event of a user event or an admin event. Raises Unmappable."""
    if "operationType" in record or "resourcePath" in record:
        return _admin_event(record, raw)
    message = at(record, "message")
    if isinstance(message, str) and (said := _pairs(message, bare=text(record, "log.logger", "loggerName"))):
        return _of_line(said, first_time(record, "@timestamp", "timestamp"), raw)
    return _user_event(record, raw)


def map_raw(raw: bytes, around_us: int) -> Event:
    """Return the event of a JSON record or a line of the server's log. Raises Unmappable."""
    if raw.lstrip().startswith(b"{"):
        return _map_json(raw, around_us)
    line = raw.decode("utf-8", "replace").rstrip()
    stamp = _STAMP.match(line)
    said = _pairs(line) if stamp else {}
    if stamp is None or not said:
        raise Unmappable("The line is no event of Keycloak's.")
    return _of_line(said, micros(stamp[1]), raw)


_map_json = of_json(map_record)


def _pairs(line: str, bare: str = "") -> dict[str, str]:
    """Return the fields that a line of the log names, the first of a name; nothing where it is no event.

    Args:
        line: the line, or the message in a record of a log that is written as JSON.
        bare: the logger's name, where it is not in the line.
    """
    match = _BEGIN.search(line)
    found: dict[str, str] = {}
    if match and match[1]:
        for name, value in _PAIR.findall(line, match.start()):
            found.setdefault(name, _ESCAPED.sub(r"\1", value))
    elif match and _LOGGER in (f"[{bare}]" if bare else line[: match.start()]):
        for name, value in _BARE_PAIR.findall(line, match.start()):
            found.setdefault(name, value)
    return found


def _of_line(said: dict[str, str], time_us: int, raw: bytes) -> Event:
    if "operationType" in said:
        who = {name: said.get(name) for name in ("userId", "ipAddress", "clientId")}
        return _admin_event({**said, "authDetails": who}, raw, time_us)
    if not said.get("type", "").endswith("_ERROR"):
        # Only a failure has an error of the server's; another one is what a client wrote.
        said.pop("error", None)
    return _user_event({**said, "details": said}, raw, time_us)


def _user_event(record: dict[str, Any], raw: bytes, time_us: int | None = None) -> Event:
    said = _said(record)
    kind = said.native.removesuffix("_ERROR")
    failed = kind != said.native or bool(said.error)
    return make(
        SOURCE,
        raw,
        own_id=said.own_id,
        time_us=micros(said.time) if time_us is None else time_us,
        native=said.native,
        words={said.native: _user_word(said, kind) or said.native},
        outcome=Outcome.FAILURE if failed else Outcome.SUCCESS if said.native else Outcome.UNKNOWN,
        reason=said.error or said.reason,
        account=said.account,
        account_name=said.name,
        actor="" if said.impersonator else said.account,
        actor_name=said.impersonator or said.name,
        ip=address(said.ip),
        user_agent=said.user_agent,
        session=said.session,
        factor=said.factor,
        target=said.target,
    )


def _user_word(said: Any, kind: str) -> str:
    if found := _CREDENTIALS.get((kind, said.credential)):
        return found
    if kind == "UPDATE_PROFILE" and said.new_email:
        return "email.changed"
    return WORDS.get(kind, "")


def _admin_event(record: dict[str, Any], raw: bytes, time_us: int | None = None) -> Event:
    said = _admin(record)
    account, word = _on_whom(said.path, said.operation)
    native = f"{said.operation} {said.resource}".strip()
    return make(
        SOURCE,
        raw,
        own_id=said.own_id,
        time_us=micros(said.time) if time_us is None else time_us,
        native=native,
        words={native: word or native},
        category="iam",
        outcome=Outcome.FAILURE if said.error else Outcome.SUCCESS if said.operation else Outcome.UNKNOWN,
        reason=said.error or _written(record),
        account=account,
        account_name=said.name,
        actor=said.actor,
        actor_name=said.actor_name,
        ip=address(said.ip),
        target=said.path,
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
