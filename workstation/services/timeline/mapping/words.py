"""Our own words for actions, one vocabulary for every source, the sandbox, and the rules that mark events.

What has no word here keeps its native name. A word says as much as a source can say: one that cannot tell an e-mail
address from a phone number has no word for the change, rather than a vaguer one that rules would have to know too.
"""

from __future__ import annotations

#: word → (ECS ``event.category``, what it means). ``docs/mapping.md`` lists the same table.
WORDS: dict[str, tuple[str, str]] = {
    "sign_in": ("authentication", "somebody signed in, or tried to (the outcome says which)"),
    "sign_in.challenged": ("authentication", "a further proof was asked for"),
    "sign_out": ("authentication", "somebody signed out"),
    "second_factor.checked": ("authentication", "a second factor was given, rightly or wrongly"),
    "recovery_code.used": ("authentication", "a recovery code stood in for the second factor"),
    "leaked_password.used": ("authentication", "a password known from a leak was used"),
    "application.opened": ("authentication", "an application was entered by single sign-on"),
    "token.issued": ("authentication", "a token, or a role's temporary keys, were issued"),
    "token.refreshed": ("authentication", "a refresh token was exchanged"),
    "token.revoked": ("authentication", "a token was withdrawn"),
    "client.sign_in": ("authentication", "a program signed in as itself"),
    "session.started": ("session", "a session began"),
    "session.resumed": ("session", "a live session went on from another address or device"),
    "session.ended": ("session", "a session was ended by somebody or something else than a sign-out"),
    "impersonation.started": ("session", "staff acts as the account"),
    "impersonation.ended": ("session", "staff no longer acts as the account"),
    "second_factor.added": ("iam", "a second factor was enrolled"),
    "second_factor.changed": ("iam", "a second factor was changed, renamed, suspended or brought back"),
    "second_factor.removed": ("iam", "a second factor was removed or reset"),
    "recovery_codes.created": ("iam", "recovery or bypass codes were made"),
    "credential.removed": ("iam", "a factor or password was removed; the source does not say which"),
    "password.changed": ("iam", "the password was set to another one"),
    "password.removed": ("iam", "the password was taken away"),
    "password.reset_requested": ("iam", "a way to set a new password was asked for or sent"),
    "password.reset": ("iam", "the password was reset"),
    "password.viewed": ("iam", "a stored password was shown"),
    "email.changed": ("iam", "an e-mail address was set to another one"),
    "email.verified": ("iam", "an e-mail address was verified"),
    "phone.changed": ("iam", "a phone number was set to another one"),
    "phone.checked": ("iam", "the carrier was asked about the number; a failure says that its SIM card changed"),
    "identity.proofed": ("iam", "the client proved who they are, as by a video"),
    "device.confirmed": ("iam", "a device known before answered with its own key"),
    "profile.changed": ("iam", "other data of the account were changed"),
    "forwarding.changed": ("configuration", "mail is sent on to somewhere else"),
    "mail_rule.changed": ("configuration", "a rule that sorts, hides or deletes mail was written"),
    "mailbox.shared": ("iam", "somebody else may read a mailbox or send from it"),
    "account.created": ("iam", "an account was made"),
    "account.removed": ("iam", "an account was deleted"),
    "account.enabled": ("iam", "an account was switched on"),
    "account.disabled": ("iam", "an account was switched off"),
    "account.locked": ("iam", "an account was locked, as after wrong passwords"),
    "account.unlocked": ("iam", "a lock was lifted"),
    "account.changed": ("iam", "an account was written by an administrator; the source does not say what changed"),
    "role.granted": ("iam", "a role or permission was given"),
    "role.removed": ("iam", "a role or permission was taken away"),
    "group.joined": ("iam", "an account joined a group"),
    "group.left": ("iam", "an account left a group"),
    "identity.linked": ("iam", "an outside identity may sign in as the account"),
    "identity.unlinked": ("iam", "an outside identity may no longer sign in as the account"),
    "consent.granted": ("iam", "an application was given access"),
    "consent.revoked": ("iam", "an application's access was withdrawn"),
    "device.added": ("iam", "a device was registered"),
    "device.removed": ("iam", "a device was removed"),
    "api_key.created": ("iam", "an API key was made"),
    "api_key.changed": ("iam", "an API key was switched on or off, or its rights were changed"),
    "api_key.removed": ("iam", "an API key was deleted"),
    "withdrawal_address.added": ("configuration", "a withdrawal address was added"),
    "withdrawal_address.removed": ("configuration", "a withdrawal address was removed"),
    "hold.placed": ("configuration", "withdrawals or settings were put on hold"),
    "hold.lifted": ("configuration", "a hold was lifted, or ran out"),
    "deposit.received": ("", "money came in"),
    "trade.filled": ("", "a trade was made"),
    "withdrawal.requested": ("", "a withdrawal was asked for"),
    "withdrawal.completed": ("", "a withdrawal was paid out"),
    "withdrawal.refused": ("", "a withdrawal was refused"),
    "notice.sent": ("email", "the client was told of something"),
    "support.viewed": ("iam", "staff looked at the account"),
    "risk.detected": ("threat", "the source itself took something for suspicious"),
}


def category_of(word: str) -> str:
    """Return the ECS category of one of our words, ``""`` for a native name."""
    return WORDS[word][0] if word in WORDS else ""
