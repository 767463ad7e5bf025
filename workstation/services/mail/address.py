"""E-mail addresses that we write to, and those that were written to us."""

from __future__ import annotations

import re

import idna

from workstation.services.errors import Invalid

#: RFC 5321, 4.5.3.1: octets of a local part, and of a path without its angle brackets.
LOCAL_MAX, ADDRESS_MAX = 64, 254
_DOT_ATOM = re.compile(r"[A-Za-z0-9!#$%&'*+/=?^_`{|}~-]+(?:\.[A-Za-z0-9!#$%&'*+/=?^_`{|}~-]+)*\Z")
_LABEL = re.compile(r"[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?\Z")
_HINT = "Check the contact on the account; mail goes to one plain address only."


def recipient(address: str) -> str:
    """Return `address` as it goes on the wire: local part as given, domain in ASCII and lower case.

    Exactly one bare address is taken: no display name, no comment, no quoted local part, no address
    literal, no list. Domains in other scripts become A-labels (IDNA 2008, RFC 5891); a local part that is
    not ASCII is refused, because not every relay on the way has SMTPUTF8 (RFC 6531).

    Raises:
        Invalid: `address` is anything else.
    """
    local, at, domain = address.rpartition("@")
    if not at or not local or not domain:
        raise Invalid("The recipient is not an e-mail address.", _HINT)
    if not _DOT_ATOM.match(local) or len(local) > LOCAL_MAX:
        raise Invalid("The recipient's name before the @ holds characters that a plain address does not have.", _HINT)
    wire = f"{local}@{ascii_domain(domain)}"
    if len(wire) > ADDRESS_MAX:
        raise Invalid("The recipient's address is longer than 254 characters.", _HINT)
    return wire


def ascii_domain(domain: str) -> str:
    """Return a domain name in lower-case ASCII.

    Raises:
        Invalid: it is no domain name with at least two labels.
    """
    try:
        name = domain.lower() if domain.isascii() else idna.encode(domain, uts46=True).decode("ascii")
    except (idna.IDNAError, UnicodeError) as error:
        raise Invalid("The recipient's domain cannot be written in ASCII.", _HINT) from error
    labels = name.split(".")
    if len(labels) < 2 or not all(_LABEL.match(label) for label in labels) or labels[-1].isdigit():
        raise Invalid("The recipient's domain is not a domain name.", _HINT)
    return name


def same(one: str, other: str) -> bool:
    """Return whether two addresses are the same mailbox for us: domain without case, local part without case.

    RFC 5321 lets a server tell ``A@x`` from ``a@x``; none that clients use does, and clients type both.
    Dots and ``+tags`` are *not* folded: that is one provider's habit, and guessing it would bind a
    stranger's mail to an account.
    """
    try:
        return recipient(one).lower() == recipient(other).lower()
    except Invalid:
        return False
