"""What an action means to a detector, whatever its source calls it."""

from __future__ import annotations

import re
from enum import IntEnum


class Kind(IntEnum):
    """The few things that detectors ask of an action; ``OTHER`` is everything else."""

    OTHER = 0
    SIGN_IN = 1
    RESUMED = 2
    CHALLENGED = 3
    FACTOR_CHECKED = 4
    FACTOR_OFF = 5
    FACTOR_ON = 6
    FACTOR_CHANGED = 7
    CODES = 8
    RECOVERED = 9
    PASSWORD = 10
    RESET = 11
    RESET_ASKED = 12
    CONTACT = 13
    FORWARDING = 14
    ADDRESS = 15
    WITHDRAWAL = 16
    PAID = 17
    KEY = 18
    LINKED = 19
    GRANTED = 20
    ENDED = 21
    PHONE_CHECKED = 22
    VIEWED = 23
    LOCKED = 24
    PROVED = 25


#: Our words (``mapping/words.py``), those of an exchange by our contract, and the plain ones that others use; compared
#: without case and punctuation.
_SAID: dict[Kind, str] = {
    Kind.SIGN_IN: "sign_in session.started login logon user.login user_login sign-in.succeeded",
    Kind.RESUMED: "session.resumed",
    Kind.CHALLENGED: "sign_in.challenged",
    Kind.FACTOR_CHECKED: "second_factor.checked mfa.checked mfa.verified",
    Kind.FACTOR_OFF: "second_factor.removed credential.removed mfa.removed mfa.disabled factor.removed 2fa.disabled",
    Kind.FACTOR_ON: "second_factor.added mfa.added mfa.enabled mfa.enrolled factor.added 2fa.enabled passkey.added",
    Kind.FACTOR_CHANGED: "second_factor.changed mfa.changed mfa.reset factor.changed",
    Kind.CODES: "recovery_codes.created",
    Kind.RECOVERED: "recovery_code.used",
    Kind.PASSWORD: "password.changed password.removed change_password password_change",
    Kind.RESET: "password.reset password_reset reset_password",
    Kind.RESET_ASKED: "password.reset_requested password_reset_requested",
    Kind.CONTACT: "contact.changed email.changed phone.changed email_change phone_change email.updated phone.updated",
    Kind.FORWARDING: "forwarding.changed",
    Kind.ADDRESS: "withdrawal_address.added address.added whitelist.added payee.added beneficiary.added",
    Kind.WITHDRAWAL: "withdrawal.requested withdrawal.created withdrawal payout.requested transfer.requested",
    Kind.PAID: "withdrawal.completed payout.completed transfer.completed",
    Kind.KEY: "api_key.created api_key.added apikey.create access_key.created",
    Kind.LINKED: "identity.linked consent.granted",
    Kind.GRANTED: "role.granted group.joined",
    Kind.ENDED: "session.ended",
    Kind.PHONE_CHECKED: "phone.checked",
    Kind.VIEWED: "support.viewed",
    Kind.LOCKED: "account.locked",
    Kind.PROVED: "identity.proofed device.confirmed",
}
_PUNCTUATION = re.compile(r"[\W_]+")
#: Names that programs make up: what is meant, then what is done with it. A name is understood only where every part of
#: it is one of these or says nothing (:data:`_SILENT`), so that ``mfa.policy.disabled`` is no factor of the account's.
_OFF = "removed remove disabled disable deleted delete deactivated deactivate unenrolled unenroll off revoked revoke"
_ON = (
    "added add enabled enable enrolled enroll registered register activated activate created create setup on new linked"
)
_CHANGED = "changed change updated update edited edit modified modify set"
_FACTORS = "mfa twofactor secondfactor 2fa factor otp totp authenticator passkey webauthn fido fido2 u2f 2sv"
_REFUSED = "failed failure failures denied deny rejected declined"
_MEANT: tuple[tuple[str, str, Kind], ...] = (
    (_FACTORS, _OFF, Kind.FACTOR_OFF),
    (_FACTORS, _ON, Kind.FACTOR_ON),
    (_FACTORS, f"{_CHANGED} reset", Kind.FACTOR_CHANGED),
    (_FACTORS, f"checked verified verify success passed timeout expired {_REFUSED}", Kind.FACTOR_CHECKED),
    (_FACTORS, "challenge challenged prompt prompted requested request sent push", Kind.CHALLENGED),
    ("login logon signin authentication", f"attempt success succeeded successful {_REFUSED}", Kind.SIGN_IN),
    ("logged signed", "in", Kind.SIGN_IN),
    ("sign log", "in", Kind.SIGN_IN),
    ("account user", "lockout locked lock", Kind.LOCKED),
    ("password", "reset recovered recovery", Kind.RESET),
    ("password", "forgot forgotten", Kind.RESET_ASKED),
    ("password", _CHANGED, Kind.PASSWORD),
    ("email mail phone contact mobile", _CHANGED, Kind.CONTACT),
    ("apikey apitoken accesskey", _ON, Kind.KEY),
    ("forwarding forward", f"{_ON} {_CHANGED} mail email", Kind.FORWARDING),
    ("withdrawaladdress payee beneficiary addressbook whitelist allowlist", _ON, Kind.ADDRESS),
    ("withdrawal withdraw payout", "created create requested request initiated submitted", Kind.WITHDRAWAL),
    ("consent oauth app application", "granted grant authorized authorize consented", Kind.LINKED),
    ("role permission", "granted grant assigned assign", Kind.GRANTED),
)
_SILENT = "user account self service customer client my own your event auth the security rule number primary"
_FILLING = frozenset(_SILENT.split())
_JOINED = {
    "api": ("key", "token"),
    "access": ("key",),
    "withdrawal": ("address",),
    "address": ("book",),
    "two": ("factor",),
    "second": ("factor",),
}
_GUESSED = tuple((frozenset(things.split()), frozenset(deeds.split()), kind) for things, deeds, kind in _MEANT)
_REFUSALS = frozenset(_REFUSED.split()) | {"timeout", "expired"}
_ASKED = frozenset({"password", "reset", "requested", "request"})
_CAMEL = re.compile(r"(?<=[a-z0-9])(?=[A-Z])")


def _squashed(word: str) -> str:
    return _PUNCTUATION.sub("", word.casefold())


_KINDS = {_squashed(word): kind for kind, words in _SAID.items() for word in words.split()}


def kind_of(action: str) -> Kind:
    """Return what an action means."""
    known = _KINDS.get(_squashed(action))
    return _guessed(action) if known is None else known


def _guessed(action: str) -> Kind:
    """Return what a name of somebody's own means, by its parts; ``OTHER`` where one of them is not understood."""
    parts = _parts(action)
    if "password" in parts and parts & {"requested", "request"}:
        return Kind.RESET_ASKED if parts <= _ASKED | _FILLING else Kind.OTHER
    for things, deeds, kind in _GUESSED:
        thing, deed = parts & things, parts & deeds
        if thing and deed - thing and parts <= thing | deed | _FILLING:
            return kind
    return Kind.OTHER


def refused(action: str) -> bool:
    """Return whether a name itself says that it did not work, as ``login-failed`` does."""
    return not _parts(action).isdisjoint(_REFUSALS)


def _parts(action: str) -> set[str]:
    words = [part.casefold() for part in _PUNCTUATION.split(_CAMEL.sub(" ", action)) if part]
    joined: list[str] = []
    for word in words:
        if joined and word in _JOINED.get(joined[-1], ()):
            joined[-1] += word
        else:
            joined.append(word)
    return set(joined)
