"""Which case a mail belongs to, and when it may speak for an account.

A thread is a convenience, not a proof: Message-IDs and subjects travel with every forwarded mail. What
a mail may be taken for is decided by :func:`speaks_for` alone.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from workstation.services.mail import tokens
from workstation.services.mail.address import same
from workstation.services.mail.inbound import Inbound


def thread_of(inbound: Inbound, known_ids: Mapping[str, str], key: bytes | None = None) -> str | None:
    """Return the reference of the case that `inbound` continues, or None.

    References from the newest to the oldest, then In-Reply-To, then the token of the subject (RFC 5322,
    3.6.4 names the first two; the token survives programs that lose them).

    Args:
        inbound: the mail.
        known_ids: Message-IDs that we sent or filed, each with its case reference.
        key: where given, a token counts only with its right tag, so that a number that somebody guesses
            opens no thread.
    """
    for candidate in (*reversed(inbound.references), inbound.in_reply_to):
        if candidate in known_ids:
            return known_ids[candidate]
    ref = inbound.case_token
    if not ref or (key is not None and not tokens.right_tag(ref, inbound.token_tag, key)):
        return None
    return ref


def speaks_for(inbound: Inbound, addresses: Iterable[str]) -> bool:
    """Return whether the mail may be taken as the account holder's word.

    Only if our own server vouches for the sender (:attr:`Inbound.verified`) and the sender is one of
    `addresses`, the contacts that were verified before the trouble began. Being in the thread is not enough.
    """
    return inbound.verified and any(same(inbound.sender, address) for address in addresses)
