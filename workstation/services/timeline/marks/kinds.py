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


def _squashed(word: str) -> str:
    return _PUNCTUATION.sub("", word.casefold())


_KINDS = {_squashed(word): kind for kind, words in _SAID.items() for word in words.split()}


def kind_of(action: str) -> Kind:
    """Return what an action means."""
    return _KINDS.get(_squashed(action), Kind.OTHER)
